/**
 * `activationBackward` by definition, in f64.
 *
 * @module
 */

import type { ElementFunction } from "../activation/op.ts";
import { erf, type Numbers } from "../linear/reference.ts";

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
 * Multiplies a gradient by an activation's derivative.
 *
 * @param x What went into the activation.
 * @param dy The gradient with respect to what came out, as many numbers.
 * @param activation Which activation.
 * @returns The gradient with respect to `x`, `f64`, as many numbers.
 */
export function activationBackward(
  x: Numbers,
  dy: Numbers,
  activation: ElementFunction,
): Float64Array<ArrayBuffer> {
  const derivative = DERIVATIVES[activation];
  return Float64Array.from(x, (number, i) => dy[i]! * derivative(number));
}
