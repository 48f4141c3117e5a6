/**
 * The `scatter` operation: rows of sequences put back among the tokens, the transpose of `select`.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectDistinct, expectRows } from "../guards.ts";

/** `y[selected[b]] = x[b]`, and every other row of `y` is 0. */
export interface ScatterOp {
  /** Which operation this is. */
  readonly op: "scatter";
  /** Input, `[sequences, cols]`. */
  readonly x: Value;
  /** Output, `[tokens, cols]`: zeros but for the rows of the batch's selected tokens. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `scatter` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkScatter({ x, y }: ScatterOp): void {
  expectRows("scatter", x, "sequences");
  expectRows("scatter", y, "tokens");
  expectCols("scatter", y, x.cols);
  expectDistinct("scatter", [y], [x]);
}
