/**
 * How `layerNorm` runs on WebGPU.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import rowStatistics from "../row_statistics.wgsl" with { type: "text" };
import code from "./kernel.wgsl" with { type: "text" };
import type { LayerNormOp } from "./op.ts";

/** Invocations of a workgroup, a row each. */
const WORKGROUP = 32;

/**
 * Describes a `layerNorm` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its one dispatch.
 */
export function layerNormDispatches(op: LayerNormOp, counts: BatchCounts): Dispatch[] {
  const { x, residual, weight, bias, eps, y } = op;
  const rows = rowsOf(x, counts);
  return [{
    label: `layerNorm ${weight.label}`,
    kernel: { name: "layerNorm", code: () => code + rowStatistics },
    constants: { COLS: x.cols, EPS: eps, RESIDUAL: residual === undefined ? 0 : 1 },
    bindings: [x, residual ?? x, weight, bias, y],
    workgroups: [Math.ceil(rows / WORKGROUP), 1],
    flops: 10 * rows * x.cols,
  }];
}
