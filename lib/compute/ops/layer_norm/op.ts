/**
 * The `layerNorm` operation, with an optional residual added first.
 *
 * @module
 */

import type { Value, Weight } from "../../value.ts";
import { expectAlike, expectDistinct, expectPositive, expectRows, expectShape } from "../guards.ts";

/** `y = weight * (s - mean(s)) / sqrt(var(s) + eps) + bias` with `s = x + residual`, row by row. */
export interface LayerNormOp {
  /** Which operation this is. */
  readonly op: "layerNorm";
  /** Input, `[rows, cols]`. */
  readonly x: Value;
  /** What is added to the input first, `[rows, cols]`; nothing when left out. */
  readonly residual?: Value;
  /** Gain, `[1, cols]`. */
  readonly weight: Weight;
  /** Bias, `[1, cols]`. */
  readonly bias: Weight;
  /** Added to the biased variance; positive. */
  readonly eps: number;
  /** Output, `[rows, cols]`; not one of the inputs. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `layerNorm` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 * @throws {RangeError} When eps is not positive.
 */
export function checkLayerNorm({ x, residual, weight, bias, eps, y }: LayerNormOp): void {
  expectShape("layerNorm", weight, 1, x.cols);
  expectShape("layerNorm", bias, 1, x.cols);
  expectRows("layerNorm", x, "tokens", "sequences");
  expectAlike("layerNorm", x, y, residual);
  expectDistinct("layerNorm", [y], [x, residual]);
  expectPositive("layerNorm", "eps", eps, false);
}
