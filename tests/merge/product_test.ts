import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { relativeError } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { type Head, joinHeads, scaleHead, splitHeads } from "../../lib/merge/heads.ts";
import { meanProduct, productHeads, productMerge } from "../../lib/merge/product.ts";
import { assertClose } from "../_close.ts";
import { describeSizes, oneHead, raggedInputs, randomModule, SIZES } from "./_modules.ts";

const pair = (left: readonly number[], right: readonly number[]) => ({
  rows: 1,
  left: Float64Array.from(left),
  right: Float64Array.from(right),
});

Deno.test("meanProduct() keeps the largest singular value of the mean", () => {
  // The mean of diag(6, 0) and diag(0, 2), weighted 1 to 2.9, is diag(6, 5.8) / 3.9.
  const { left, right } = meanProduct([pair([6, 0], [1, 0]), pair([0, 2], [0, 1])], [1, 2.9]);
  assertAlmostEquals(left[0]! * right[0]!, 6 / 3.9, 1e-12);
  assertClose([left[1]!, right[1]!], [0, 0], { atol: 1e-12, rtol: 0 });
});

Deno.test("productMerge() averages what heads bring and weighs where they look by it", () => {
  const heads: Head[] = [
    { attention: pair([1, 0, 0], [1, 0]), value: pair([9, 0], [1, 0]) },
    { attention: pair([3, 0, 0], [1, 0]), value: pair([1, 0], [1, 0]) },
  ];
  const { attention, value } = productMerge(heads, [1, 1]);
  assertAlmostEquals(attention.left[0]! * attention.right[0]!, (9 * 1 + 1 * 3) / 10, 1e-12);
  assertAlmostEquals(value.left[0]! * value.right[0]!, 5, 1e-12);
});

for (const sizes of SIZES) {
  Deno.test(`productHeads() of one head computes the same for ${describeSizes(sizes)}`, () => {
    const single = oneHead(randomModule(sizes, 60), 0);
    const merged = productHeads(single);
    const inputs = raggedInputs(sizes.hiddenSize, 61);
    const exact = { atol: 1e-12, rtol: 1e-12 };
    assertClose(layerUpdate(merged, inputs), layerUpdate(single, inputs), exact);
  });
}

Deno.test("productHeads() takes heads of zero and of low rank", () => {
  const sizes = { hiddenSize: 6, numHeads: 3, headDim: 2, combine: "sum" } as const;
  const folded = foldLayer(randomModule(sizes, 62));
  const [a, b, c] = splitHeads(folded);
  const lowRank: Head = { ...b!, attention: { ...b!.attention, right: new Float64Array(12) } };
  const module = joinHeads(folded, [a!, lowRank, scaleHead(c!, 0)]);
  const merged = productHeads(module);
  for (const values of [merged.queryWeight, merged.keyWeight, merged.outputWeight]) {
    assert(values.every(Number.isFinite));
  }
  // A head that brings nothing changes only the scale, which the sum makes up for.
  const without = joinHeads(folded, [a!, lowRank]);
  assert(relativeError(merged, productHeads(without), raggedInputs(6, 63)) < 1e-12);
});

Deno.test("productHeads() of a fresh adapter adds nothing and can still be trained", () => {
  const module = foldLayer(randomModule(SIZES[1]!, 64));
  const merged = productHeads({ ...module, outputWeight: module.outputWeight.map(() => 0) });
  assert(merged.outputWeight.every((value) => value === 0));
  assert(merged.valueWeight.some((value) => Math.abs(value) > 0.01));
  assert(merged.queryWeight.some((value) => Math.abs(value) > 0.01));
});

Deno.test("productHeads() leaves its argument unchanged", () => {
  const module = randomModule(SIZES[1]!, 65);
  productHeads(module);
  assertEquals(module, randomModule(SIZES[1]!, 65));
});
