/**
 * The `attention` operation: multi-head self-attention inside each sequence.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectDistinct, expectPositive, expectRows } from "../guards.ts";
import { type AttentionDropout, checkDropout } from "./dropout.ts";

/**
 * Scaled dot-product self-attention; a token attends to every token of its own sequence. Where the
 * rows of `y` follow the sequences, only the selected token of each sequence has its row computed.
 * With keys, probabilities are dropped after the softmax, of all tokens.
 */
export interface AttentionOp extends AttentionDropout {
  /** Which operation this is. */
  readonly op: "attention";
  /** Queries, keys and values side by side, `[tokens, 3H]`; head `m` owns `H / numHeads` columns. */
  readonly qkv: Value;
  /** Heads; divides `H`. */
  readonly numHeads: number;
  /**
   * Output, the heads' results side by side: `[tokens, H]`, or `[sequences, H]` for the batch's
   * selected tokens only.
   */
  readonly y: Value;
}

/**
 * Checks the shapes of an `attention` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 * @throws {RangeError} When the number of heads is not a positive integer that divides `H`, or the
 * dropout not between 0 and 1.
 */
export function checkAttention(op: AttentionOp): void {
  const { qkv, numHeads, y, keys } = op;
  expectRows("attention", qkv, "tokens");
  if (keys === undefined) expectRows("attention", y, "tokens", "sequences");
  else expectRows("attention", y, "tokens");
  checkDropout("attention", op);
  expectCols("attention", qkv, 3 * y.cols);
  expectDistinct("attention", [y], [qkv]);
  expectPositive("attention", "the number of heads", numHeads, true);
  if (y.cols % numHeads !== 0) {
    throw new RangeError(
      `Cannot run attention: ${y.cols} columns of "${y.label}" do not split into ${numHeads} heads`,
    );
  }
}
