/**
 * `layerNormBackward` by definition, in f64.
 *
 * @module
 */

import { normalize } from "../layer_norm/reference.ts";
import type { Numbers } from "../linear/reference.ts";

/**
 * Takes a gradient back through the normalisation of `x + residual`.
 *
 * @param x `[rows, cols]`, row-major.
 * @param residual `[rows, cols]`, or undefined for none.
 * @param weight Gain, `[cols]`; its length is the number of columns.
 * @param eps Added to the biased variance.
 * @param dy The gradient with respect to the result, `[rows, cols]`.
 * @returns The gradient with respect to `x + residual`, `f64 [rows, cols]`, row-major.
 */
export function layerNormBackward(
  x: Numbers,
  residual: Numbers | undefined,
  weight: Numbers,
  eps: number,
  dy: Numbers,
): Float64Array<ArrayBuffer> {
  const cols = weight.length;
  const dx = Float64Array.from(x);
  if (residual !== undefined) { for (let i = 0; i < dx.length; i++) dx[i]! += residual[i]!; }
  for (let start = 0; start < dx.length; start += cols) {
    const row = dx.subarray(start, start + cols);
    const deviation = normalize(row, eps);
    let sum = 0;
    let products = 0;
    for (let c = 0; c < cols; c++) {
      const g = weight[c]! * dy[start + c]!;
      sum += g;
      products += g * row[c]!;
    }
    for (let c = 0; c < cols; c++) {
      const g = weight[c]! * dy[start + c]!;
      row[c] = (g - sum / cols - row[c]! * products / cols) / deviation;
    }
  }
  return dx;
}
