import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { initAdapter } from "../../lib/adapter/init.ts";
import { planInject } from "../../lib/adapter/inject.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { describePlan } from "../../lib/checkpoint/plan.ts";
import { validateLocation } from "../../lib/checkpoint/validate.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { type TinyBertOptions, writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { contents, editJson, extract, inject, list, withFolder } from "./_folders.ts";

const FORMS = ["checkpoint", "shard"] as const;
const BASES: TinyBertOptions[] = [
  {},
  { sharded: true },
  { prefix: "bert.", dtype: "F16" },
  { prefix: "bert.", sharded: true, dtype: "BF16", gammaBeta: true, positionIds: true },
];

for (const options of BASES) {
  for (const as of FORMS) {
    const name = `${JSON.stringify(options)} as ${as}`;
    Deno.test(`planInject() leaves the bytes of base and adapter as they are, ${name}`, () =>
      withFolder(async (folder) => {
        const [base, adapter, out] = [`${folder}/base`, `${folder}/a`, `${folder}/out`];
        await writeTinyBert(base, options);
        await writeTinyAdapter(adapter, { numHeads: [2, 3], headDim: 2, dtype: "F16" });
        const inputs = [
          await contents(base),
          await contents(`${adapter}/adapter_model.safetensors`),
        ];
        const { added } = await inject(base, adapter, out, as);

        const [found, [before, graft]] = [await contents(out), inputs];
        assertEquals(found.size, before!.size + graft!.size);
        for (const [tensor, bytes] of before!) assertEquals(found.get(tensor), bytes, tensor);
        for (const [tensor, bytes] of graft!) {
          const prefix = tensor.startsWith("classifier.") ? "" : options.prefix ?? "";
          assertEquals(found.get(prefix + tensor), bytes, tensor);
          assert(added.includes(prefix + tensor));
        }
        assertEquals(added.length, graft!.size);
        assertEquals(await validateLocation(out).then(({ ok }) => ok), true);

        await extract(out, `${folder}/back`);
        for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
          const want = await Deno.readFile(`${adapter}/${file}`);
          assertEquals(await Deno.readFile(`${folder}/back/${file}`), want, file);
        }
      }));
  }
}

Deno.test("planInject() writes the files of each form, and no adapter_config.json", () =>
  withFolder(async (folder) => {
    const others = ["README.md", "config.json", "tokenizer.json", "tokenizer_config.json"];
    const index = "model.safetensors.index.json";
    const shards = (count: number) =>
      Array.from({ length: count }, (_, i) => `model-0000${i + 1}-of-0000${count}.safetensors`);
    const want = {
      "single checkpoint": ["model.safetensors"],
      "single shard": [...shards(2), index],
      "sharded checkpoint": [...shards(3), index],
      "sharded shard": [...shards(4), index],
    };
    await writeTinyAdapter(`${folder}/a`);
    for (const [name, weights] of Object.entries(want)) {
      const [layout = "", as = ""] = name.split(" ");
      const base = `${folder}/base ${name}`;
      await writeTinyBert(base, { sharded: layout === "sharded" });
      await Deno.writeTextFile(`${base}/README.md`, "# Mine\n");
      await Deno.writeTextFile(`${base}/adapter_config.json`, '{"peft_type": "LORA"}');
      const { leftOut } = await inject(base, `${folder}/a`, `${folder}/${name}`, as as "shard");
      assertEquals(leftOut, ["adapter_config.json"]);
      assertEquals(list(`${folder}/${name}`), [...others, ...weights].sort());
      for (const file of ["README.md", "tokenizer.json", "tokenizer_config.json"]) {
        const copy = await Deno.readFile(`${folder}/${name}/${file}`);
        assertEquals(copy, await Deno.readFile(`${base}/${file}`));
      }
    }
  }));

