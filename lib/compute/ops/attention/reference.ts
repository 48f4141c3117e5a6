/**
 * `attention` by definition, in f64.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";
import { type DropoutNumbers, dropoutRow } from "./dropout_reference.ts";

/**
 * Computes `softmax(q kᵀ / sqrt(headDim)) v` per sequence and head; with dropout, probabilities are
 * multiplied with 0 or more than 1 after the softmax.
 *
 * @param qkv Queries, keys and values side by side, `[tokens, 3H]` with `H = numHeads * headDim`.
 * @param starts Where each sequence begins, plus the end, `[sequences + 1]`.
 * @param shape Heads, and columns of a head in elements.
 * @param options The one token of each sequence to compute, `[sequences]`, all when left out; and what
 * is dropped.
 * @returns `f64 [tokens, H]`, or `[sequences, H]` where tokens were selected; row-major.
 */
export function attention(
  qkv: Numbers,
  starts: Uint32Array<ArrayBuffer>,
  shape: { readonly numHeads: number; readonly headDim: number },
  { selected, dropout }: {
    readonly selected?: Uint32Array<ArrayBuffer> | undefined;
    readonly dropout?: DropoutNumbers | undefined;
  } = {},
): Float64Array<ArrayBuffer> {
  const hidden = shape.numHeads * shape.headDim;
  const y = new Float64Array((selected?.length ?? starts.at(-1)!) * hidden);
  for (let b = 0; b + 1 < starts.length; b++) {
    const [begin, end] = [starts[b]!, starts[b + 1]!];
    const rows = selected === undefined ? [begin, end] : [selected[b]!, selected[b]! + 1];
    for (let t = rows[0]!; t < rows[1]!; t++) {
      const out = (selected === undefined ? t : b) * hidden;
      attendToken(
        qkv,
        { token: t, begin, end },
        { ...shape, dropout },
        y.subarray(out, out + hidden),
      );
    }
  }
  return y;
}

/** Adds what one token gathers from its sequence, head by head, to a row of zeros. */
function attendToken(
  qkv: Numbers,
  { token, begin, end }: { readonly token: number; readonly begin: number; readonly end: number },
  { numHeads, headDim, dropout }: {
    readonly numHeads: number;
    readonly headDim: number;
    readonly dropout: DropoutNumbers | undefined;
  },
  y: Float64Array<ArrayBuffer>,
): void {
  const hidden = numHeads * headDim;
  const weights = new Float64Array(end - begin);
  for (let head = 0; head < numHeads; head++) {
    const q = token * 3 * hidden + head * headDim;
    const k = begin * 3 * hidden + hidden + head * headDim;
    for (let s = 0; s < weights.length; s++) {
      let dot = 0;
      for (let i = 0; i < headDim; i++) dot += qkv[q + i]! * qkv[k + s * 3 * hidden + i]!;
      weights[s] = dot / Math.sqrt(headDim);
    }
    softmax(weights);
    if (dropout !== undefined) {
      const factors = dropoutRow(dropout, token, head, weights.length);
      for (let s = 0; s < weights.length; s++) weights[s]! *= factors[s]!;
    }
    const v = k + hidden;
    for (let s = 0; s < weights.length; s++) {
      for (let i = 0; i < headDim; i++) {
        y[head * headDim + i]! += weights[s]! * qkv[v + s * 3 * hidden + i]!;
      }
    }
  }
}

/**
 * Replaces scores with their softmax; the maximum is subtracted first, so that nothing overflows.
 *
 * @param scores The scores, at least one; overwritten.
 */
export function softmax(scores: Float64Array<ArrayBuffer>): void {
  let max = -Infinity;
  for (const score of scores) max = Math.max(max, score);
  let sum = 0;
  for (let s = 0; s < scores.length; s++) sum += scores[s] = Math.exp(scores[s]! - max);
  for (let s = 0; s < scores.length; s++) scores[s]! /= sum;
}
