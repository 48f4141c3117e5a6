/**
 * How `linear` runs on WebGPU.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import type { BatchCounts, Dispatch, Kernel } from "../dispatch.ts";
import type { Tile } from "../plan.ts";
import fourRows from "../four_rows.wgsl" with { type: "text" };
import { unroll } from "../template.ts";
import activation from "./activation.wgsl" with { type: "text" };
import code from "./kernel.wgsl" with { type: "text" };
import type { Activation, LinearOp } from "./op.ts";

/** Activations in the order of the kernel's numbers. */
const ACTIVATIONS: readonly Activation[] = ["none", "gelu", "geluTanh", "relu", "tanh"];

/** Invocations of a workgroup, side by side along the columns. */
const WORKGROUP = 8;

/**
 * Looks up an activation's number.
 *
 * @param activation The activation.
 * @returns What the kernels know it by.
 */
export function activationNumber(activation: Activation): number {
  return ACTIVATIONS.indexOf(activation);
}

/**
 * Describes a `linear` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param tile The tile: 16 is the faster to run, 8 the faster to compile.
 * @returns Its one dispatch.
 */
export function linearDispatches(op: LinearOp, counts: BatchCounts, tile: Tile): Dispatch[] {
  const rows = rowsOf(op.x, counts);
  const { rows: cols, cols: inner } = op.weight;
  return [{
    label: `linear ${op.weight.label}`,
    kernel: linearKernel(tile),
    constants: {
      ACTIVATION: activationNumber(op.activation),
      RESIDUAL: op.residual === undefined ? 0 : 1,
    },
    bindings: [op.x, op.weight, op.bias, op.residual ?? op.x, op.y],
    workgroups: [Math.ceil(cols / (WORKGROUP * tile)), Math.ceil(rows / tile)],
    flops: 2 * rows * inner * cols,
  }];
}

function linearKernel(tile: Tile): Kernel {
  return {
    name: `linear ${tile}x${tile}`,
    code: () =>
      `${unroll(code, { j: tile / 4, i: tile })}${fourRows}${activation}
const ROWS = ${tile}u;
const QUADS = ${tile / 4}u;`,
  };
}
