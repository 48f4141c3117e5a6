import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import {
  attentionWeights,
  centreLayer,
  givesNothing,
  joinHeads,
  meanPair,
  mergeGroups,
  scaleHead,
  splitHeads,
} from "../../lib/merge/heads.ts";
import { averageMerge } from "../../lib/merge/average.ts";
import { assertClose } from "../_close.ts";
import { describeSizes, oneHead, raggedInputs, randomModule, SIZES } from "./_modules.ts";

for (const sizes of SIZES) {
  Deno.test(`joinHeads() puts together what splitHeads() took apart for ${describeSizes(sizes)}`, () => {
    const folded = foldLayer(randomModule(sizes, 30));
    const heads = splitHeads(folded);
    assertEquals(heads.length, sizes.numHeads);
    assertEquals(joinHeads(folded, heads), folded);
    assertEquals(joinHeads(folded, [heads[0]!]), oneHead(folded, 0));
  });

  Deno.test(`centreLayer() changes nothing but the means of rows for ${describeSizes(sizes)}`, () => {
    const folded = foldLayer(randomModule(sizes, 31));
    const centred = centreLayer(folded);
    for (const name of ["queryWeight", "keyWeight", "valueWeight"] as const) {
      const row = centred[name].slice(0, sizes.hiddenSize);
      assertAlmostEquals(row.reduce((a, b) => a + b), 0, 1e-14);
    }
    const inputs = raggedInputs(sizes.hiddenSize, 32);
    const exact = { atol: 1e-12, rtol: 1e-12 };
    assertClose(layerUpdate(centred, inputs), layerUpdate(folded, inputs), exact);
  });
}

Deno.test("mergeGroups() lets one head stand for each group, by the scale of its kind", () => {
  const folded = {
    ...foldLayer(randomModule({ hiddenSize: 1, numHeads: 4, headDim: 1, combine: "sum" }, 33)),
    keyWeight: Float64Array.of(1, 2, 3, 10),
    outputWeight: Float64Array.of(1, 2, 3, 10),
    outputBias: Float64Array.of(7),
  };
  const groups = [[0, 1, 2], [3]];
  const sum = mergeGroups(folded, groups, averageMerge);
  assertEquals([sum.numHeads, sum.combine], [2, "sum"]);
  assertEquals(sum.keyWeight, Float64Array.of(2, 10));
  assertEquals(sum.outputWeight, Float64Array.of(6, 10));
  // Of a mean over 4 heads, 2 are left: a group of n counts r n / M = n / 2 times.
  const mean = mergeGroups({ ...folded, combine: "mean" }, groups, averageMerge);
  assertEquals(mean.outputWeight, Float64Array.of(2 * 1.5, 10 * 0.5));
  assertEquals([sum.outputBias, mean.outputBias], [folded.outputBias, folded.outputBias]);
});

for (const combine of ["sum", "mean"] as const) {
  Deno.test(`mergeGroups() of groups of equal heads computes the same for '${combine}'`, () => {
    const sizes = { hiddenSize: 9, numHeads: 2, headDim: 2, combine };
    const [a, b] = splitHeads(foldLayer(randomModule(sizes, 34)));
    const folded = joinHeads(foldLayer(randomModule(sizes, 34)), [a!, b!, a!, a!, b!]);
    const merged = mergeGroups(folded, [[0, 2, 3], [1, 4]], averageMerge);
    const inputs = raggedInputs(9, 35);
    const exact = { atol: 1e-12, rtol: 1e-12 };
    assertClose(layerUpdate(merged, inputs), layerUpdate(folded, inputs), exact);
  });
}

Deno.test("meanPair() weighs factors, whatever the weights add up to", () => {
  const pair = (value: number) => ({
    rows: 1,
    left: Float64Array.of(value),
    right: Float64Array.of(-value),
  });
  assertEquals(meanPair([pair(1), pair(5)], [3, 1]), pair(2));
});

Deno.test("attentionWeights() counts heads by what they bring, and none where none brings any", () => {
  const folded = foldLayer(randomModule(SIZES[0]!, 36));
  const [a, b] = splitHeads(folded);
  const [one, three] = attentionWeights([a!, scaleHead(a!, 3)], [1, 1]);
  assertAlmostEquals(three! / one!, 3, 1e-12);
  const [whole, double] = attentionWeights([a!, a!], [1, 2]);
  assertAlmostEquals(double! / whole!, 2, 1e-12);
  assertEquals(attentionWeights([scaleHead(a!, 0), scaleHead(b!, 0)], [1, 4]), [1, 4]);
  assertEquals(attentionWeights([scaleHead(a!, 0), b!], [1, 1])[0], 0);
});

Deno.test("givesNothing() is about every head's output", () => {
  const [a, b] = splitHeads(foldLayer(randomModule(SIZES[0]!, 37)));
  assert(givesNothing([scaleHead(a!, 0), scaleHead(b!, 0)]));
  assert(!givesNothing([scaleHead(a!, 0), b!]));
});
