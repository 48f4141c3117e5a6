import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AdapterConfig } from "../../lib/adapter/config.ts";
import { type Adapter, openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { readTensor } from "../../lib/checkpoint/open.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { headSpread } from "../../lib/merge/align.ts";
import { averageHeads } from "../../lib/merge/average.ts";
import { weightSimilarity } from "../../lib/merge/cluster.ts";
import { gaussianInputs, headSimilarity } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { centreLayer, splitHeads } from "../../lib/merge/heads.ts";
import { LAYER_ARRAYS, readLayer } from "../../lib/merge/layer.ts";
import { type AdapterMerge, planMerge } from "../../lib/merge/merge_adapter.ts";
import { MERGE_METHODS, type MergeMethod } from "../../lib/merge/method_names.ts";
import { VERSION } from "../../lib/version.ts";
import { assertClose } from "../_close.ts";
import { adapterConfig, type AdapterValues, withFolder, writeAdapter } from "./_adapters.ts";

interface Case {
  readonly before: Adapter;
  readonly after: Adapter;
  readonly merge: AdapterMerge;
}

/** Writes a random adapter, merges it, writes the result, and hands both to `test`. */
function merging(
  method: MergeMethod,
  config: AdapterConfig,
  test: (merged: Case) => void | Promise<void>,
  values: AdapterValues = {},
): Promise<void> {
  return withFolder(async (folder) => {
    await writeAdapter(`${folder}/before`, config, values);
    using before = await openAdapter(`${folder}/before`);
    const merge = await planMerge(before, `${folder}/after`, { method });
    await execute(merge.plan);
    using after = await openAdapter(`${folder}/after`);
    await test({ before, after, merge });
  });
}

async function tensorBytes(adapter: Adapter, name: string): Promise<Uint8Array> {
  return await readTensor(adapter.tensors.get(name)!);
}

Deno.test("planMerge() by stack keeps every byte and says so", () =>
  merging("stack", adapterConfig(), async ({ before, after, merge }) => {
    assertEquals([...after.tensors.keys()], [...before.tensors.keys()]);
    for (const name of before.tensors.keys()) {
      assertEquals(await tensorBytes(after, name), await tensorBytes(before, name), name);
    }
    assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [3, 3, true]);
    assertEquals(merge.layers.map(({ layer, relativeError }) => [layer, relativeError]), [
      [0, 0],
      [1, 0],
    ]);
  }));

Deno.test("planMerge() by average writes one head, rounded once, and copies the classifier", () =>
  merging("average", adapterConfig(), async ({ before, after, merge }) => {
    assertEquals(after.config.numHeads, 1);
    assertEquals(after.tensors.get("encoder.layer.1.tiny_attn.output.weight")!.shape, [6, 2]);
    for (const layer of [0, 1]) {
      const want = averageHeads(await readLayer(before, layer));
      const found = await readLayer(after, layer);
      for (const array of LAYER_ARRAYS) {
        assertEquals(found[array], Float64Array.from(Float32Array.from(want[array])), array);
      }
    }
    for (const name of ["classifier.weight", "classifier.bias"]) {
      assertEquals(await tensorBytes(after, name), await tensorBytes(before, name), name);
    }
    assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [3, 1, false]);
    for (const { relativeError } of merge.layers) {
      assert(relativeError > 0.1 && Number.isFinite(relativeError), `${relativeError}`);
    }
  }));

