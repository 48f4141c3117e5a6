import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openConvertInput } from "../../lib/checkpoint/open_input.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { type AdapterImport, type ImportOptions, planImport } from "../../lib/layouts/import.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { readLayer } from "../../lib/merge/layer.ts";
import { validateAdapter } from "../../lib/adapter/validate.ts";
import { assertClose } from "../_close.ts";
import { withFolder } from "../merge/_adapters.ts";
import {
  classifierTensors,
  FILE_SIZES,
  type FileTensor,
  moduleTensors,
  robertaTensors,
  tensor,
  writeTensors,
} from "./_files.ts";
import { originalUpdate, randomBody, randomRows } from "./_modules.ts";

/** Writes tensors, imports them into `folder`/ours and gives the result. */
async function importTensors(
  folder: string,
  tensors: readonly FileTensor[],
  options: ImportOptions = {},
  file: Parameters<typeof writeTensors>[2] = {},
): Promise<AdapterImport> {
  const path = await writeTensors(folder, tensors, file);
  using input = await openConvertInput(path);
  const imported = await planImport(input.checkpoint, join(folder, "ours"), options);
  await execute(imported.plan, { force: true });
  return imported;
}

/** What a stored module adds, against the original's own forward pass. */
async function assertSame(
  folder: string,
  layer: number,
  want: (rows: number[][]) => number[][],
): Promise<void> {
  using adapter = await openAdapter(join(folder, "ours"));
  const module = await readLayer(adapter, layer);
  const rows = randomRows(5, FILE_SIZES.hiddenSize, 21);
  const values = Float64Array.from(rows.flat());
  const found = layerUpdate(module, { values, starts: [0, 5] });
  // One rounding to F32 for each weight: 2^-24 relative, a handful of them in a row.
  assertClose(found, want(rows).flat(), { atol: 3e-6, rtol: 3e-6 });
}

const original = (kind: "joined" | "split" | "nemo", seed: number) => (rows: number[][]) => {
  const body = randomBody(kind, FILE_SIZES, seed);
  return originalUpdate(kind, body, FILE_SIZES, rows, rows.map(() => false));
};

Deno.test("planImport() takes the authors' RoBERTa apart exactly", async () => {
  await withFolder(async (folder) => {
    const options = { heads: 2, task: undefined };
    const imported = await importTensors(folder, robertaTensors(), { heads: options.heads });
    assertEquals([imported.layout, imported.exact, imported.mixture], ["authors", true, undefined]);
    assertEquals(imported.leftOut, ["roberta.embeddings.word_embeddings.weight"]);
    const { config } = imported;
    assertEquals(
      [config.baseModelType, config.hiddenSize, config.numHiddenLayers, config.headDim],
      ["roberta", 6, 2, 2],
    );
    assertEquals(config.task, { type: "classification", labels: null });
    await assertSame(folder, 0, original("joined", 1));
    await assertSame(folder, 1, original("joined", 2));
    using adapter = await openAdapter(join(folder, "ours"));
    assertEquals([adapter.config.numHeads, adapter.numLabels, adapter.config.combine], [
      2,
      3,
      "sum",
    ]);
    assertEquals(await validateAdapter(join(folder, "ours")), [
      { path: join(folder, "ours", "adapter_config.json"), faults: [], warnings: [] },
    ]);
  });
});

Deno.test("planImport() says what it assumes: heads of width 1, the base's type, m0", async () => {
  await withFolder(async (folder) => {
    const { config, notes } = await importTensors(folder, robertaTensors());
    assertEquals([config.numHeads, config.headDim], [4, 1]);
    const text = notes.join("\n");
    for (const says of ["4 heads of width 1", '"roberta" by the names', "m0", "0.01"]) {
      assertStringIncludes(text, says);
    }
    const stated = await importTensors(folder, robertaTensors(), {
      headDim: 2,
      base: { modelType: "xlm-roberta" },
      task: { task: { type: "classification", labels: ["a", "b", "c"] }, numLabels: 3 },
    });
    assertEquals(stated.config.baseModelType, "xlm-roberta");
    assertEquals(stated.config.task.labels, ["a", "b", "c"]);
    assert(!stated.notes.join("\n").includes("by the names"));
  });
});

