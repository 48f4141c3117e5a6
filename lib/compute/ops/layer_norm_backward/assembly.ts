/**
 * The way back through LayerNorm in WebAssembly, four columns at a time.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, F32_BYTES, type KernelSpec } from "../job.ts";
import { addResidual, forEachVector, rowStatistics, sumOverRow } from "../row_sums.ts";

/** What the kernel is told: `residual` is 0 for none, and rows are `stride` bytes apart. */
export type LayerNormBackwardInt =
  | "x"
  | "residual"
  | "weight"
  | "dy"
  | "dx"
  | "stride"
  | "rows"
  | "cols"
  | "rowsPerChunk";

/** The kernel of `layerNormBackward`. */
export const LAYER_NORM_BACKWARD: KernelSpec<LayerNormBackwardInt, "eps"> = {
  name: "layerNormBackward",
  ints: ["x", "residual", "weight", "dy", "dx", "stride", "rows", "cols", "rowsPerChunk"],
  floats: ["eps"],
};

/** Adds the kernel of `layerNormBackward`. */
export function defineLayerNormBackward(module: ModuleBuilder): void {
  defineKernel(module, LAYER_NORM_BACKWARD, (f, args, { chunk }) => {
    const { cols, weight } = args;
    const begin = f.let(chunk.mul(args.rowsPerChunk));
    const end = f.let(begin.add(args.rowsPerChunk).min(args.rows));
    const bytes = f.let(cols.mul(F32_BYTES));
    f.for(begin, end, 1, (row) => {
      const at = f.let(row.mul(args.stride));
      const [x, dy, dx] = [args.x, args.dy, args.dx].map((matrix) => f.let(matrix.add(at)));
      const residual = f.let(args.residual.select(args.residual.add(at), 0));
      addResidual(f, dx!, { x: x!, residual }, bytes);
      const { mean, gain } = rowStatistics(f, dx!, cols, args.eps);
      const slope = (i: typeof at) => dy!.add(i).load().mul(weight.add(i).load());
      const normal = (i: typeof at) => dx!.add(i).load().sub(mean).mul(gain);
      const width = f.let(cols.toF32());
      const slopeMean = f.let(sumOverRow(f, cols, slope).div(width).splat());
      const products = sumOverRow(f, cols, (i) => slope(i).mul(normal(i)));
      const productMean = f.let(products.div(width).splat());
      forEachVector(f, bytes, (i) => {
        const along = slopeMean.add(normal(i).mul(productMean));
        f.store(dx!.add(i), slope(i).sub(along).mul(gain));
      });
    });
  });
}