for (const method of MERGE_METHODS) {
  Deno.test(`planMerge() by ${method} records its source and keeps the rest of the config`, () => {
    const config = adapterConfig({ combine: "mean", extra: new Map([["note", "kept"]]) });
    return merging(method, config, async ({ before, after, merge }) => {
      assertEquals(after.config, merge.config);
      assertEquals([merge.plan.inputs, merge.plan.sources], [before.inputs, before.sources]);
      const mergedFrom = [
        { contentHash: await before.contentHash(), heads: 3, method, weight: 1 },
      ];
      const numHeads = method === "stack" ? 3 : 1;
      const want = { ...config, numHeads, mergedFrom, tinygraftVersion: VERSION };
      assertEquals(after.config, want);
    });
  });

  Deno.test(`planMerge() by ${method} reports the similarity of the heads before`, () =>
    merging(method, adapterConfig({ numHeads: [3, 1] }), async ({ before, merge }) => {
      assertEquals(merge.layers.map(({ similarity }) => similarity.length), [3, 1]);
      const inputs = gaussianInputs(6, 0);
      for (const { layer, similarity } of merge.layers) {
        assertEquals(similarity, headSimilarity(await readLayer(before, layer), inputs));
      }
    }));

  for (const tensor of ["encoder.layer.1.tiny_attn.value.weight", "classifier.bias"]) {
    Deno.test(`planMerge() by ${method} refuses NaN in ${tensor}`, () =>
      withFolder(async (folder) => {
        const edit = (name: string, values: Float32Array) => {
          if (name === tensor) values[0] = NaN;
        };
        await writeAdapter(`${folder}/a`, adapterConfig(), { edit });
        using adapter = await openAdapter(`${folder}/a`);
        const plan = () => planMerge(adapter, `${folder}/b`, { method });
        const error = await assertRejects(plan, TinygraftError, tensor);
        assertEquals([error.code, error.tensor], ["non-finite", tensor]);
      }));
  }
}

Deno.test("planMerge() by average of one head is an exact fold", () =>
  merging("average", adapterConfig({ numHeads: 1 }), ({ merge }) => {
    assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [1, 1, true]);
    // Only the rounding of the folded weights to F32 is left.
    for (const { relativeError } of merge.layers) assert(relativeError < 1e-6);
  }));

Deno.test("planMerge() by average takes head counts by layer", async () => {
  await merging("average", adapterConfig({ numHeads: [3, 1] }), ({ after, merge }) => {
    assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [[3, 1], 1, false]);
    assertEquals(after.config.numHeads, 1);
    assert(merge.layers[0]!.relativeError > 0.1);
    assert(merge.layers[1]!.relativeError < 1e-6);
  });
  await merging("average", adapterConfig({ numHeads: [1, 1] }), ({ merge }) => {
    assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [[1, 1], 1, true]);
  });
  await merging("stack", adapterConfig({ numHeads: [3, 1] }), ({ after, merge }) => {
    assertEquals([merge.headsAfter, after.config.numHeads], [[3, 1], [3, 1]]);
  });
});

for (const [dtype, rtol] of [["F16", 2 ** -11], ["BF16", 2 ** -8]] as const) {
  Deno.test(`planMerge() by average stores ${dtype} where the adapter does`, () =>
    merging("average", adapterConfig(), async ({ before, after }) => {
      for (const { dtype: found } of after.tensors.values()) assertEquals(found, dtype);
      const want = averageHeads(await readLayer(before, 0));
      const module = await readLayer(after, 0);
      for (const array of LAYER_ARRAYS) {
        assertClose(module[array], want[array], { atol: 1e-7, rtol }, array);
      }
    }, { dtype }));
}

Deno.test("planMerge() refuses a merged tensor that leaves the range of its dtype", () =>
  withFolder(async (folder) => {
    const edit = (name: string, values: Float32Array) => {
      if (name.endsWith("norm.weight") || name.endsWith("query.weight")) values.fill(300);
    };
    await writeAdapter(`${folder}/a`, adapterConfig(), { dtype: "F16", edit });
    using adapter = await openAdapter(`${folder}/a`);
    const plan = () => planMerge(adapter, `${folder}/b`, { method: "average" });
    const error = await assertRejects(plan, TinygraftError, "range of F16");
    assertEquals(error.code, "non-finite");
    assertEquals(error.tensor, "encoder.layer.0.tiny_attn.query.weight");
  }));

