/**
 * The `select` operation: one row of each sequence.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectDistinct, expectRows } from "../guards.ts";

/** `y[b] = x[selected[b]]`: what later operations need of a sequence, such as its first token. */
export interface SelectOp {
  /** Which operation this is. */
  readonly op: "select";
  /** Input, `[tokens, cols]`. */
  readonly x: Value;
  /** Output, `[sequences, cols]`: the rows of the batch's selected tokens. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `select` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkSelect({ x, y }: SelectOp): void {
  expectRows("select", x, "tokens");
  expectRows("select", y, "sequences");
  expectCols("select", y, x.cols);
  expectDistinct("select", [y], [x]);
}