Deno.test("planInject() as shard links the base's files and leaves them unchanged", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { sharded: true });
    await writeTinyAdapter(`${folder}/a`);
    const { written } = await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "shard");
    for (const i of [1, 2, 3]) {
      const from = await Deno.stat(`${folder}/base/model-0000${i}-of-00003.safetensors`);
      const path = `model-0000${i}-of-00004.safetensors`;
      const to = await Deno.stat(`${folder}/out/${path}`);
      assertEquals([to.ino, to.dev, to.mtime], [from.ino, from.dev, from.mtime]);
      assertEquals(written.find((file) => file.path === path)?.how, "linked");
    }
    // Links of an earlier run are no obstacle to a later one.
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "shard", { force: true });
  }));

Deno.test("planInject() writes index totals and the config at both places", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { sharded: true });
    editJson(`${folder}/base/model.safetensors.index.json`, (json) => {
      json["metadata"] = { total_parameters: 1000, total_size: 1, note: "kept" };
      // A wrong total is the base's own fault; the copy has the right one.
    });
    await writeTinyAdapter(`${folder}/a`, { numHeads: 1 });
    const graft = 2 * (4 * 64 + 3 + 3 * 64) + 2 * 65;
    for (const as of FORMS) {
      const out = `${folder}/${as}`;
      await inject(`${folder}/base`, `${folder}/a`, out, as);
      const { metadata } = JSON.parse(
        await Deno.readTextFile(`${out}/model.safetensors.index.json`),
      );
      using checkpoint = await openCheckpoint(out);
      let bytes = 0;
      for (const { dataOffsets: [begin, end] } of checkpoint.tensors.values()) bytes += end - begin;
      assertEquals(metadata, {
        note: "kept",
        total_parameters: 1000 + graft,
        total_size: bytes,
      });
      const last = checkpoint.files.at(-1)!;
      const text = await Deno.readTextFile(`${folder}/a/adapter_config.json`);
      assertEquals(last.header.metadata.get("tinygraft_adapter_config"), text);
      assertEquals(last.header.metadata.get("format"), "pt");
      assertEquals(checkpoint.config?.["tiny_attention"], JSON.parse(text));
    }
  }));

Deno.test("planInject() keeps config.json's other bytes and the base's metadata", () =>
  withFolder(async (folder) => {
    const { config } = await writeTinyBert(`${folder}/base`);
    const text = '{\n  "layer_norm_eps": 1e-12,\n  "seed": 12345678901234567890,\n' +
      JSON.stringify(config, null, 2).slice(2);
    await Deno.writeTextFile(`${folder}/base/config.json`, text);
    const data = await Deno.readFile(`${folder}/base/model.safetensors`);
    using opened = await openCheckpoint(`${folder}/base`);
    const tensors = [...opened.tensors.values()].map(({ name, dtype, shape, dataOffsets }) => {
      const start = opened.files[0]!.header.dataStart;
      const bytes = data.slice(start + dataOffsets[0], start + dataOffsets[1]);
      return { name, dtype, shape, data: bytes };
    });
    const metadata = new Map([["source", "mine"], ["quote", '"\n']]);
    await Deno.writeFile(`${folder}/base/model.safetensors`, serialize(tensors, metadata));
    await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "checkpoint");
    const after = await Deno.readTextFile(`${folder}/out/config.json`);
    const common = text.slice(0, text.lastIndexOf("\n}"));
    assertEquals(after.slice(0, common.length), common);
    assertEquals(Object.keys(JSON.parse(after)).at(-1), "tiny_attention");
    using out = await openCheckpoint(`${folder}/out`);
    const { tinygraft_adapter_config: _, ...rest } = Object.fromEntries(out.metadata);
    assertEquals(rest, { source: "mine", quote: '"\n', format: "pt" });
  }));