Deno.test("planMerge() of a fresh adapter reports no error and heads that are not alike", () => {
  const edit = (name: string, values: Float32Array) => {
    if (name.includes("output")) values.fill(0);
  };
  return merging("average", adapterConfig(), ({ merge }) => {
    for (const { relativeError, similarity } of merge.layers) {
      assertEquals(relativeError, 0);
      assertEquals(similarity, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
    }
  }, { edit });
});

Deno.test("planMerge() repeats its report with the seed", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig());
    using adapter = await openAdapter(`${folder}/a`);
    const report = async (seed: number) => {
      const { layers } = await planMerge(adapter, `${folder}/b`, { method: "average", seed });
      return layers;
    };
    assertEquals(await report(1), await report(1));
    assert((await report(1))[0]!.relativeError !== (await report(2))[0]!.relativeError);
  }));

Deno.test("planMerge() by stack with fold writes the same function in folded tensors", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/before`, adapterConfig({ combine: "mean" }));
    using before = await openAdapter(`${folder}/before`);
    const merge = await planMerge(before, `${folder}/after`, { method: "stack", fold: true });
    await execute(merge.plan);
    using after = await openAdapter(`${folder}/after`);
    assertEquals([merge.headsAfter, merge.exact], [3, true]);
    for (const layer of [0, 1]) {
      const want = foldLayer(await readLayer(before, layer));
      const found = await readLayer(after, layer);
      assert(found.keyBias.every((value) => value === 0));
      for (const array of LAYER_ARRAYS) {
        assertEquals(found[array], Float64Array.from(Float32Array.from(want[array])), array);
      }
      assert(merge.layers[layer]!.relativeError < 1e-6);
    }
  }));

for (const method of ["average", "aligned", "product"] as const) {
  Deno.test(`planMerge() by ${method} leaves the heads asked for where a layer has more`, () =>
    withFolder(async (folder) => {
      await writeAdapter(`${folder}/a`, adapterConfig({ numHeads: [3, 1] }));
      using adapter = await openAdapter(`${folder}/a`);
      const merge = await planMerge(adapter, `${folder}/b`, { method, heads: 2 });
      assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [[3, 1], [2, 1], false]);
      assertEquals(merge.layers.map(({ groups }) => groups.length), [2, 1]);
      await execute(merge.plan);
      using after = await openAdapter(`${folder}/b`);
      assertEquals(after.config.numHeads, [2, 1]);
      const all = await planMerge(adapter, `${folder}/c`, { method, heads: 3 });
      assertEquals([all.headsAfter, all.exact], [[3, 1], true]);
      for (const { relativeError } of all.layers) assert(relativeError < 1e-6);
    }));

  Deno.test(`planMerge() by ${method} writes the same bytes every time`, () =>
    withFolder(async (folder) => {
      await writeAdapter(`${folder}/a`, adapterConfig({ numHeads: [4, 3] }));
      const bytes = [];
      for (const out of ["b", "c"]) {
        using adapter = await openAdapter(`${folder}/a`);
        const options = { method, heads: 2, seed: bytes.length };
        await execute((await planMerge(adapter, `${folder}/${out}`, options)).plan);
        bytes.push(await Deno.readFile(`${folder}/${out}/adapter_model.safetensors`));
      }
      assertEquals(bytes[0], bytes[1]);
    }));
}

Deno.test("planMerge() refuses more heads than any layer has, and none", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig({ numHeads: [3, 1] }));
    using adapter = await openAdapter(`${folder}/a`);
    for (const heads of [4, 0, 1.5]) {
      const plan = () => planMerge(adapter, `${folder}/b`, { method: "product", heads });
      await assertRejects(plan, UsageError, "it has at most 3");
    }
    const stack = () => planMerge(adapter, `${folder}/b`, { method: "stack", heads: 1 });
    await assertRejects(stack, UsageError, "stack keeps every head");
  }));

Deno.test("planMerge() reports the likeness of weights and their spread", () =>
  merging("product", adapterConfig(), async ({ before, merge }) => {
    for (const report of merge.layers) {
      const heads = splitHeads(centreLayer(foldLayer(await readLayer(before, report.layer))));
      const { attention, value } = weightSimilarity(heads);
      assertEquals([report.attentionSimilarity, report.valueSimilarity], [attention, value]);
      assertEquals(report.spread, headSpread(heads));
      assertEquals(report.groups, [[0, 1, 2]]);
    }
  }));
