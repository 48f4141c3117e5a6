/**
 * `layerNorm` by definition, in f64.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/**
 * Normalises each row of `x + residual` to mean 0 and variance 1, then scales and shifts it.
 *
 * @param x `[rows, cols]`, row-major.
 * @param residual `[rows, cols]`, or undefined for none.
 * @param weight Gain, `[cols]`; its length is the number of columns.
 * @param bias `[cols]`.
 * @param eps Added to the biased variance.
 * @returns `f64 [rows, cols]`, row-major.
 */
export function layerNorm(
  x: Numbers,
  residual: Numbers | undefined,
  weight: Numbers,
  bias: Numbers,
  eps: number,
): Float64Array<ArrayBuffer> {
  const cols = weight.length;
  const y = Float64Array.from(x);
  if (residual !== undefined) { for (let i = 0; i < y.length; i++) y[i]! += residual[i]!; }
  for (let start = 0; start < y.length; start += cols) {
    const row = y.subarray(start, start + cols);
    normalize(row, eps);
    for (let c = 0; c < cols; c++) row[c] = weight[c]! * row[c]! + bias[c]!;
  }
  return y;
}

/**
 * Normalises a row to mean 0 and variance 1, in place.
 *
 * @param row The row; overwritten.
 * @param eps Added to the biased variance.
 * @returns What the row was divided by, `sqrt(variance + eps)`.
 */
export function normalize(row: Float64Array<ArrayBuffer>, eps: number): number {
  const cols = row.length;
  // Sums are taken relative to the first element: a constant row then has variance 0 exactly.
  const first = row[0]!;
  let sum = 0;
  for (let c = 0; c < cols; c++) sum += row[c]! - first;
  const mean = first + sum / cols;
  let squares = 0;
  for (let c = 0; c < cols; c++) squares += (row[c]! - mean) ** 2;
  const deviation = Math.sqrt(squares / cols + eps);
  for (let c = 0; c < cols; c++) row[c] = (row[c]! - mean) / deviation;
  return deviation;
}
