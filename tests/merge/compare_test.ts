import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { averageHeads } from "../../lib/merge/average.ts";
import { gaussianInputs, headSimilarity, relativeError } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
import {
  describeSizes,
  oneHead,
  raggedInputs,
  randomModule,
  repeatHead,
  SIZES,
} from "./_modules.ts";

const zeroOutput = (module: LayerModule): LayerModule => ({
  ...module,
  outputWeight: new Float64Array(module.outputWeight.length),
});

Deno.test("gaussianInputs() draws normal numbers, repeatable by seed", () => {
  const { values, starts } = gaussianInputs(50, 1);
  assertEquals(starts, [0, 8, 24, 56, 120]);
  assertEquals(values.length, 120 * 50);
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((a, b) => a + b * b, 0) / values.length - mean * mean;
  // Five standard errors of 6,000 draws.
  assertAlmostEquals(mean, 0, 5 / Math.sqrt(6000));
  assertAlmostEquals(variance, 1, 5 * Math.sqrt(2 / 6000));
  assertEquals(gaussianInputs(50, 1).values, values);
  assert(gaussianInputs(50, 2).values[0] !== values[0]);
});

Deno.test("relativeError() is 0 for the module itself and 1 for having no heads", () => {
  const module = randomModule(SIZES[0]!, 20);
  const inputs = raggedInputs(24, 21);
  assertEquals(relativeError(module, module, inputs), 0);
  const folded = foldLayer(module);
  assert(relativeError(folded, module, inputs) < 1e-14);
  assertAlmostEquals(relativeError(zeroOutput(folded), module, inputs), 1, 1e-14);
});

Deno.test("relativeError() measures without the output bias, which would flatter", () => {
  const module = foldLayer(randomModule(SIZES[0]!, 22));
  const inputs = raggedInputs(24, 23);
  const biased = { ...module, outputBias: module.outputBias.map(() => 1000) };
  const merged = averageHeads(module);
  const error = relativeError(merged, module, inputs);
  assert(error > 0.1);
  const found = relativeError({ ...merged, outputBias: biased.outputBias }, biased, inputs);
  assertAlmostEquals(found, error, 1e-12);
});

Deno.test("relativeError() grows with what is added to the output weight", () => {
  const module = foldLayer(randomModule(SIZES[1]!, 24));
  const inputs = raggedInputs(24, 25);
  const scaled = { ...module, outputWeight: module.outputWeight.map((value) => 1.25 * value) };
  assertAlmostEquals(relativeError(scaled, module, inputs), 0.25, 1e-12);
});

Deno.test("relativeError() of nothing over nothing is 0, of something over nothing Infinity", () => {
  const module = randomModule(SIZES[0]!, 26);
  const fresh = foldLayer(zeroOutput(module));
  const inputs = raggedInputs(24, 27);
  assertEquals(relativeError(averageHeads(fresh), fresh, inputs), 0);
  assertEquals(relativeError(foldLayer(module), fresh, inputs), Infinity);
});

/** The cosine by its definition, over whole outputs. */
function plainSimilarity(module: LayerModule, inputs: ReturnType<typeof raggedInputs>) {
  const folded = foldLayer(module);
  const outputs = Array.from({ length: module.numHeads }, (_, head) =>
    layerUpdate(
      { ...oneHead(folded, head), outputBias: new Float64Array(module.hiddenSize) },
      inputs,
    ));
  const dot = (a: Float64Array, b: Float64Array) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return outputs.map((a) => outputs.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))));
}

for (const sizes of SIZES) {
  Deno.test(`headSimilarity() is the cosine of head outputs for ${describeSizes(sizes)}`, () => {
    const module = randomModule(sizes, 28);
    const inputs = raggedInputs(sizes.hiddenSize, 29);
    const found = headSimilarity(module, inputs);
    const want = plainSimilarity(module, inputs);
    assertEquals(found.length, sizes.numHeads);
    for (const [m, row] of want.entries()) {
      assertEquals(found[m]!.length, sizes.numHeads);
      for (const [n, value] of row.entries()) assertAlmostEquals(found[m]![n]!, value, 1e-12);
    }
  });
}

Deno.test("headSimilarity() is 1 for equal heads and -1 for opposite ones", () => {
  const head = randomModule({ hiddenSize: 6, numHeads: 1, headDim: 2, combine: "sum" }, 30);
  const twice = repeatHead(head, 2);
  const inputs = raggedInputs(6, 31);
  assertAlmostEquals(headSimilarity(twice, inputs)[0]![1]!, 1, 1e-12);
  const opposite = {
    ...twice,
    outputWeight: twice.outputWeight.map((value, i) => i % 4 < 2 ? value : -value),
  };
  assertAlmostEquals(headSimilarity(opposite, inputs)[1]![0]!, -1, 1e-12);
});

Deno.test("headSimilarity() of a fresh adapter is 1 on the diagonal and 0 elsewhere", () => {
  const fresh = zeroOutput(randomModule(SIZES[1]!, 32));
  const want = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  assertEquals(headSimilarity(fresh, raggedInputs(24, 33)), want);
});
