/**
 * The `attentionBackward` operation: a gradient on its way back through `attention`.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { type AttentionDropout, checkDropout } from "../attention/dropout.ts";
import { expectCols, expectDistinct, expectPositive, expectRows } from "../guards.ts";

/**
 * The gradient with respect to queries, keys and values. For each sequence and head, with
 * `P = softmax(q kᵀ / sqrt(headDim))`, computed anew, and `S = P * (dy vᵀ - rowsum(P * dy vᵀ))`:
 * `dq = S k / sqrt(headDim)`, `dk = Sᵀ q / sqrt(headDim)`, `dv = Pᵀ dy`. With dropout, of factors `D` as `attention` has them,
 * `dy vᵀ` is multiplied with `D` in `S`, and `dv = (P * D)ᵀ dy`.
 */
export interface AttentionBackwardOp extends AttentionDropout {
  /** Which operation this is. */
  readonly op: "attentionBackward";
  /** Queries, keys and values side by side, `[tokens, 3H]`, as `attention` takes them. */
  readonly qkv: Value;
  /** The gradient with respect to what came out, `[tokens, H]`. */
  readonly dy: Value;
  /** Heads; divides `H`. */
  readonly numHeads: number;
  /** Output, the gradient with respect to `qkv`, `[tokens, 3H]`; not one of the inputs. */
  readonly dqkv: Value;
}

/**
 * Checks the shapes of an `attentionBackward` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 * @throws {RangeError} When the number of heads is not a positive integer that divides `H`, or the
 * dropout not between 0 and 1.
 */
export function checkAttentionBackward(op: AttentionBackwardOp): void {
  const { qkv, dy, numHeads, dqkv } = op;
  for (const matrix of [qkv, dy, dqkv]) expectRows("attentionBackward", matrix, "tokens");
  expectCols("attentionBackward", qkv, 3 * dy.cols);
  expectCols("attentionBackward", dqkv, 3 * dy.cols);
  expectDistinct("attentionBackward", [dqkv], [qkv, dy]);
  checkDropout("attentionBackward", op);
  expectPositive("attentionBackward", "the number of heads", numHeads, true);
  if (dy.cols % numHeads !== 0) {
    throw new RangeError(
      `Cannot run attentionBackward: ${dy.cols} columns of "${dy.label}" do not split into ` +
        `${numHeads} heads`,
    );
  }
}
