/**
 * `multiply` by definition, in f64.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/**
 * Multiplies two matrices element by element.
 *
 * @param x Any numbers.
 * @param factor As many numbers.
 * @returns `f64`, as many numbers.
 */
export function multiply(x: Numbers, factor: Numbers): Float64Array<ArrayBuffer> {
  return Float64Array.from(x, (number, i) => number * factor[i]!);
}
