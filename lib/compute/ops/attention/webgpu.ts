/**
 * How `attention` runs on WebGPU.
 *
 * @module
 */

import { rowsOf, type Value } from "../../value.ts";
import {
  type BatchCounts,
  type Binding,
  BLOCK_ROWS,
  type Dispatch,
  type Kernel,
  type Temporary,
} from "../dispatch.ts";
import { unroll } from "../template.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { AttentionOp } from "./op.ts";
import regroupCode from "./regroup.wgsl" with { type: "text" };

/** A matrix of activations. */
export type Matrix = Value | Temporary;

/** A kernel, its constants, and how much of its work a workgroup does. */
export interface AttentionKernel {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Blocks, or entries of a row, that a workgroup handles. */
  readonly perWorkgroup: number;
  /** Constants beside those that every family has. */
  readonly constants: Readonly<Record<string, number>>;
}

/** A family's kernels for attention. */
export interface AttentionKernels {
  /** Attends, by blocks: for heads of so many entries and an output of so many columns. */
  readonly attend: (entries: number, outCols: number) => AttentionKernel;
  /** Moves groups of columns, by entries of a row. */
  readonly regroup: (x: Matrix, y: Matrix) => AttentionKernel;
}

/** The texture family's kernels. */
export const TEXTURE_KERNELS: AttentionKernels = {
  attend: (quads) => ({ kernel: attentionKernel(quads), perWorkgroup: 8, constants: {} }),
  regroup: () => ({
    kernel: { name: "regroup", code: () => regroupCode },
    perWorkgroup: 8,
    constants: {},
  }),
};

/**
 * Describes an `attention` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its dispatches: one, or three for heads of an odd size.
 */
export function attentionDispatches(op: AttentionOp, counts: BatchCounts): Dispatch[] {
  return dispatchAttention(op, counts, TEXTURE_KERNELS);
}

/**
 * Describes an `attention` operation by a family's kernels. Heads whose columns are not a multiple
 * of four are first moved apart, so that each begins at an entry of four, and afterwards back
 * together.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param kernels The family's kernels.
 * @returns Its dispatches: one, or three for heads of an odd size.
 */
export function dispatchAttention(
  op: AttentionOp,
  counts: BatchCounts,
  kernels: AttentionKernels,
): Dispatch[] {
  const { qkv, numHeads, y } = op;
  const headDim = y.cols / numHeads;
  const selected = y.rowsFollow === "sequences";
  const blocks = selected ? counts.sequences : counts.blocks;
  const quads = Math.ceil(headDim / 4);
  const { kernel, perWorkgroup, constants } = kernels.attend(quads, 4 * numHeads * quads);
  const attend = (from: Binding, to: Binding): Dispatch => ({
    label: `attention ${y.label}`,
    kernel,
    constants: { ...constants, SCALE: 1 / Math.sqrt(headDim), SELECTED: selected ? 1 : 0 },
    bindings: [from, selected ? "selected" : "blocks", to],
    workgroups: [Math.ceil(blocks / perWorkgroup), numHeads],
    flops: 4 * (selected ? counts.tokens : counts.pairs) * y.cols,
  });
  if (headDim % 4 === 0) return [attend(qkv, y)];
  const apart = { temporary: "qkv", cols: 3 * numHeads * quads * 4 };
  const result = { temporary: "result", cols: numHeads * quads * 4 };
  return [
    dispatchRegroup(kernels, [qkv, apart], [headDim, 4 * quads], counts.tokens),
    attend(apart, result),
    dispatchRegroup(kernels, [result, y], [4 * quads, headDim], rowsOf(y, counts)),
  ];
}

function attentionKernel(quads: number): Kernel {
  const rows = BLOCK_ROWS.textures;
  return {
    name: `attention ${rows}x${4 * quads}`,
    code: () => `${unroll(code, { q: quads, i: rows })}\nconst QUADS = ${quads}u;`,
  };
}

/**
 * Describes moving groups of columns apart, so that each begins at an entry of four, or back together.
 *
 * @param kernels The family's kernels.
 * @param matrices What to move and where to.
 * @param widths Columns of a group before and after.
 * @param rows Rows in use.
 * @returns The dispatch.
 */
export function dispatchRegroup(
  kernels: AttentionKernels,
  [x, y]: readonly [Matrix, Matrix],
  [from, to]: readonly [number, number],
  rows: number,
): Dispatch {
  const { kernel, perWorkgroup, constants } = kernels.regroup(x, y);
  return {
    label: `regroup heads from ${from} to ${to} columns`,
    kernel,
    constants: { ...constants, FROM: from, TO: to },
    bindings: [x, y],
    workgroups: [Math.ceil(y.cols / (4 * perWorkgroup)), rows],
    flops: rows * y.cols,
  };
}
