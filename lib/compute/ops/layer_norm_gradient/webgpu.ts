/**
 * How `layerNormGradient` runs on WebGPU.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import { countIndex, dispatchFor, entryItems, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch, Temporary } from "../dispatch.ts";
import rowStatistics from "../shared_row_statistics.wgsl" with { type: "text" };
import code from "./kernel.wgsl" with { type: "text" };
import type { LayerNormGradientOp } from "./op.ts";
import statisticsCode from "./statistics.wgsl" with { type: "text" };

/**
 * Describes a `layerNormGradient` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its two dispatches: each row's statistics, then the sums.
 */
export function layerNormGradientDispatches(
  { x, eps, dy, gradient }: LayerNormGradientOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const rows = rowsOf(x, counts);
  const statistics: Temporary = { temporary: "statistics", cols: 4, precise: true };
  const common = { indices: ["counts"], together: true } as const;
  const shape = { COLS: x.cols, FOLLOWS: countIndex(x) };
  const items = entryItems(gradient, counts);
  return [
    dispatchFor(family, {
      ...common,
      label: `statistics of ${x.label}`,
      name: "row statistics",
      code: () => statisticsCode + rowStatistics,
      constants: { ...shape, EPS: eps },
      reads: { x },
      writes: { statistics },
      items: [rows, 1],
      flops: 8 * rows * x.cols,
    }),
    dispatchFor(family, {
      ...common,
      label: `layerNorm gradient of ${x.label}`,
      name: "layerNormGradient",
      code: () => code,
      constants: { ...shape, WIDTH: items[0] },
      reads: { x, dy, statistics },
      writes: { gradient },
      items,
      flops: 6 * rows * x.cols,
    }),
  ];
}
