/**
 * The `attentionBackward` operation: a gradient on its way back through `attention`.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectDistinct, expectPositive, expectRows } from "../guards.ts";

/**
 * The gradient with respect to queries, keys and values. For each sequence and head, with
 * `P = softmax(q kᵀ / sqrt(headDim))`, computed anew, and `S = P * (dy vᵀ - rowsum(P * dy vᵀ))`:
 * `dq = S k / sqrt(headDim)`, `dk = Sᵀ q / sqrt(headDim)`, `dv = Pᵀ dy`.
 */
export interface AttentionBackwardOp {
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
 * @throws {RangeError} When the number of heads is not a positive integer that divides `H`.
 */
export function checkAttentionBackward({ qkv, dy, numHeads, dqkv }: AttentionBackwardOp): void {
  for (const matrix of [qkv, dy, dqkv]) expectRows("attentionBackward", matrix, "tokens");
  expectCols("attentionBackward", qkv, 3 * dy.cols);
  expectCols("attentionBackward", dqkv, 3 * dy.cols);
  expectDistinct("attentionBackward", [dqkv], [qkv, dy]);
  expectPositive("attentionBackward", "the number of heads", numHeads, true);
  if (dy.cols % numHeads !== 0) {
    throw new RangeError(
      `Cannot run attentionBackward: ${dy.cols} columns of "${dy.label}" do not split into ` +
        `${numHeads} heads`,
    );
  }
}
