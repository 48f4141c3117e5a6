/**
 * LayerNorm in WebAssembly, four columns at a time.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, F32_BYTES, type KernelSpec } from "../job.ts";
import { addResidual, forEachVector, rowStatistics } from "../row_sums.ts";

/** What the kernel is told: `residual` is 0 for none, and rows are `stride` bytes apart. */
export type LayerNormInt =
  | "x"
  | "residual"
  | "weight"
  | "bias"
  | "y"
  | "stride"
  | "rows"
  | "cols"
  | "rowsPerChunk";

/** The kernel of `layerNorm`. */
export const LAYER_NORM: KernelSpec<LayerNormInt, "eps"> = {
  name: "layerNorm",
  ints: ["x", "residual", "weight", "bias", "y", "stride", "rows", "cols", "rowsPerChunk"],
  floats: ["eps"],
};

/** Adds the kernel of `layerNorm`. */
export function defineLayerNorm(module: ModuleBuilder): void {
  defineKernel(module, LAYER_NORM, (f, args, { chunk }) => {
    const begin = f.let(chunk.mul(args.rowsPerChunk));
    const end = f.let(begin.add(args.rowsPerChunk).min(args.rows));
    const bytes = f.let(args.cols.mul(F32_BYTES));
    f.for(begin, end, 1, (row) => {
      const at = f.let(row.mul(args.stride));
      const x = f.let(args.x.add(at));
      const y = f.let(args.y.add(at));
      const residual = f.let(args.residual.select(args.residual.add(at), 0));
      addResidual(f, y, { x, residual }, bytes);
      const { mean, gain } = rowStatistics(f, y, args.cols, args.eps);
      forEachVector(f, bytes, (i) => {
        const normal = y.add(i).load().sub(mean).mul(gain);
        f.store(y.add(i), f.madd(normal, args.weight.add(i).load(), args.bias.add(i).load()));
      });
    });
  });
}