Deno.test("planImport() reads names behind module. and heads from the metadata", async () => {
  await withFolder(async (folder) => {
    const wrapped = robertaTensors().map((each) => ({ ...each, name: `module.${each.name}` }));
    const metadata = { "attention_head": "2" };
    const { config } = await importTensors(folder, wrapped, {}, { metadata });
    assertEquals([config.baseModelType, config.numHeads, config.headDim], ["roberta", 2, 2]);
    await assertSame(folder, 1, original("joined", 2));
  });
});

Deno.test("planImport() scales the output of the authors' old code", async () => {
  await withFolder(async (folder) => {
    const imported = await importTensors(folder, robertaTensors(), { heads: 2, outputScale: 0.01 });
    assertStringIncludes(imported.notes.join("\n"), "scaled by 0.01");
    await assertSame(folder, 0, (rows) => {
      return original("joined", 1)(rows).map((row) => row.map((value) => 0.01 * value));
    });
  });
});

Deno.test("planImport() makes the parallel mean of a mixture and measures the gap", async () => {
  await withFolder(async (folder) => {
    const tensors = [0, 1].flatMap((layer) =>
      [0, 1, 2, 3].flatMap((expert) =>
        moduleTensors(
          `roberta.encoder.layer.${layer}.tiny_attn.${expert}`,
          "joined",
          10 * layer + expert,
        )
      )
    );
    const imported = await importTensors(folder, [...tensors, ...classifierTensors()], {
      heads: 2,
    });
    assertEquals([imported.exact, imported.config.numHeads, imported.config.headDim], [
      false,
      8,
      2,
    ]);
    assertEquals(imported.mixture?.map(({ layer }) => layer), [0, 1]);
    assert(imported.mixture!.every(({ gap, update }) => gap > 0.001 && update > 0.01));
    assertStringIncludes(imported.notes[0]!, "not exact");
    for (const layer of [0, 1]) {
      await assertSame(folder, layer, (rows) => {
        const updates = [0, 1, 2, 3].map((expert) => original("joined", 10 * layer + expert)(rows));
        return rows.map((row, t) =>
          row.map((_, i) => updates.reduce((sum, update) => sum + update[t]![i]! / 4, 0))
        );
      });
    }
  });
});

Deno.test("planImport() stores ALBERT's shared module once", async () => {
  await withFolder(async (folder) => {
    const path = "albert.encoder.albert_layer_groups.0.albert_layers.0.tiny_attn";
    const task = { task: { type: "classification", labels: ["no", "yes"] }, numLabels: 2 } as const;
    const imported = await importTensors(folder, moduleTensors(path, "joined", 4), {
      heads: 2,
      base: { numHiddenLayers: 12 },
      task,
    });
    assertEquals([imported.config.baseModelType, imported.config.numHiddenLayers], ["albert", 12]);
    assertStringIncludes(imported.notes.join("\n"), "all zeros");
    await assertSame(folder, 0, original("joined", 4));
    using adapter = await openAdapter(join(folder, "ours"));
    assertEquals(adapter.tensors.size, 12);
    assert(adapter.tensors.has(path.replace("albert.", "") + ".query.weight"));
    assertEquals(await validateAdapter(join(folder, "ours")), [
      { path: join(folder, "ours", "adapter_config.json"), faults: [], warnings: [] },
    ]);
    const missing = await assertRejects(
      () => importTensors(folder, moduleTensors(path, "joined", 4), { heads: 2, task }),
      TinygraftError,
      "how many layers share",
    );
    assertEquals(missing.code, "usage");
  });
});

Deno.test("planImport() takes GPT-2's modules and says that they are not causal", async () => {
  await withFolder(async (folder) => {
    const tensors = [0, 1].flatMap((layer) =>
      moduleTensors(`transformer.h.${layer}.tiny_attn`, "split", layer + 5)
    );
    const imported = await importTensors(folder, [...tensors, ...classifierTensors()], {
      heads: 2,
    });
    assertEquals([imported.exact, imported.config.baseModelType], [true, "gpt2"]);
    assertStringIncludes(imported.notes.join("\n"), "not causal");
    await assertSame(folder, 1, original("split", 6));
  });
});

