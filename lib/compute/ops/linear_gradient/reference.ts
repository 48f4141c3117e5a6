/**
 * `linearGradient` by definition, in f64.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/**
 * Computes the gradient of weight and bias.
 *
 * @param x What went in, `[rows, inner]`, row-major.
 * @param dy The gradient with respect to what came out, `[rows, cols]`.
 * @param shape The two widths, in elements.
 * @returns `f64 [cols * inner + cols]`: of the weight, row-major, then of the bias.
 */
export function linearGradient(
  x: Numbers,
  dy: Numbers,
  { inner, cols }: { readonly inner: number; readonly cols: number },
): Float64Array<ArrayBuffer> {
  const gradient = new Float64Array(cols * inner + cols);
  const rows = dy.length / cols;
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < cols; n++) {
      const d = dy[row * cols + n]!;
      for (let k = 0; k < inner; k++) gradient[n * inner + k]! += d * x[row * inner + k]!;
      gradient[cols * inner + n]! += d;
    }
  }
  return gradient;
}
