/**
 * The `activation` operation: an activation on its own, which can keep its slope for the way back.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectAlike, expectDistinct } from "../guards.ts";
import type { Activation } from "../linear/op.ts";

/** An activation that does something. */
export type ElementFunction = Exclude<Activation, "none">;

/** `y = activation(x)` and `slope = activation'(x)`, element by element. */
export interface ActivationOp {
  /** Which operation this is. */
  readonly op: "activation";
  /** Input, `[rows, cols]`. */
  readonly x: Value;
  /** What is applied to each element. */
  readonly activation: ElementFunction;
  /** Gets the derivative at each element, `[rows, cols]`; that of relu at 0 is 0. Not the input. */
  readonly slope?: Value;
  /** Output, `[rows, cols]`; neither the input nor the slope. */
  readonly y: Value;
}

/**
 * Checks the shapes of an `activation` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkActivation({ x, slope, y }: ActivationOp): void {
  const outputs = slope === undefined ? [y] : [y, slope];
  expectAlike("activation", x, ...outputs);
  expectDistinct("activation", outputs, [x]);
}
