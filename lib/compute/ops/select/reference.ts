/**
 * `select` by definition.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/**
 * Copies one row of each sequence.
 *
 * @param x `[tokens, cols]`, row-major.
 * @param selected The row to take for each sequence, `[sequences]`.
 * @param cols Columns, in elements.
 * @returns `f64 [sequences, cols]`, row-major.
 */
export function select(
  x: Numbers,
  selected: Uint32Array<ArrayBuffer>,
  cols: number,
): Float64Array<ArrayBuffer> {
  const y = new Float64Array(selected.length * cols);
  for (const [b, row] of selected.entries()) {
    y.set(x.subarray(row * cols, (row + 1) * cols), b * cols);
  }
  return y;
}
