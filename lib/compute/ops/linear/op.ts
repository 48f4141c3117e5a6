/**
 * The `linear` operation: `y = activation(x · weightᵀ + bias)`.
 *
 * @module
 */

import type { Value, Weight } from "../../value.ts";
import { expectCols, expectDistinct, expectRows, expectShape } from "../guards.ts";

/**
 * What `linear` may apply to each element: nothing, `gelu` (GELU with the exact error function),
 * `geluTanh` (its approximation by tanh), `relu` or `tanh`.
 */
export type Activation = "none" | "gelu" | "geluTanh" | "relu" | "tanh";

/** `y = activation(x · weightᵀ + bias)`, row by row. */
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
  /** Output, `[rows, N]`; not the input. Its rows follow what those of `x` follow. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `linear` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkLinear({ x, weight, bias, y }: LinearOp): void {
  expectCols("linear", x, weight.cols);
  expectShape("linear", bias, 1, weight.rows);
  expectCols("linear", y, weight.rows);
  expectRows("linear", x, "tokens", "sequences");
  expectRows("linear", y, x.rowsFollow);
  expectDistinct("linear", [y], [x]);
}
