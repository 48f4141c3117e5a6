/**
 * The `layerNormBackward` operation: a gradient on its way back through `layerNorm`.
 *
 * @module
 */

import type { Value, Weight } from "../../value.ts";
import { expectAlike, expectDistinct, expectPositive, expectRows, expectShape } from "../guards.ts";

/**
 * The gradient with respect to `s = x + residual`, which is that of `x` and of `residual` alike. Row
 * by row, with `n = (s - mean(s)) / sqrt(var(s) + eps)` and `g = weight * dy`:
 * `dx = (g - mean(g) - n * mean(g * n)) / sqrt(var(s) + eps)`.
 */
export interface LayerNormBackwardOp {
  /** Which operation this is. */
  readonly op: "layerNormBackward";
  /** What went into the `layerNorm`, `[rows, cols]`. */
  readonly x: Value;
  /** What was added to it first, `[rows, cols]`; nothing when left out. */
  readonly residual?: Value;
  /** Gain, `[1, cols]`. */
  readonly weight: Weight;
  /** Added to the biased variance; positive. */
  readonly eps: number;
  /** The gradient with respect to what came out, `[rows, cols]`. */
  readonly dy: Value;
  /** Output, the gradient with respect to `s`, `[rows, cols]`; not one of the inputs. */
  readonly dx: Value;
}

/**
 * Checks the shapes of a `layerNormBackward` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 * @throws {RangeError} When eps is not positive.
 */
export function checkLayerNormBackward(op: LayerNormBackwardOp): void {
  const { x, residual, weight, eps, dy, dx } = op;
  expectShape("layerNormBackward", weight, 1, x.cols);
  expectRows("layerNormBackward", x, "tokens", "sequences");
  expectAlike("layerNormBackward", x, dy, dx, residual);
  expectDistinct("layerNormBackward", [dx], [x, residual, dy]);
  expectPositive("layerNormBackward", "eps", eps, false);
}
