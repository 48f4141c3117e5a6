/**
 * The `tinyAttention` operation: a whole tiny-attention adapter module.
 *
 * @module
 */

import type { Value, Weight } from "../../value.ts";
import { expectCols, expectDistinct, expectPositive, expectRows, expectShape } from "../guards.ts";

/**
 * A tiny-attention adapter after an attention block, per sequence, with `E = numHeads * headDim`:
 * `u = LN(a)`, `q, k, v = u · qkvWeightᵀ + qkvBias`, `z = softmax(q kᵀ / sqrt(headDim)) v` per head,
 * `y = a + scale * (z · outputWeightᵀ) + outputBias`, or without `a` where `updateOnly` says so.
 */
export interface TinyAttentionOp {
  /** Which operation this is. */
  readonly op: "tinyAttention";
  /** Output of the attention block after its residual and LayerNorm, `[tokens, H]`. */
  readonly a: Value;
  /** Gain of the module's LayerNorm, `[1, H]`. */
  readonly normWeight: Weight;
  /** Bias of the module's LayerNorm, `[1, H]`. */
  readonly normBias: Weight;
  /** Added to the biased variance; positive. */
  readonly eps: number;
  /** Query, key and value weights one below the other, `[3E, H]`; head `m` owns `headDim` rows. */
  readonly qkvWeight: Weight;
  /** Query, key and value biases, `[1, 3E]`. */
  readonly qkvBias: Weight;
  /** Heads. */
  readonly numHeads: number;
  /** Columns of a head, in elements. */
  readonly headDim: number;
  /** Factor on the sum of the heads: 1 for `sum`, `1 / numHeads` for `mean`. */
  readonly scale: number;
  /** Output weight, `[H, E]`; head `m` owns `headDim` columns. */
  readonly outputWeight: Weight;
  /** Output bias, `[1, H]`; added once, unscaled. */
  readonly outputBias: Weight;
  /** Whether `a` is left out of the output, which then is what the module adds. */
  readonly updateOnly?: boolean;
  /** Room for queries, keys and values, `[tokens, 3E]`; overwritten. */
  readonly scratch: Value;
  /** Output, `[tokens, H]`; not the input. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `tinyAttention` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 * @throws {RangeError} When a count or eps is not positive, or the scale not finite.
 */
export function checkTinyAttention(op: TinyAttentionOp): void {
  const name = "tinyAttention";
  expectPositive(name, "the number of heads", op.numHeads, true);
  expectPositive(name, "the head dimension", op.headDim, true);
  expectPositive(name, "eps", op.eps, false);
  if (!Number.isFinite(op.scale)) {
    throw new RangeError(`Cannot run ${name}: the scale is ${op.scale}, expected a finite number`);
  }
  const hidden = op.a.cols;
  const inner = op.numHeads * op.headDim;
  for (const value of [op.a, op.scratch, op.y]) expectRows(name, value, "tokens");
  expectShape(name, op.normWeight, 1, hidden);
  expectShape(name, op.normBias, 1, hidden);
  expectShape(name, op.qkvWeight, 3 * inner, hidden);
  expectShape(name, op.qkvBias, 1, 3 * inner);
  expectShape(name, op.outputWeight, hidden, inner);
  expectShape(name, op.outputBias, 1, hidden);
  expectCols(name, op.scratch, 3 * inner);
  expectCols(name, op.y, hidden);
  expectDistinct(name, [op.y, op.scratch], [op.a]);
}
