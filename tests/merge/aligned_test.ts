import { assert, assertEquals } from "@std/assert";
import { alignHeads } from "../../lib/merge/align.ts";
import { alignedHeads, alignedMerge } from "../../lib/merge/aligned.ts";
import { averageHeads } from "../../lib/merge/average.ts";
import { relativeError } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import {
  attentionWeights,
  centreLayer,
  joinHeads,
  meanPair,
  scaleHead,
  splitHeads,
} from "../../lib/merge/heads.ts";
import { productNorm } from "../../lib/merge/linear_algebra.ts";
import { assertClose } from "../_close.ts";
import { describeSizes, oneHead, raggedInputs, randomModule, SIZES } from "./_modules.ts";

const EXACT = { atol: 1e-12, rtol: 1e-12 };

for (const sizes of SIZES) {
  Deno.test(`alignedHeads() of one head computes the same for ${describeSizes(sizes)}`, () => {
    const single = oneHead(randomModule(sizes, 70), 0);
    const inputs = raggedInputs(sizes.hiddenSize, 71);
    assertClose(layerUpdate(alignedHeads(single), inputs), layerUpdate(single, inputs), EXACT);
  });
}

for (const sizes of SIZES.filter(({ numHeads }) => numHeads > 1)) {
  Deno.test(`alignedHeads() averages heads aligned to the largest for ${describeSizes(sizes)}`, () => {
    const module = randomModule(sizes, 72);
    const centred = centreLayer(foldLayer(module));
    const heads = splitHeads(centred);
    const one = heads.map(() => 1);
    const largest = (norms: readonly number[]) => norms.indexOf(Math.max(...norms));
    const attention = largest(heads.map((head) => productNorm(head.attention)));
    const value = largest(heads.map((head) => productNorm(head.value)));
    const aligned = alignHeads(heads, { attention, value });
    const mean = {
      attention: meanPair(aligned.map((head) => head.attention), attentionWeights(heads, one)),
      value: meanPair(aligned.map((head) => head.value), one),
    };
    const scale = sizes.combine === "sum" ? heads.length : 1;
    assertEquals(alignedHeads(module), joinHeads(centred, [scaleHead(mean, scale)]));
  });
}

Deno.test("alignedHeads() recovers what the plain average cancels", () => {
  const folded = foldLayer(
    randomModule({ hiddenSize: 6, numHeads: 1, headDim: 1, combine: "sum" }, 73),
  );
  const [head] = splitHeads(folded);
  const negated = {
    ...head!,
    value: {
      rows: 1,
      left: head!.value.left.map((value) => -value),
      right: head!.value.right.map((value) => -value),
    },
  };
  const pair = joinHeads(folded, [head!, negated]);
  const inputs = raggedInputs(6, 74);
  assert(relativeError(averageHeads(pair), pair, inputs) === 1);
  assert(relativeError(alignedHeads(pair), pair, inputs) < 1e-12);
});

Deno.test("alignedHeads() takes heads whose attention or output is zero", () => {
  const sizes = { hiddenSize: 6, numHeads: 3, headDim: 2, combine: "mean" } as const;
  const folded = foldLayer(randomModule(sizes, 75));
  const [a, b, c] = splitHeads(folded);
  const blind = { ...b!, attention: { ...b!.attention, left: new Float64Array(14) } };
  const merged = alignedHeads(joinHeads(folded, [a!, blind, scaleHead(c!, 0)]));
  for (const values of [merged.queryWeight, merged.keyWeight, merged.outputWeight]) {
    assert(values.every(Number.isFinite));
  }
});

Deno.test("alignedHeads() of a fresh adapter adds nothing and can still be trained", () => {
  const module = foldLayer(randomModule(SIZES[0]!, 76));
  const merged = alignedHeads({ ...module, outputWeight: module.outputWeight.map(() => 0) });
  assert(merged.outputWeight.every((value) => value === 0));
  assert(merged.valueWeight.some((value) => Math.abs(value) > 0.01));
});

Deno.test("alignedMerge() weighs heads", () => {
  const folded = foldLayer(randomModule(SIZES[0]!, 77));
  const [a, b] = splitHeads(folded);
  const twice = alignedMerge([a!, a!, b!], [1, 1, 1]);
  const weighted = alignedMerge([a!, b!], [2, 1]);
  const inputs = raggedInputs(24, 78);
  assertClose(
    layerUpdate(joinHeads(folded, [weighted]), inputs),
    layerUpdate(joinHeads(folded, [twice]), inputs),
    EXACT,
  );
});

Deno.test("alignedHeads() leaves its argument unchanged", () => {
  const module = randomModule(SIZES[1]!, 79);
  alignedHeads(module);
  assertEquals(module, randomModule(SIZES[1]!, 79));
});
