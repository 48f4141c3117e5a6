/**
 * How `tinyAttention` runs on WebGPU.
 *
 * @module
 */

import type { BatchCounts, Dispatch } from "../dispatch.ts";
import fourRows from "../four_rows.wgsl" with { type: "text" };
import rowStatistics from "../row_statistics.wgsl" with { type: "text" };
import { unroll } from "../template.ts";
import attendCode from "./attend.wgsl" with { type: "text" };
import type { TinyAttentionOp } from "./op.ts";
import projectCode from "./project.wgsl" with { type: "text" };

/** Invocations of a workgroup. */
const WORKGROUP = 8;

/** Rows of the tile that an invocation of the projection computes. */
const ROWS = 4;

/** Texels of that tile at most, 16 columns. */
const MAX_QUADS = 4;

/**
 * Describes a `tinyAttention` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its two dispatches: norm and projection, then attention, output and residual.
 */
export function tinyAttentionDispatches(op: TinyAttentionOp, counts: BatchCounts): Dispatch[] {
  return [project(op, counts), attend(op, counts)];
}

function project(op: TinyAttentionOp, { tokens }: BatchCounts): Dispatch {
  const { rows: cols, cols: hidden } = op.qkvWeight;
  const quads = Math.min(Math.ceil(cols / 4), MAX_QUADS);
  return {
    label: `tinyAttention projection ${op.qkvWeight.label}`,
    kernel: {
      name: `tinyAttention projection ${ROWS}x${4 * quads}`,
      code: () =>
        `${unroll(projectCode, { j: quads, i: ROWS })}${fourRows}${rowStatistics}
const ROWS = ${ROWS}u;
const QUADS = ${quads}u;`,
    },
    constants: { COLS: hidden, EPS: op.eps },
    bindings: [op.a, op.normWeight, op.normBias, op.qkvWeight, op.qkvBias, op.scratch],
    workgroups: [Math.ceil(tokens / (WORKGROUP * ROWS)), Math.ceil(cols / (4 * quads))],
    flops: tokens * hidden * (10 + 2 * cols),
  };
}

function attend(op: TinyAttentionOp, { tokens, pairs }: BatchCounts): Dispatch {
  const { numHeads, headDim } = op;
  const quads = Math.ceil(numHeads * headDim / 4);
  return {
    label: `tinyAttention ${op.outputWeight.label}`,
    kernel: {
      name: `tinyAttention ${numHeads}x${headDim}`,
      code: () =>
        `${unroll(attendCode, { m: numHeads, i: headDim, q: quads })}${fourRows}
const HEADS = ${numHeads}u;
const HEAD_DIM = ${headDim}u;
const QUADS = ${quads}u;`,
    },
    constants: { SCALE: 1 / Math.sqrt(headDim), G: op.scale, KEEP: op.updateOnly ? 0 : 1 },
    bindings: [op.a, op.scratch, "spans", op.outputWeight, op.outputBias, op.y],
    workgroups: [Math.ceil(tokens / WORKGROUP), 1],
    flops: numHeads * headDim * (4 * pairs + 2 * tokens * op.y.cols),
  };
}
