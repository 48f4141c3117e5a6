/**
 * `activation` by definition, in f64.
 *
 * @module
 */

import { ACTIVATIONS, type Numbers } from "../linear/reference.ts";
import type { ElementFunction } from "./op.ts";

/**
 * Applies an activation to each number.
 *
 * @param x Any numbers.
 * @param activation Which one.
 * @returns `f64`, as many numbers.
 */
export function activate(x: Numbers, activation: ElementFunction): Float64Array<ArrayBuffer> {
  return Float64Array.from(x, ACTIVATIONS[activation]);
}
