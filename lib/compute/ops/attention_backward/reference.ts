/**
 * `attentionBackward` by definition, in f64.
 *
 * @module
 */

import { type DropoutNumbers, dropoutRow } from "../attention/dropout_reference.ts";
import { softmax } from "../attention/reference.ts";
import type { Numbers } from "../linear/reference.ts";

/**
 * Takes a gradient back through attention.
 *
 * @param qkv Queries, keys and values side by side, `[tokens, 3H]` with `H = numHeads * headDim`.
 * @param dy The gradient with respect to the result, `[tokens, H]`.
 * @param starts Where each sequence begins, plus the end, `[sequences + 1]`.
 * @param shape Heads, and columns of a head in elements.
 * @param dropout What was dropped, if anything.
 * @returns The gradient with respect to `qkv`, `f64 [tokens, 3H]`, row-major.
 */
export function attentionBackward(
  qkv: Numbers,
  dy: Numbers,
  starts: Uint32Array<ArrayBuffer>,
  { numHeads, headDim }: { readonly numHeads: number; readonly headDim: number },
  dropout?: DropoutNumbers,
): Float64Array<ArrayBuffer> {
  const dqkv = new Float64Array(qkv.length);
  const hidden = numHeads * headDim;
  for (let b = 0; b + 1 < starts.length; b++) {
    const span = { begin: starts[b]!, end: starts[b + 1]! };
    for (let head = 0; head < numHeads; head++) {
      const columns = { hidden, column: head * headDim, headDim };
      for (let token = span.begin; token < span.end; token++) {
        const factors = dropout && dropoutRow(dropout, token, head, span.end - span.begin);
        tokenBackward(qkv, dy, { token, ...span, factors }, columns, dqkv);
      }
    }
  }
  return dqkv;
}

/** Adds what the gradient of one token and head gives to its query and its sequence's keys and values. */
function tokenBackward(
  qkv: Numbers,
  dy: Numbers,
  { token, begin, end, factors }: {
    readonly token: number;
    readonly begin: number;
    readonly end: number;
    readonly factors: Float64Array<ArrayBuffer> | undefined;
  },
  { hidden, column, headDim }: {
    readonly hidden: number;
    readonly column: number;
    readonly headDim: number;
  },
  dqkv: Float64Array<ArrayBuffer>,
): void {
  const stride = 3 * hidden;
  const scale = 1 / Math.sqrt(headDim);
  const [q, dyAt] = [token * stride + column, token * hidden + column];
  const weights = new Float64Array(end - begin); // P, a row of it
  const dWeights = new Float64Array(end - begin); // dy vᵀ, a row of it
  for (let s = 0; s < weights.length; s++) {
    const k = (begin + s) * stride + hidden + column;
    for (let i = 0; i < headDim; i++) {
      weights[s]! += scale * qkv[q + i]! * qkv[k + i]!;
      dWeights[s]! += dy[dyAt + i]! * qkv[k + hidden + i]!;
    }
  }
  softmax(weights);
  const kept = weights.map((weight, s) => weight * (factors?.[s] ?? 1));
  if (factors !== undefined) dWeights.forEach((slope, s) => dWeights[s] = slope * factors[s]!);
  let mean = 0;
  for (let s = 0; s < weights.length; s++) mean += weights[s]! * dWeights[s]!;
  for (let s = 0; s < weights.length; s++) {
    const k = (begin + s) * stride + hidden + column;
    const dScore = scale * weights[s]! * (dWeights[s]! - mean);
    for (let i = 0; i < headDim; i++) {
      dqkv[q + i]! += dScore * qkv[k + i]!;
      dqkv[k + i]! += dScore * qkv[q + i]!;
      dqkv[k + hidden + i]! += kept[s]! * dy[dyAt + i]!;
    }
  }
}
