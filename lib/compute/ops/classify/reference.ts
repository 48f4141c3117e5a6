/**
 * `classify` by definition, in f64.
 *
 * @module
 */

import { linear, type Numbers } from "../linear/reference.ts";

/**
 * Computes logits from the first row of each sequence.
 *
 * @param x `[tokens, H]`, row-major.
 * @param starts Where each sequence begins, plus the end, `[sequences + 1]`.
 * @param weight `[labels, H]`, row-major.
 * @param bias `[labels]`; its length is the number of labels.
 * @returns `f64 [sequences, labels]`, row-major.
 */
export function classify(
  x: Numbers,
  starts: Uint32Array<ArrayBuffer>,
  weight: Numbers,
  bias: Numbers,
): Float64Array<ArrayBuffer> {
  const inner = weight.length / bias.length;
  const rows = starts.length - 1;
  const first = new Float64Array(rows * inner);
  for (let b = 0; b < rows; b++) {
    first.set(x.subarray(starts[b]! * inner, (starts[b]! + 1) * inner), b * inner);
  }
  return linear(first, weight, bias, { rows, inner, cols: bias.length }, "none");
}
