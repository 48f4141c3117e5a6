/**
 * How `layerNorm` runs on WebGPU with matrices in buffers.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import { type BatchCounts, type Dispatch, LANES } from "../dispatch.ts";
import reduce from "../reduce.wgsl" with { type: "text" };
import statistics from "../shared_row_statistics.wgsl" with { type: "text" };
import code from "./buffers.wgsl" with { type: "text" };
import type { LayerNormOp } from "./op.ts";

/**
 * Describes a `layerNorm` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its one dispatch.
 */
export function layerNormOnBuffers(op: LayerNormOp, counts: BatchCounts): Dispatch[] {
  const { x, residual, weight, bias, eps, y } = op;
  const rows = rowsOf(x, counts);
  return [{
    label: `layerNorm ${weight.label}`,
    kernel: {
      name: "layerNorm",
      code: () => `${code}${statistics}${reduce}\nconst LANES = ${LANES}u;`,
    },
    constants: { COLS: x.cols, EPS: eps, RESIDUAL: residual === undefined ? 0 : 1 },
    bindings: [x, residual ?? x, weight, bias, y],
    workgroups: [rows, 1],
    flops: 10 * rows * x.cols,
  }];
}
