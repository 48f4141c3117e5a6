// The definition of `layerNormGradient` against differences of `layerNorm`.

import { layerNorm } from "../../../lib/compute/ops/layer_norm/reference.ts";
import { layerNormGradient } from "../../../lib/compute/ops/layer_norm_gradient/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";
import { DIFFERENCE_TOLERANCE, gradientByDifferences } from "../_differences.ts";

for (const [rows, cols] of [[1, 1], [37, 5], [4, 16]] as const) {
  Deno.test(`layerNormGradient() is the derivative for [${rows}, ${cols}]`, () => {
    const numbers = (seed: number, length: number) => Float64Array.from(noise(length, { seed }));
    const [x, dy] = [numbers(1, rows * cols), numbers(2, rows * cols)];
    const forward = (parameters: typeof x) =>
      layerNorm(x, undefined, parameters.slice(0, cols), parameters.slice(cols), 1e-5);
    const want = gradientByDifferences(forward, numbers(3, 2 * cols), dy);
    assertClose(layerNormGradient(x, 1e-5, dy, cols), want, DIFFERENCE_TOLERANCE);
  });
}

Deno.test("layerNormGradient() sums over rows: the gain's numbers, then the bias's", () => {
  // Deviations sqrt(1 + 7) and sqrt(9 + 7).
  const x = Float64Array.of(-1, 1, 3, -3);
  const [small, large] = [1 / Math.sqrt(8), 3 / 4];
  const gradient = layerNormGradient(x, 7, Float64Array.of(1, 10, 100, 1000), 2);
  const want = [-small + 100 * large, 10 * small - 1000 * large, 101, 1010];
  assertClose(gradient, want, { atol: 0, rtol: 1e-14 });
});
