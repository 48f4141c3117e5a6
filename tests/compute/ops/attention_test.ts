// The definition of `attention` against hand-worked numbers.

import { assertEquals } from "@std/assert";
import { dropoutRow } from "../../../lib/compute/ops/attention/dropout_reference.ts";
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
  const y = attention(qkv, starts, shape, { selected: Uint32Array.of(3, 4) });
  assertEquals(y, Float64Array.of(...all.slice(12, 16), ...all.slice(16, 20)));
});

Deno.test("attention() keeps heads and sequences apart", () => {
  // Two heads of one column; queries and keys 0, so each token gets its sequence's mean value.
  const values = [[1, 10], [3, 30], [5, 50]];
  const qkv = Float64Array.from(values.flatMap((v) => [0, 0, 0, 0, ...v]));
  const y = attention(qkv, Uint32Array.of(0, 2, 3), { numHeads: 2, headDim: 1 });
  assertEquals(y, Float64Array.of(2, 20, 2, 20, 5, 50));
});

Deno.test("dropoutRow() drops entries whose bits are below the share, by MurmurHash3's last step", () => {
  // It makes 0x514e28b7 of 1, just below 0.3176 of 2^32, and 0 of 0. The last entry is 2^16 + 1.
  const row = (key: number[], dropout: number, head = 0) =>
    dropoutRow({ keys: Float64Array.from(key), dropout }, 0, head, 2);
  assertEquals(row([0, 0, 0, 0], 0.3175), Float64Array.of(0, 1 / (1 - 0.3175)));
  assertEquals(row([0, 0, 0, 0], 0.3176), Float64Array.of(0, 0));
  assertEquals(row([1, 0, 1, 0], 0.3176, 1), Float64Array.of(0, 0)); // 1 and 0 again
  assertEquals(row([1, 0, 0, 1], 0.3176, 256), Float64Array.of(0, 0));
});

Deno.test("attention() with dropout adds up what is kept, scaled", () => {
  // Queries and keys 0: every token gives each value half its weight, and half of all is dropped.
  const values = Array.from({ length: 300 }, () => 1);
  const qkv = Float64Array.from(values.flatMap((v) => [0, 0, v]));
  const keys = Float64Array.from(
    noise(4 * 300, { seed: 3, scale: 2 ** 20 }),
    (x) => Math.abs(x | 0) % 256,
  );
  const dropout = { keys, dropout: 0.5 };
  const y = attention(qkv, Uint32Array.of(0, 300), { numHeads: 1, headDim: 1 }, { dropout });
  // Each is twice a share of 300 fair draws: 1, give or take 0.06.
  const mean = y.reduce((a, b) => a + b) / 300;
  const spread = Math.sqrt(y.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 300);
  assertClose([mean, spread], [1, 1 / Math.sqrt(300)], { atol: 0.01, rtol: 0 });
});
