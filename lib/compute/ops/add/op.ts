/**
 * The `add` operation: the sum of two matrices.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectAlike, expectDistinct } from "../guards.ts";

/** `y = x + residual`, element by element. */
export interface AddOp {
  /** Which operation this is. */
  readonly op: "add";
  /** Input, `[rows, cols]`. */
  readonly x: Value;
  /** What is added to it, `[rows, cols]`; may be the input itself. */
  readonly residual: Value;
  /** Output, `[rows, cols]`; not one of the inputs. */
  readonly y: Value;
}

/**
 * Checks the shapes of an `add` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkAdd({ x, residual, y }: AddOp): void {
  expectAlike("add", x, residual, y);
  expectDistinct("add", [y], [x, residual]);
}
