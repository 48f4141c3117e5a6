// The definition of `attention` against hand-worked numbers.

import { assertEquals } from "@std/assert";
import { attention, softmax } from "../../../lib/compute/ops/attention/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";

Deno.test("softmax() does not overflow", () => {
  const scores = Float64Array.of(1000, 1000, 1000 - Math.log(2));
  softmax(scores);
  assertClose(scores, [0.4, 0.4, 0.2], { atol: 0, rtol: 1e-12 });
});

Deno.test("attention() weighs the values of two tokens", () => {
  // One head of 4 columns, so the scores are halved. q0 = (2 ln 3, 0, 0, 0), k0 = e0, k1 = 0:
  // scores (ln 3, 0), weights (3/4, 1/4). q1 = 0: weights (1/2, 1/2).
  const qkv = Float64Array.of(
    ...[2 * Math.log(3), 0, 0, 0, 1, 0, 0, 0, 4, 8, 0, 1],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 4, 1],
  );
  const y = attention(qkv, Uint32Array.of(0, 2), { numHeads: 1, headDim: 4 });
  assertClose(y, [5, 6, 1, 1, 6, 4, 2, 1], { atol: 0, rtol: 1e-14 });
});

Deno.test("attention() of selected tokens is those rows of all", () => {
  const qkv = Float64Array.from(noise(6 * 3 * 4, { seed: 1 }));
  const [starts, shape] = [Uint32Array.of(0, 4, 6), { numHeads: 2, headDim: 2 }];
  const all = attention(qkv, starts, shape);
  const y = attention(qkv, starts, shape, Uint32Array.of(3, 4));
  assertEquals(y, Float64Array.of(...all.slice(12, 16), ...all.slice(16, 20)));
});

Deno.test("attention() keeps heads and sequences apart", () => {
  // Two heads of one column; queries and keys 0, so each token gets its sequence's mean value.
  const values = [[1, 10], [3, 30], [5, 50]];
  const qkv = Float64Array.from(values.flatMap((v) => [0, 0, 0, 0, ...v]));
  const y = attention(qkv, Uint32Array.of(0, 2, 3), { numHeads: 2, headDim: 1 });
  assertEquals(y, Float64Array.of(2, 20, 2, 20, 5, 50));
});
