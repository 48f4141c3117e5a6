/**
 * `linear` by definition, in f64.
 *
 * @module
 */

import type { Activation } from "./op.ts";

/** Numbers of the reference: activations in f64, weights in f32 as they were given. */
export type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/**
 * Computes `activation(x · weightᵀ + bias)`; a residual is for `add` to add.
 *
 * @param x `[rows, inner]`, row-major.
 * @param weight `[cols, inner]`, row-major.
 * @param bias `[cols]`.
 * @param shape The three dimensions, in elements.
 * @param activation What is applied to each element.
 * @returns `f64 [rows, cols]`, row-major.
 */
export function linear(
  x: Numbers,
  weight: Numbers,
  bias: Numbers,
  shape: { readonly rows: number; readonly inner: number; readonly cols: number },
  activation: Activation,
): Float64Array<ArrayBuffer> {
  const { rows, inner, cols } = shape;
  const y = new Float64Array(rows * cols);
  // Two rows of x against two rows of the weight at a time: each number that is fetched is used
  // twice, which makes this three times as fast as a sum an element. Every sum still runs over k
  // in order, so an element does not depend on its neighbours.
  for (let m = 0; m < rows; m += 2) {
    const x0 = m * inner;
    const x1 = Math.min(m + 1, rows - 1) * inner;
    for (let n = 0; n < cols; n += 2) {
      const w0 = n * inner;
      const w1 = Math.min(n + 1, cols - 1) * inner;
      let [y00, y01, y10, y11] = [0, 0, 0, 0];
      for (let k = 0; k < inner; k++) {
        const a0 = x[x0 + k]!;
        const a1 = x[x1 + k]!;
        const b0 = weight[w0 + k]!;
        const b1 = weight[w1 + k]!;
        y00 += a0 * b0;
        y01 += a0 * b1;
        y10 += a1 * b0;
        y11 += a1 * b1;
      }
      const right = n + 1 < cols;
      const below = m + 1 < rows;
      y[m * cols + n] = y00 + bias[n]!;
      if (right) y[m * cols + n + 1] = y01 + bias[n + 1]!;
      if (below) y[(m + 1) * cols + n] = y10 + bias[n]!;
      if (below && right) y[(m + 1) * cols + n + 1] = y11 + bias[n + 1]!;
    }
  }
  if (activation !== "none") {
    const activate = ACTIVATIONS[activation];
    for (let i = 0; i < y.length; i++) y[i] = activate(y[i]!);
  }
  return y;
}

/** The definition of each activation. */
export const ACTIVATIONS: Readonly<Record<Exclude<Activation, "none">, (x: number) => number>> = {
  gelu,
  geluTanh,
  relu: (x) => x < 0 ? 0 : x, // keeps NaN
  tanh: Math.tanh,
};

/**
 * The Gaussian error linear unit, `x Φ(x) = x / 2 * (1 + erf(x / sqrt(2)))`.
 *
 * @param x Any number.
 * @returns The unit's value.
 */
export function gelu(x: number): number {
  return 0.5 * x * (1 + erf(x / Math.SQRT2));
}

/**
 * The approximation of the Gaussian error linear unit that BERT's original code called "gelu" and
 * transformers calls "gelu_new": `x / 2 * (1 + tanh(sqrt(2 / π) (x + 0.044715 x³)))` (Hendrycks and
 * Gimpel, arXiv 1606.08415).
 *
 * @param x Any number.
 * @returns The unit's value; off from {@linkcode gelu} by up to 4.8e-4.
 */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}

/**
 * The error function by its series `2 / sqrt(π) e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1))` (Abramowitz
 * and Stegun, 7.1.6), whose terms all have one sign, so that nothing cancels.
 *
 * @param x Any number.
 * @returns The function's value, to about 1e-15.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x); // 1 - erf(6) is 2e-17
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