Deno.test("planInject() keeps another format than pt, in the added shard too", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    const path = `${folder}/base/model.safetensors`;
    // "pt" stands once in the header, in the metadata, so that the length stays.
    const bytes = await Deno.readFile(path);
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, 200));
    bytes.set(new TextEncoder().encode("tf"), text.indexOf('"pt"') + 1);
    await Deno.writeFile(path, bytes);
    await writeTinyAdapter(`${folder}/a`);
    for (const as of FORMS) {
      await inject(`${folder}/base`, `${folder}/a`, `${folder}/${as}`, as);
      using out = await openCheckpoint(`${folder}/${as}`);
      assertEquals(out.metadata.get("format"), "tf");
    }
  }));

Deno.test("planInject() turns a file into a file or a folder", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await writeTinyAdapter(`${folder}/a`);
    const base = `${folder}/base/model.safetensors`;
    await inject(base, `${folder}/a`, `${folder}/one.safetensors`, "checkpoint");
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/two.safetensors`, "checkpoint");
    assertEquals(
      await Deno.readFile(`${folder}/one.safetensors`),
      await Deno.readFile(`${folder}/two.safetensors`),
    );
    await inject(base, `${folder}/a`, `${folder}/out`, "checkpoint");
    const tokenizer = ["tokenizer.json", "tokenizer_config.json"];
    assertEquals(list(`${folder}/out`), ["config.json", "model.safetensors", ...tokenizer]);
    await extract(`${folder}/one.safetensors`, `${folder}/back`);
    assertEquals(
      await Deno.readFile(`${folder}/back/adapter_model.safetensors`),
      await Deno.readFile(`${folder}/a/adapter_model.safetensors`),
    );
    await assertRejects(
      () => inject(base, `${folder}/a`, `${folder}/three.safetensors`, "shard"),
      UsageError,
    );
    await writeTinyBert(`${folder}/shards`, { sharded: true });
    await assertRejects(
      () => inject(`${folder}/shards`, `${folder}/a`, `${folder}/four.safetensors`, "checkpoint"),
      UsageError,
    );
  }));

Deno.test("planInject() keeps the names of shards that are not numbered", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { sharded: true });
    const path = `${folder}/base/model.safetensors.index.json`;
    let text = await Deno.readTextFile(path);
    for (const [i, name] of ["a", "b", "model-tiny-attention"].entries()) {
      const old = `model-0000${i + 1}-of-00003.safetensors`;
      await Deno.rename(`${folder}/base/${old}`, `${folder}/base/${name}.safetensors`);
      text = text.replaceAll(old, `${name}.safetensors`);
    }
    await Deno.writeTextFile(path, text);
    await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "shard");
    assertEquals(list(`${folder}/out`).filter((name) => name.endsWith(".safetensors")), [
      "a.safetensors",
      "b.safetensors",
      "model-tiny-attention-2.safetensors",
      "model-tiny-attention.safetensors",
    ]);
    assertEquals((await validateLocation(`${folder}/out`)).ok, true);
  }));

Deno.test("planInject() takes a fresh adapter, which extract gives back", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { prefix: "bert." });
    using base = await openModel(`${folder}/base`);
    const { adapter } = await initAdapter(base.checkpoint, base.model, {
      heads: 2,
      headDim: 1,
      combine: "sum",
      task: { type: "regression", labels: null },
      numLabels: 1,
      sharedInit: true,
      seed: 3,
    });
    const { plan } = await planInject(base.checkpoint, base.model, adapter, `${folder}/out`, {
      as: "shard",
    });
    const { files } = describePlan(plan);
    assertEquals(files.map(({ action }) => action).slice(0, 3), ["link", "write", "write"]);
    assertEquals(files[1]?.tensors?.[0]?.from, "initialised, seed 3");
    await execute(plan);
    await extract(`${folder}/out`, `${folder}/back`);
    using back = await openAdapter(`${folder}/back`);
    assertEquals(back.config, adapter.config);
    // Extracted and injected once more, it is still the adapter of this base.
    await inject(`${folder}/base`, `${folder}/back`, `${folder}/again`, "checkpoint");
  }));

Deno.test("planInject() refuses a base that the adapter was not made for, writing nothing", () =>
  withFolder(async (folder) => {
    const code = async (base: string, adapter: string) => {
      const attempt = () => inject(base, adapter, `${folder}/out`, "checkpoint");
      const error = await assertRejects(attempt, TinygraftError);
      assertEquals(list(folder).filter((name) => name.includes("out")), []);
      return error.code;
    };
    await writeTinyBert(`${folder}/base`);
    await writeTinyAdapter(`${folder}/a`);
    await writeTinyAdapter(`${folder}/wide`, { hidden: 32 });
    await writeTinyAdapter(`${folder}/deep`, { layers: 3 });
    await writeTinyAdapter(`${folder}/other`, { baseSha256: "0".repeat(64) });
    assertEquals(await code(`${folder}/base`, `${folder}/wide`), "adapter-mismatch");
    assertEquals(await code(`${folder}/base`, `${folder}/deep`), "adapter-mismatch");
    assertEquals(await code(`${folder}/base`, `${folder}/other`), "base-mismatch");
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/carrier`, "shard");
    assertEquals(await code(`${folder}/carrier`, `${folder}/a`), "adapter-present");
    editJson(`${folder}/base/config.json`, (json) => json["tiny_attention"] = {});
    assertEquals(await code(`${folder}/base`, `${folder}/a`), "adapter-present");
  }));

