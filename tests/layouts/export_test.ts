import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { AdapterConfig } from "../../lib/adapter/config.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { type ExportOptions, planExport } from "../../lib/layouts/export.ts";
import { type ImportOptions, planImport } from "../../lib/layouts/import.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { readLayer } from "../../lib/merge/layer.ts";
import type { FloatDtype } from "../../lib/tensor/dtype.ts";
import { assertClose } from "../_close.ts";
import { tensorContents } from "../adapter/_folders.ts";
import { adapterConfig, withFolder, writeAdapter } from "../merge/_adapters.ts";
import { raggedInputs } from "../merge/_modules.ts";

/** Writes a random adapter, exports it and imports it again. */
async function roundTrip(
  folder: string,
  changes: Partial<AdapterConfig>,
  { layout, importing = {}, dtype = "F32" }: {
    layout: ExportOptions["layout"];
    importing?: ImportOptions;
    dtype?: FloatDtype;
  },
) {
  const at = (name: string) => join(folder, name);
  for (const name of ["ours", "back"]) await Deno.remove(at(name), { recursive: true }).catch(noop);
  await writeAdapter(at("ours"), adapterConfig(changes), { dtype });
  using adapter = await openAdapter(at("ours"));
  const exported = await planExport(adapter, at("theirs.safetensors"), { layout });
  await execute(exported.plan, { force: true });
  using theirs = await openCheckpoint(at("theirs.safetensors"));
  const imported = await planImport(theirs, at("back"), importing);
  await execute(imported.plan);
  using back = await openAdapter(at("back"));
  const modules = await Promise.all([readLayer(adapter, 0), readLayer(back, 0)]);
  return {
    exported,
    imported,
    names: [...theirs.tensors.keys()],
    metadata: Object.fromEntries(theirs.metadata),
    modules,
    before: await tensorContents({ ...theirs, tensors: adapter.tensors }),
    after: await tensorContents({ ...theirs, tensors: back.tensors }),
    heads: [back.config.numHeads, back.config.headDim, back.config.numHiddenLayers],
  };
}

const noop = () => {};
const REGRESSION = { task: { type: "regression", labels: null }, numLabels: 1 } as const;

Deno.test("planExport() to the authors' layout comes back byte for byte", async () => {
  await withFolder(async (folder) => {
    for (const baseModelType of ["bert", "roberta", "distilbert", "albert"]) {
      for (const dtype of ["F32", "BF16"] as const) {
        const importing = { base: { modelType: baseModelType } };
        const trip = await roundTrip(folder, { baseModelType }, {
          layout: "authors",
          importing,
          dtype,
        });
        assertEquals(trip.after, trip.before, baseModelType);
        assertEquals(trip.heads, [3, 2, 2]);
        assertEquals([trip.exported.exact, trip.imported.exact], [true, true]);
        assertEquals(trip.exported.leftOut, []);
        // The one module of ALBERT does not tell how many layers share it.
        assertEquals(
          trip.metadata["num_hidden_layers"],
          baseModelType === "albert" ? "2" : undefined,
        );
      }
    }
  });
});

Deno.test("planExport() names tensors and sizes as the other code does", async () => {
  await withFolder(async (folder) => {
    const { exported, names, metadata } = await roundTrip(folder, { baseModelType: "roberta" }, {
      layout: "authors",
    });
    const module = "attention.in_proj_bias attention.in_proj_weight attention.out_proj.bias " +
      "attention.out_proj.weight linear1.bias linear1.weight linear2.bias linear2.weight " +
      "norm.bias norm.weight";
    assertEquals(names, [
      "classifier.out_proj.bias",
      "classifier.out_proj.weight",
      ...[0, 1].flatMap((layer) =>
        module.split(" ").map((name) => `roberta.encoder.layer.${layer}.tiny_attn.${name}`)
      ),
    ]);
    assertEquals(metadata, { format: "pt", attention_emd: "6", attention_head: "3" });
    assertEquals(exported.settings, { attention_emd: 6, attention_head: 3 });
  });
});

