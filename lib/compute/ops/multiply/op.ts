/**
 * The `multiply` operation: the product of two matrices, element by element.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectAlike, expectDistinct } from "../guards.ts";

/** `y = x * factor`, element by element. */
export interface MultiplyOp {
  /** Which operation this is. */
  readonly op: "multiply";
  /** Input, `[rows, cols]`. */
  readonly x: Value;
  /** What it is multiplied with, `[rows, cols]`; may be the input itself. */
  readonly factor: Value;
  /** Output, `[rows, cols]`; not one of the inputs. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `multiply` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkMultiply({ x, factor, y }: MultiplyOp): void {
  expectAlike("multiply", x, factor, y);
  expectDistinct("multiply", [y], [x, factor]);
}
