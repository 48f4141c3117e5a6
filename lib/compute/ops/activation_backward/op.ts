/**
 * The `activationBackward` operation: a gradient on its way back through an activation.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import type { ElementFunction } from "../activation/op.ts";
import { expectCols, expectDistinct, expectRows } from "../guards.ts";

/** `dx = dy * activation'(x)`, element by element; the derivative of relu at 0 is 0. */
export interface ActivationBackwardOp {
  /** Which operation this is. */
  readonly op: "activationBackward";
  /** What went into the activation, `[rows, cols]`. */
  readonly x: Value;
  /** The gradient with respect to what came out of it, `[rows, cols]`. */
  readonly dy: Value;
  /** The activation. */
  readonly activation: ElementFunction;
  /** Output, the gradient with respect to `x`, `[rows, cols]`; not one of the inputs. */
  readonly dx: Value;
}

/**
 * Checks the shapes of an `activationBackward` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkActivationBackward({ x, dy, dx }: ActivationBackwardOp): void {
  for (const matrix of [dy, dx]) {
    expectCols("activationBackward", matrix, x.cols);
    expectRows("activationBackward", matrix, x.rowsFollow);
  }
  expectDistinct("activationBackward", [dx], [x, dy]);
}
