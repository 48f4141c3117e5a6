/**
 * How `linear` runs on WebGPU.
 *
 * @module
 */

import { type BatchCounts, type Dispatch, type Kernel, usedRows } from "../dispatch.ts";
import fourRows from "../four_rows.wgsl" with { type: "text" };
import { unroll } from "../template.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { LinearOp } from "./op.ts";

/** Rows and columns of the tile that an invocation computes. */
export type Tile = 8 | 16;

/** Invocations of a workgroup, side by side along the columns. */
const WORKGROUP = 8;

/**
 * Describes a `linear` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param tile The tile: 16 is the faster to run, 8 the faster to compile.
 * @returns Its one dispatch.
 */
export function linearDispatches(op: LinearOp, counts: BatchCounts, tile: Tile): Dispatch[] {
  const rows = usedRows(op.x, counts);
  const { rows: cols, cols: inner } = op.weight;
  return [{
    label: `linear ${op.weight.label}`,
    kernel: linearKernel(tile),
    constants: { GELU: op.activation === "gelu" ? 1 : 0 },
    bindings: [op.x, op.weight, op.bias, op.y],
    workgroups: [Math.ceil(cols / (WORKGROUP * tile)), Math.ceil(rows / tile)],
    flops: 2 * rows * inner * cols,
  }];
}

function linearKernel(tile: Tile): Kernel {
  return {
    name: `linear ${tile}x${tile}`,
    code: () =>
      `${unroll(code, { j: tile / 4, i: tile })}${fourRows}
const ROWS = ${tile}u;
const QUADS = ${tile / 4}u;`,
  };
}
