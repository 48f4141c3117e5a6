/**
 * The `linear` operation: `y = activation(x · weightᵀ + bias)`, with an optional residual.
 *
 * @module
 */

import type { Value, Weight } from "../../value.ts";
import { expectAlike, expectCols, expectDistinct, expectRows, expectShape } from "../guards.ts";

/**
 * What `linear` may apply to each element: nothing, `gelu` (GELU with the exact error function),
 * `geluTanh` (its approximation by tanh), `relu` or `tanh`.
 */
export type Activation = "none" | "gelu" | "geluTanh" | "relu" | "tanh";

/** `y = activation(x · weightᵀ + bias)`, or `y = x · weightᵀ + bias + residual`, row by row. */
export interface LinearOp {
  /** Which operation this is. */
  readonly op: "linear";
  /** Input, `[rows, K]`. */
  readonly x: Value;
  /** Weight, `[N, K]`, as PyTorch stores it. */
  readonly weight: Weight;
  /** Bias, `[1, N]`. */
  readonly bias: Weight;
  /** What is applied to each element. */
  readonly activation: Activation;
  /** Added to the sums, `[rows, N]`; only without an activation. */
  readonly residual?: Value;
  /** Output, `[rows, N]`; not an input. Its rows follow what those of `x` follow. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `linear` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkLinear({ x, weight, bias, activation, residual, y }: LinearOp): void {
  expectCols("linear", x, weight.cols);
  expectShape("linear", bias, 1, weight.rows);
  expectCols("linear", y, weight.rows);
  expectRows("linear", x, "tokens", "sequences");
  expectRows("linear", y, x.rowsFollow);
  expectAlike("linear", y, residual);
  if (residual !== undefined && activation !== "none") {
    throw new TypeError(
      `Cannot run linear: it has the activation ${activation} and the residual ` +
        `"${residual.label}", expected one of them: run add by itself`,
    );
  }
  expectDistinct("linear", [y], [x, residual]);
}
