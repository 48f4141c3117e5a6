/**
 * The `linearGradient` operation: the gradient of a linear layer's weight and bias.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectDistinct, expectRows } from "../guards.ts";

/**
 * Sums over all rows: `dweight = dyᵀ x` and `dbias = Σ dy`. The order of a sum depends on nothing but
 * the shapes: the same data give the same bits on a device. It is meant for layers of which one side
 * is narrow, such as those of a tiny-attention module.
 */
export interface LinearGradientOp {
  /** Which operation this is. */
  readonly op: "linearGradient";
  /** What went into the `linear`, `[rows, K]`. */
  readonly x: Value;
  /** The gradient with respect to what came out, `[rows, N]`. */
  readonly dy: Value;
  /** Output, one row for the batch: the weight's `[N, K]`, row-major, then `N` of the bias. */
  readonly gradient: Value;
}

/**
 * Checks the shapes of a `linearGradient` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkLinearGradient({ x, dy, gradient }: LinearGradientOp): void {
  expectRows("linearGradient", x, "tokens", "sequences");
  expectRows("linearGradient", dy, x.rowsFollow);
  expectCols("linearGradient", gradient, dy.cols * x.cols + dy.cols);
  expectRows("linearGradient", gradient, "batch");
  expectDistinct("linearGradient", [gradient], [x, dy]);
}
