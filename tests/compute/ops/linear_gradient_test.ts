// The definition of `linearGradient` against differences of `linear`.

import { assertEquals } from "@std/assert";
import { linear } from "../../../lib/compute/ops/linear/reference.ts";
import { linearGradient } from "../../../lib/compute/ops/linear_gradient/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";
import { DIFFERENCE_TOLERANCE, gradientByDifferences } from "../_differences.ts";

for (const [rows, inner, cols] of [[1, 1, 1], [37, 5, 3], [4, 2, 7], [6, 1, 9]] as const) {
  Deno.test(`linearGradient() is the derivative for [${cols}, ${inner}] on ${rows} rows`, () => {
    const numbers = (seed: number, length: number) => Float64Array.from(noise(length, { seed }));
    const [x, dy] = [numbers(1, rows * inner), numbers(2, rows * cols)];
    const forward = (parameters: typeof x) => {
      const weight = parameters.slice(0, cols * inner);
      return linear(x, weight, parameters.slice(cols * inner), { rows, inner, cols }, "none");
    };
    const want = gradientByDifferences(forward, numbers(3, cols * inner + cols), dy);
    assertClose(linearGradient(x, dy, { inner, cols }), want, DIFFERENCE_TOLERANCE);
  });
}

Deno.test("linearGradient() puts the weight's rows first, then the bias", () => {
  // Two rows of x, (1 2) and (3 4), and of dy, (1 0 10) and (0 1 100).
  const x = Float64Array.of(1, 2, 3, 4);
  const gradient = linearGradient(x, Float64Array.of(1, 0, 10, 0, 1, 100), { inner: 2, cols: 3 });
  assertEquals(gradient, Float64Array.of(1, 2, 3, 4, 310, 420, 1, 1, 110));
});
