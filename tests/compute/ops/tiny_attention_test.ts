// The definition of `tinyAttention` against hand-worked numbers.

import { assertEquals } from "@std/assert";
import {
  tinyAttention,
  type TinyAttentionModule,
} from "../../../lib/compute/ops/tiny_attention/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";

const f64 = (...numbers: number[]) => Float64Array.from(numbers);

Deno.test("tinyAttention() with one head of one column matches numbers worked by hand", () => {
  // Rows (1, 3) and (3, 1) normalise to (-1, 1) and (1, -1) (eps is negligible). The query is
  // ln(3)/2 u0, the key u0, the value 4 u1 + 1: q = (-l, l), k = (-1, 1), v = (5, -3), l = ln(3)/2.
  // Scores of token 0: (l, -l), whose difference is ln 3: weights (3/4, 1/4), z = 3. Token 1:
  // weights (1/4, 3/4), z = -1. Output: scale 1/2, weight (2, 4), bias (0.5, 0).
  const module: TinyAttentionModule = {
    normWeight: f64(1, 1),
    normBias: f64(0, 0),
    eps: 1e-14,
    qkvWeight: f64(Math.log(3) / 2, 0, 1, 0, 0, 4),
    qkvBias: f64(0, 0, 1),
    numHeads: 1,
    headDim: 1,
    scale: 0.5,
    outputWeight: f64(2, 4),
    outputBias: f64(0.5, 0),
  };
  const y = tinyAttention(f64(1, 3, 3, 1), Uint32Array.of(0, 2), module);
  assertClose(y, [1 + 3 + 0.5, 3 + 6, 3 - 1 + 0.5, 1 - 2], { atol: 1e-12, rtol: 1e-12 });
});

Deno.test("tinyAttention() adds the output bias once, unscaled, whatever the heads", () => {
  // Zero queries, keys and values: z is the value bias of each head. Two heads of two columns.
  const module: TinyAttentionModule = {
    normWeight: f64(1, 1),
    normBias: f64(0, 0),
    eps: 1e-5,
    qkvWeight: new Float64Array(24),
    qkvBias: f64(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4),
    numHeads: 2,
    headDim: 2,
    scale: 0.5,
    outputWeight: f64(1, 1, 1, 1, 1, 0, 0, -1),
    outputBias: f64(100, 200),
  };
  const y = tinyAttention(f64(7, 9), Uint32Array.of(0, 1), module);
  assertEquals(y, f64(7 + 0.5 * 10 + 100, 9 + 0.5 * -3 + 200));
});

Deno.test("tinyAttention() with a zero output is the identity, bit for bit", () => {
  const [hidden, inner] = [20, 4];
  const random = (length: number, seed: number) => Float64Array.from(noise(length, { seed }));
  const a = random(3 * hidden, 1);
  const y = tinyAttention(a, Uint32Array.of(0, 1, 3), {
    normWeight: random(hidden, 2),
    normBias: random(hidden, 3),
    eps: 1e-5,
    qkvWeight: random(3 * inner * hidden, 4),
    qkvBias: random(3 * inner, 5),
    numHeads: 4,
    headDim: 1,
    scale: 0.25,
    outputWeight: new Float64Array(hidden * inner),
    outputBias: new Float64Array(hidden),
  });
  assertEquals(new Uint8Array(y.buffer), new Uint8Array(a.buffer));
});
