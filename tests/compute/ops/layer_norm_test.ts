// The definition of `layerNorm` against hand-worked numbers.

import { assertEquals } from "@std/assert";
import { layerNorm } from "../../../lib/compute/ops/layer_norm/reference.ts";
import { assertClose } from "../../_close.ts";

Deno.test("layerNorm() divides by the biased deviation, then scales and shifts", () => {
  // Mean 3, biased variance 5, so (x - 3) / sqrt(5 + 4) = (-1, -1/3, 1/3, 1) with eps = 4.
  const x = Float64Array.of(0, 2, 4, 6);
  const y = layerNorm(x, undefined, Float64Array.of(3, 3, 3, 6), Float64Array.of(0, 1, 0, -1), 4);
  assertClose(y, [-3, 0, 1, 5], { atol: 1e-15, rtol: 1e-15 });
});

Deno.test("layerNorm() adds the residual first, row by row", () => {
  const x = Float64Array.of(1, 0, 10, 20);
  const residual = Float64Array.of(0, 3, 0, 0);
  const y = layerNorm(x, residual, Float64Array.of(1, 1), Float64Array.of(0, 0), 1e-12);
  assertClose(y, [-1, 1, -1, 1], { atol: 0, rtol: 1e-12 });
});

Deno.test("layerNorm() gives the bias for a constant row, even with eps 1e-12", () => {
  for (const constant of [0, 0.1, -3.3, 1e8]) {
    const x = new Float64Array(7).fill(constant);
    const weight = new Float64Array(7).fill(2);
    const bias = Float64Array.of(1, 2, 3, 4, 5, 6, 7);
    assertEquals(layerNorm(x, undefined, weight, bias, 1e-12), bias);
  }
});

Deno.test("layerNorm() leaves its input alone", () => {
  const x = Float64Array.of(1, 2);
  layerNorm(x, x, Float64Array.of(1, 1), Float64Array.of(0, 0), 1e-5);
  assertEquals(x, Float64Array.of(1, 2));
});
