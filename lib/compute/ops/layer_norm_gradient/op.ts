/**
 * The `layerNormGradient` operation: the gradient of a LayerNorm's gain and bias.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectAlike, expectCols, expectDistinct, expectPositive, expectRows } from "../guards.ts";

/**
 * Sums over all rows: `dweight = Σ dy * (x - mean(x)) / sqrt(var(x) + eps)` and `dbias = Σ dy`. The
 * order of a sum depends on nothing but the shapes: the same data give the same bits on a device.
 */
export interface LayerNormGradientOp {
  /** Which operation this is. */
  readonly op: "layerNormGradient";
  /** What went into the `layerNorm`, `[rows, cols]`. */
  readonly x: Value;
  /** Added to the biased variance; positive. */
  readonly eps: number;
  /** The gradient with respect to what came out, `[rows, cols]`. */
  readonly dy: Value;
  /** Output, one row for the batch: `cols` numbers of the gain, then `cols` of the bias. */
  readonly gradient: Value;
}

/**
 * Checks the shapes of a `layerNormGradient` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 * @throws {RangeError} When eps is not positive.
 */
export function checkLayerNormGradient({ x, eps, dy, gradient }: LayerNormGradientOp): void {
  expectRows("layerNormGradient", x, "tokens", "sequences");
  expectAlike("layerNormGradient", x, dy);
  expectCols("layerNormGradient", gradient, 2 * x.cols);
  expectRows("layerNormGradient", gradient, "batch");
  expectDistinct("layerNormGradient", [gradient], [x, dy]);
  expectPositive("layerNormGradient", "eps", eps, false);
}
