/**
 * `activation` by definition, in f64.
 *
 * @module
 */

import { ACTIVATIONS, erf, type Numbers } from "../linear/reference.ts";
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

/** The derivative of each activation. */
const DERIVATIVES: Readonly<Record<ElementFunction, (x: number) => number>> = {
  gelu: (x) => (1 + erf(x / Math.SQRT2)) / 2 + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI),
  geluTanh: (x) => {
    const factor = Math.sqrt(2 / Math.PI);
    const tanh = Math.tanh(factor * (x + 0.044715 * x ** 3));
    const inner = factor * (1 + 3 * 0.044715 * x ** 2);
    return (1 + tanh) / 2 + x / 2 * (1 - tanh ** 2) * inner;
  },
  relu: (x) => x > 0 ? 1 : 0,
  tanh: (x) => 1 - Math.tanh(x) ** 2,
};

/**
 * Gives an activation's derivative at each number.
 *
 * @param x Any numbers.
 * @param activation Which one.
 * @returns `f64`, as many numbers.
 */
export function slopes(x: Numbers, activation: ElementFunction): Float64Array<ArrayBuffer> {
  return Float64Array.from(x, DERIVATIVES[activation]);
}