Deno.test("planImport() renames NeMo's modules and chooses one of several by name", async () => {
  await withFolder(async (folder) => {
    const path = (layer: number, name: string) => `encoder.layers.${layer}.adapter_layer.${name}`;
    const tensors = [0, 1].flatMap((layer) => moduleTensors(path(layer, "asr"), "nemo", layer + 8));
    const other = [
      tensor(`${path(0, "linear")}.module.0.weight`, [4]),
      tensor(`${path(1, "linear")}.module.0.weight`, [4]),
    ];
    const task = { task: { type: "regression", labels: null }, numLabels: 1 } as const;
    const options = { heads: 2, adapter: "asr", task };
    const imported = await importTensors(folder, [...tensors, ...other], options);
    assertEquals([imported.layout, imported.config.baseModelType], ["nemo", "conformer"]);
    assertEquals(imported.leftOut, other.map(({ name }) => name));
    await assertSame(folder, 1, original("nemo", 9));
    const { adapter: _, ...unnamed } = options;
    const error = await assertRejects(
      () => importTensors(folder, [...tensors, ...other], unnamed),
      TinygraftError,
      '"asr" and "linear"',
    );
    assertEquals(error.code, "ambiguous-layout");
  });
});

Deno.test("planImport() keeps the dtype, or stores another", async () => {
  const dtypes = async (folder: string) => {
    using adapter = await openAdapter(join(folder, "ours"));
    return [...new Set([...adapter.tensors.values()].map(({ dtype }) => dtype))];
  };
  await withFolder(async (folder) => {
    await importTensors(folder, robertaTensors(), {}, { dtype: "BF16" });
    assertEquals(await dtypes(folder), ["BF16"]);
    await importTensors(folder, robertaTensors(), {}, { dtype: "F64" });
    assertEquals(await dtypes(folder), ["F32"]);
    await importTensors(folder, robertaTensors(), { dtype: "F16" });
    assertEquals(await dtypes(folder), ["F16"]);
    const large = robertaTensors();
    large[0]!.values[0] = 1e6;
    const error = await assertRejects(
      () => importTensors(folder, large, { dtype: "F16" }),
      TinygraftError,
      "in the range of F16",
    );
    assertEquals([error.code, error.tensor], [
      "value-out-of-range",
      "encoder.layer.0.tiny_attn.norm.weight",
    ]);
  });
});

Deno.test("planImport() checks the base, records its hash and finds what training moved", async () => {
  await withFolder(async (folder) => {
    const words = tensor("embeddings.word_embeddings.weight", [4, 6], 903);
    const moved = tensor("embeddings.position_embeddings.weight", [2, 6], 904);
    const base = join(folder, "base");
    const config = { "model_type": "roberta", "hidden_size": 6, "num_hidden_layers": 2 };
    const write = async (json: Record<string, unknown>) => {
      await Deno.mkdir(base, { recursive: true });
      await writeTensors(base, [words, moved], { name: "model.safetensors" });
      await Deno.writeTextFile(join(base, "config.json"), JSON.stringify(json));
      return await openConvertInput(base);
    };
    const input = [
      ...robertaTensors(),
      tensor("roberta.embeddings.position_embeddings.weight", [2, 6], 905),
    ];
    {
      using opened = await write(config);
      const imported = await importTensors(folder, input, {
        base: { checkpoint: opened.checkpoint },
      });
      assert(/^[0-9a-f]{64}$/.test(imported.config.baseModelSha256!));
      const last = imported.notes.at(-1)!;
      assertStringIncludes(last, "other content than the input in 1 of its tensors");
      assertStringIncludes(last, "position_embeddings");
    }
    for (
      const [keys, code] of [
        [{ "hidden_size": 8 }, "adapter-mismatch"],
        [{ "num_hidden_layers": 3 }, "adapter-mismatch"],
        [{ "model_type": "albert" }, "adapter-mismatch"],
        [{ "model_type": "t5" }, "unsupported-architecture"],
      ] as const
    ) {
      using opened = await write({ ...config, ...keys });
      const error = await assertRejects(
        () => importTensors(folder, input, { base: { checkpoint: opened.checkpoint } }),
        TinygraftError,
      );
      assertEquals(error.code, code);
    }
  });
});
