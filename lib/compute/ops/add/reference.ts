/**
 * `add` by definition, in f64.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/**
 * Adds two matrices.
 *
 * @param x Any numbers.
 * @param residual As many numbers.
 * @returns `f64`, as many numbers.
 */
export function add(x: Numbers, residual: Numbers): Float64Array<ArrayBuffer> {
  const y = Float64Array.from(x);
  for (let i = 0; i < y.length; i++) y[i]! += residual[i]!;
  return y;
}
