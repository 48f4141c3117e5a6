/**
 * `layerNormGradient` by definition, in f64.
 *
 * @module
 */

import { normalize } from "../layer_norm/reference.ts";
import type { Numbers } from "../linear/reference.ts";

/**
 * Computes the gradient of gain and bias.
 *
 * @param x What was normalised, `[rows, cols]`, row-major.
 * @param eps Added to the biased variance.
 * @param dy The gradient with respect to the result, `[rows, cols]`.
 * @param cols Columns, in elements.
 * @returns `f64 [2 * cols]`: of the gain, then of the bias.
 */
export function layerNormGradient(
  x: Numbers,
  eps: number,
  dy: Numbers,
  cols: number,
): Float64Array<ArrayBuffer> {
  const gradient = new Float64Array(2 * cols);
  const row = new Float64Array(cols);
  for (let start = 0; start < x.length; start += cols) {
    row.set(x.subarray(start, start + cols));
    normalize(row, eps);
    for (let c = 0; c < cols; c++) {
      gradient[c]! += dy[start + c]! * row[c]!;
      gradient[cols + c]! += dy[start + c]!;
    }
  }
  return gradient;
}