Deno.test("planExport() to NeMo's layout keeps every byte but the classifier's", async () => {
  await withFolder(async (folder) => {
    const trip = await roundTrip(folder, { baseModelType: "conformer" }, {
      layout: "nemo",
      importing: { task: REGRESSION },
    });
    const isModule = ([name]: [string, string]) => !name.startsWith("classifier.");
    assertEquals([...trip.after].filter(isModule), [...trip.before].filter(isModule));
    assertEquals(trip.exported.leftOut, ["classifier.weight", "classifier.bias"]);
    assertEquals(trip.exported.settings, { n_feat: 6, n_head: 3, proj_dim: 6 });
    assertEquals(trip.names[0], "encoder.layers.0.adapter_layer.tiny_attn.linear_k.bias");
    assertEquals(trip.heads, [3, 2, 2]);
  });
});

Deno.test("planExport() adds up what was averaged", async () => {
  await withFolder(async (folder) => {
    const { modules, exported } = await roundTrip(
      folder,
      { combine: "mean", baseModelType: "roberta" },
      { layout: "authors" },
    );
    const inputs = raggedInputs(6, 3);
    const [before, after] = modules.map((module) => layerUpdate(module, inputs));
    assertClose(after!, before!, { atol: 1e-6, rtol: 1e-6 });
    assertEquals(modules.map(({ combine }) => combine), ["mean", "sum"]);
    assertStringIncludes(exported.notes.join(), "divided by their number");
  });
});

Deno.test("planExport() writes another dtype and a folder", async () => {
  await withFolder(async (folder) => {
    await writeAdapter(join(folder, "ours"), adapterConfig());
    using adapter = await openAdapter(join(folder, "ours"));
    const options = { layout: "nemo", dtype: "F16", adapter: "asr" } as const;
    const { plan } = await planExport(adapter, join(folder, "theirs"), options);
    await execute(plan);
    using theirs = await openCheckpoint(join(folder, "theirs"));
    assertEquals([...new Set([...theirs.tensors.values()].map(({ dtype }) => dtype))], ["F16"]);
    const name = "bert.encoder.layer.0.adapter_layer.asr.linear_q.weight";
    assertEquals(theirs.tensors.get(name)?.shape, [6, 6]);
  });
});

Deno.test("planExport() refuses what the layout has no form for", async () => {
  await withFolder(async (folder) => {
    for (
      const [layout, changes, says] of [
        ["authors", { numHeads: [3, 2] }, "3, 2 heads"],
        ["nemo", { numHeads: [3, 2] }, "3, 2 heads"],
        ["nemo", { layerNormEps: 1e-12 }, "epsilon is 1e-12"],
        ["authors", { baseModelType: "gpt2" }, "share one input"],
      ] as const
    ) {
      const ours = join(folder, `${layout}${says}`);
      await writeAdapter(ours, adapterConfig(changes));
      using adapter = await openAdapter(ours);
      const error = await assertRejects(
        () => planExport(adapter, join(folder, "theirs.safetensors"), { layout }),
        TinygraftError,
        says,
      );
      assertEquals(error.code, "unsupported-variant");
    }
  });
});

Deno.test("planExport() refuses NaN by name", async () => {
  await withFolder(async (folder) => {
    const name = "encoder.layer.1.tiny_attn.value.bias";
    await writeAdapter(join(folder, "ours"), adapterConfig(), {
      edit: (each, values) => each === name && values.fill(NaN),
    });
    using adapter = await openAdapter(join(folder, "ours"));
    const error = await assertRejects(
      () => planExport(adapter, join(folder, "theirs.safetensors"), { layout: "authors" }),
      TinygraftError,
      "Cannot export",
    );
    assertEquals([error.code, error.tensor], ["non-finite", name]);
  });
});