Deno.test("planInject() lets a base of other content pass when forced", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await writeTinyAdapter(`${folder}/other`, { baseSha256: "0".repeat(64) });
    using base = await openModel(`${folder}/base`);
    using adapter = await openAdapter(`${folder}/other`);
    const plan = (options: { force?: boolean; baseHash?: string }) =>
      planInject(base.checkpoint, base.model, adapter, `${folder}/out`, {
        as: "checkpoint",
        ...options,
      });
    assertEquals((await plan({ force: true })).added.length, 22);
    assertEquals((await plan({ baseHash: "0".repeat(64) })).added.length, 22);
  }));

Deno.test("planInject() refuses a base with a classifier or a stray module", () =>
  withFolder(async (folder) => {
    await writeTinyAdapter(`${folder}/a`);
    for (
      const [name, code] of [
        ["classifier.bias", "tensor-exists"],
        ["bert.encoder.layer.7.tiny_attn.x", "adapter-present"],
      ] as const
    ) {
      const base = `${folder}/${code}`;
      await writeTinyBert(base, { prefix: "bert.", sharded: true });
      const path = `${base}/model-00003-of-00003.safetensors`;
      using opened = await openCheckpoint(path);
      const { tensors } = opened;
      const source = opened.files[0]!;
      const all = [...tensors.values()].map(async ({ name, dtype, shape, dataOffsets: [b, e] }) => {
        const start = source.header.dataStart;
        return { name, dtype, shape, data: await source.source.read(start + b, start + e) };
      });
      const extra = { name, dtype: "F32", shape: [1], data: new Uint8Array(4) } as const;
      const bytes = serialize([...await Promise.all(all), extra]);
      await Deno.writeFile(path, bytes);
      editJson(`${base}/model.safetensors.index.json`, (json) => {
        (json["weight_map"] as Record<string, string>)[name] = "model-00003-of-00003.safetensors";
      });
      const attempt = () => inject(base, `${folder}/a`, `${folder}/out`, "shard");
      const error = await assertRejects(attempt, TinygraftError);
      assertEquals([error.code, error.tensor], [code, name]);
      if (code !== "tensor-exists") continue;
      // An adapter without a classifier would come back with the base's.
      await writeBareAdapter(`${folder}/a`, `${folder}/bare`);
      using opening = await openModel(base);
      using bare = await openAdapter(`${folder}/bare`, { withoutClassifier: true });
      const { checkpoint, model } = opening;
      const options = { as: "shard", force: true } as const;
      const refused = await assertRejects(
        () => planInject(checkpoint, model, bare, `${folder}/out`, options),
        TinygraftError,
      );
      assertEquals([refused.code, refused.tensor], [code, name]);
    }
  }));

