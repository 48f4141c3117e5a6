/**
 * `scatter` by definition.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/**
 * Puts one row of each sequence among zeros.
 *
 * @param x `[sequences, cols]`, row-major.
 * @param selected The row that each becomes, `[sequences]`.
 * @param tokens Rows of the result.
 * @param cols Columns, in elements.
 * @returns `f64 [tokens, cols]`, row-major.
 */
export function scatter(
  x: Numbers,
  selected: Uint32Array<ArrayBuffer>,
  tokens: number,
  cols: number,
): Float64Array<ArrayBuffer> {
  const y = new Float64Array(tokens * cols);
  for (const [b, row] of selected.entries()) {
    y.set(x.subarray(b * cols, (b + 1) * cols), row * cols);
  }
  return y;
}
