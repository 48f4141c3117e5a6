/**
 * The `activation` operation: an activation on its own, for a `linear` whose sums are kept.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectDistinct, expectRows } from "../guards.ts";
import type { Activation } from "../linear/op.ts";

/** An activation that does something. */
export type ElementFunction = Exclude<Activation, "none">;

/** `y = activation(x)`, element by element. */
export interface ActivationOp {
  /** Which operation this is. */
  readonly op: "activation";
  /** Input, `[rows, cols]`. */
  readonly x: Value;
  /** What is applied to each element. */
  readonly activation: ElementFunction;
  /** Output, `[rows, cols]`; not the input. */
  readonly y: Value;
}

/**
 * Checks the shapes of an `activation` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkActivation({ x, y }: ActivationOp): void {
  expectCols("activation", y, x.cols);
  expectRows("activation", y, x.rowsFollow);
  expectDistinct("activation", [y], [x]);
}
