// The definition of `layerNormBackward` against differences of `layerNorm`.

import { assertEquals } from "@std/assert";
import { layerNorm } from "../../../lib/compute/ops/layer_norm/reference.ts";
import { layerNormBackward } from "../../../lib/compute/ops/layer_norm_backward/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";
import { DIFFERENCE_TOLERANCE, gradientByDifferences } from "../_differences.ts";

for (const [rows, cols] of [[1, 1], [1, 2], [3, 5], [2, 16], [4, 7]] as const) {
  Deno.test(`layerNormBackward() is the derivative for [${rows}, ${cols}]`, () => {
    const numbers = (seed: number, length = rows * cols) =>
      Float64Array.from(noise(length, { seed }));
    const [x, residual, dy] = [numbers(1), numbers(2), numbers(3)];
    const [weight, bias] = [numbers(4, cols), numbers(5, cols)];
    for (const eps of [0.1, 1e-5]) {
      const forward = (x: typeof dy) => layerNorm(x, residual, weight, bias, eps);
      const want = gradientByDifferences(forward, x, dy);
      // Two numbers a row: the slope is about sqrt(eps), so that differences lose digits.
      const tolerance = cols === 2 ? { atol: 1e-4, rtol: 1e-4 } : DIFFERENCE_TOLERANCE;
      assertClose(layerNormBackward(x, residual, weight, eps, dy), want, tolerance);
    }
  });
}

Deno.test("layerNormBackward() works without a residual and leaves its inputs alone", () => {
  // Deviation 2 with eps 3: n = (-1, 1) / 2, g = (3, 1): means 2 and -1/2.
  const [x, dy] = [Float64Array.of(4, 6), Float64Array.of(1, 1)];
  const dx = layerNormBackward(x, undefined, Float64Array.of(3, 1), 3, dy);
  assertClose(dx, [(3 - 2 - 0.25) / 2, (1 - 2 + 0.25) / 2], { atol: 1e-15, rtol: 1e-15 });
  assertEquals([x, dy], [Float64Array.of(4, 6), Float64Array.of(1, 1)]);
});

Deno.test("layerNormBackward() gives a row that sums to 0", () => {
  // A row's result does not change when a number is added to the whole row: Σ dx = 0.
  const [x, dy] = [1, 2].map((seed) => Float64Array.from(noise(9, { seed })));
  const dx = layerNormBackward(x!, undefined, new Float64Array(9).fill(2), 1e-5, dy!);
  assertClose([dx.reduce((sum, d) => sum + d, 0)], [0], { atol: 1e-13, rtol: 0 });
});
