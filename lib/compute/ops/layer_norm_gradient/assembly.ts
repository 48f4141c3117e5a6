/**
 * The gradient of a LayerNorm's gain and bias in WebAssembly: first each row's statistics, then sums
 * over the rows, eight columns at a time.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { loadEight, storeFirst, zeroSums } from "../column_sums.ts";
import { defineKernel, F32_BYTES, type KernelSpec, PANEL } from "../job.ts";
import { rowStatistics } from "../row_sums.ts";

const PANEL_BYTES = PANEL * F32_BYTES;

/** What the first kernel is told; rows are `stride` bytes apart, those of `statistics` 32. */
export type RowStatisticsInt = "x" | "statistics" | "stride" | "rows" | "cols" | "rowsPerChunk";

/** Writes each row's mean and 1 / sqrt(variance + eps). */
export const ROW_STATISTICS: KernelSpec<RowStatisticsInt, "eps"> = {
  name: "rowStatistics",
  ints: ["x", "statistics", "stride", "rows", "cols", "rowsPerChunk"],
  floats: ["eps"],
};

/** What the second kernel is told. */
export type LayerNormGradientInt =
  | "x"
  | "statistics"
  | "dy"
  | "gradient"
  | "stride"
  | "rows"
  | "cols";

/** The kernel of `layerNormGradient`: a chunk is eight columns of all rows. */
export const LAYER_NORM_GRADIENT: KernelSpec<LayerNormGradientInt, never> = {
  name: "layerNormGradient",
  ints: ["x", "statistics", "dy", "gradient", "stride", "rows", "cols"],
  floats: [],
};

/** Adds the kernels of `layerNormGradient`. */
export function defineLayerNormGradient(module: ModuleBuilder): void {
  defineKernel(module, ROW_STATISTICS, (f, args, { chunk }) => {
    const begin = f.let(chunk.mul(args.rowsPerChunk));
    const end = f.let(begin.add(args.rowsPerChunk).min(args.rows));
    f.for(begin, end, 1, (row) => {
      const x = f.let(args.x.add(row.mul(args.stride)));
      const { mean, gain } = rowStatistics(f, x, args.cols, args.eps);
      const to = f.let(args.statistics.add(row.mul(PANEL_BYTES)));
      f.store(to, mean.lane(0));
      f.store(to, gain.lane(0), F32_BYTES);
    });
  });
  defineKernel(module, LAYER_NORM_GRADIENT, (f, args, { chunk }) => {
    const offset = f.let(chunk.mul(PANEL_BYTES));
    const [x, dy] = [f.let(args.x.add(offset)), f.let(args.dy.add(offset))];
    const statistics = f.let(args.statistics);
    const [weight, bias] = [zeroSums(f), zeroSums(f)];
    f.for(0, args.rows, 1, () => {
      const mean = f.let(statistics.loadSplat());
      const gain = f.let(statistics.loadSplat(F32_BYTES));
      const [numbers, slopes] = [loadEight(f, x), loadEight(f, dy)];
      for (const half of [0, 1] as const) {
        const normal = numbers[half].sub(mean).mul(gain);
        f.set(weight[half], f.madd(normal, slopes[half], weight[half]));
        f.set(bias[half], bias[half].add(slopes[half]));
      }
      for (const row of [x, dy]) f.set(row, row.add(args.stride));
      f.set(statistics, statistics.add(PANEL_BYTES));
    });
    const left = f.let(args.cols.sub(chunk.mul(PANEL)));
    const to = f.let(args.gradient.add(offset));
    storeFirst(f, to, weight, left);
    storeFirst(f, to.add(args.cols.mul(F32_BYTES)), bias, left);
  });
}
