/**
 * How `linear` runs on WebGPU with matrices in buffers.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import { type BatchCounts, type Dispatch, entries, type Kernel } from "../dispatch.ts";
import type { BlockTile } from "../plan.ts";
import { unroll } from "../template.ts";
import activation from "./activation.wgsl" with { type: "text" };
import code from "./buffers.wgsl" with { type: "text" };
import type { LinearOp } from "./op.ts";
import { activationNumber } from "./webgpu.ts";

/**
 * Describes a `linear` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param tile How the work is shared out.
 * @returns Its one dispatch.
 */
export function linearOnBuffers(op: LinearOp, counts: BatchCounts, tile: BlockTile): Dispatch[] {
  const rows = rowsOf(op.x, counts);
  const { rows: cols, cols: inner } = op.weight;
  return [{
    label: `linear ${op.weight.label}`,
    kernel: linearKernel(tile),
    constants: {
      ACTIVATION: activationNumber(op.activation),
      INNER: entries(inner),
      OUTER: entries(cols),
      COLS: cols,
      RESIDUAL: op.residual === undefined ? 0 : 1,
    },
    bindings: [op.x, op.weight, op.bias, op.residual ?? op.x, op.y],
    workgroups: [
      Math.ceil(cols / (tile.cols * tile.threadCols)),
      Math.ceil(rows / (tile.rows * tile.threadRows)),
    ],
    flops: 2 * rows * inner * cols,
  }];
}

function linearKernel({ rows, cols, threadRows, threadCols, depth }: BlockTile): Kernel {
  const perInvocation = (lines: number) => Math.ceil((lines * depth) / (threadRows * threadCols));
  const counts = {
    j: cols / 4,
    i: rows,
    f: perInvocation(rows * threadRows),
    g: perInvocation(cols * threadCols),
  };
  return {
    name: `linear ${rows}x${cols} by ${threadRows}x${threadCols} by ${depth}`,
    code: () =>
      `${unroll(code, counts)}${activation}
const ROWS = ${rows}u;
const QUADS = ${cols / 4}u;
const THREAD_ROWS = ${threadRows}u;
const THREAD_COLS = ${threadCols}u;
const DEPTH = ${depth}u;`,
  };
}