/** Writes a copy of an adapter without its classifier. */
async function writeBareAdapter(from: string, to: string): Promise<void> {
  using whole = await openAdapter(from);
  const kept = [...whole.tensors].filter(([name]) => !name.startsWith("classifier."));
  const bytes = serialize(
    await Promise.all(kept.map(async ([name, entry]) => {
      const { dtype, shape, dataOffsets: [begin, end], file } = entry;
      const start = file.header.dataStart;
      return { name, dtype, shape, data: await file.source.read(start + begin, start + end) };
    })),
  );
  await Deno.mkdir(to);
  await Deno.writeFile(`${to}/adapter_model.safetensors`, bytes);
  await Deno.copyFile(`${from}/adapter_config.json`, `${to}/adapter_config.json`);
}

Deno.test("planInject() and planExtract() copy NaN and round-trip any adapter", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/single`, { hidden: 8, heads: 2, intermediate: 8, vocab: 8 });
    await writeTinyBert(`${folder}/sharded`, {
      hidden: 8,
      heads: 2,
      intermediate: 8,
      vocab: 8,
      prefix: "bert.",
      sharded: true,
      dtype: "F16",
    });
    let run = 0;
    const heads = fc.integer({ min: 1, max: 3 });
    const label = fc.string({ unit: "binary", minLength: 1 }).filter((it) => it.isWellFormed());
    const cases = fc.record({
      base: fc.constantFrom("single", "sharded"),
      as: fc.constantFrom(...FORMS),
      numHeads: fc.oneof(heads, fc.tuple(heads, heads)),
      headDim: heads,
      combine: fc.constantFrom("sum" as const, "mean" as const),
      labels: fc.option(fc.uniqueArray(label, { minLength: 1, maxLength: 3 })),
      dtype: fc.constantFrom("F32" as const, "F16" as const, "BF16" as const),
      scale: fc.constantFrom(0.3, NaN),
      notes: fc.jsonValue(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ base, as, notes, ...options }) => {
        const [adapter, out, back] = [`a${run}`, `o${run}`, `b${run}`].map((it) =>
          `${folder}/${it}`
        );
        run++;
        await writeTinyAdapter(adapter!, { ...options, hidden: 8, config: { notes } });
        await inject(`${folder}/${base}`, adapter!, out!, as);
        await extract(out!, back!);
        for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
          const want = await Deno.readFile(`${adapter}/${file}`);
          assertEquals(await Deno.readFile(`${back}/${file}`), want, file);
        }
      }),
      { seed: 1, numRuns: 25 },
    );
  }));

Deno.test("planInject() warns of NaN and infinity in the adapter, by tensor and count", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await writeTinyAdapter(`${folder}/sound`);
    const { weights, shapes } = await writeTinyAdapter(`${folder}/poisoned`);
    const name = "classifier.bias";
    weights.get(name)!.set([NaN, -Infinity]);
    const tensors = [...weights].map(([name, values]) => {
      const data = new Uint8Array(values.buffer);
      return { name, dtype: "F32", shape: shapes.get(name)!, data } as const;
    });
    const bytes = serialize(tensors, new Map([["format", "pt"]]));
    await Deno.writeFile(`${folder}/poisoned/adapter_model.safetensors`, bytes);
    const sound = await inject(`${folder}/base`, `${folder}/sound`, `${folder}/a`, "shard");
    assertEquals(sound.warnings, []);
    const { warnings } = await inject(
      `${folder}/base`,
      `${folder}/poisoned`,
      `${folder}/b`,
      "shard",
    );
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings[0]!, `"${name}" of the adapter holds 1 NaN and 1 infinite`);
  }));
