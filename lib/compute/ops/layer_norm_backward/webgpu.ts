/**
 * How `layerNormBackward` runs on WebGPU.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import { countIndex, dispatchFor, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import statistics from "../shared_row_statistics.wgsl" with { type: "text" };
import code from "./kernel.wgsl" with { type: "text" };
import type { LayerNormBackwardOp } from "./op.ts";

/**
 * Describes a `layerNormBackward` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function layerNormBackwardDispatches(
  { x, residual, weight, eps, dy, dx }: LayerNormBackwardOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const rows = rowsOf(x, counts);
  return [dispatchFor(family, {
    label: `layerNorm backward ${weight.label}`,
    name: "layerNormBackward",
    code: () => code + statistics,
    constants: {
      COLS: x.cols,
      EPS: eps,
      RESIDUAL: residual === undefined ? 0 : 1,
      FOLLOWS: countIndex(x),
    },
    reads: { x, residual: residual ?? x, weight, dy },
    writes: { dx },
    indices: ["counts"],
    items: [rows, 1],
    together: true,
    flops: 20 * rows * x.cols,
  })];
}
