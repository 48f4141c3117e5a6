/**
 * How `tinyAttention` runs on WebGPU with matrices in buffers.
 *
 * @module
 */

import { type BatchCounts, type Dispatch, entries, LANES } from "../dispatch.ts";
import reduce from "../reduce.wgsl" with { type: "text" };
import statistics from "../shared_row_statistics.wgsl" with { type: "text" };
import { unroll } from "../template.ts";
import attendCode from "./buffers_attend.wgsl" with { type: "text" };
import projectCode from "./buffers_project.wgsl" with { type: "text" };
import type { TinyAttentionOp } from "./op.ts";

/** Tokens that a workgroup of the second dispatch handles, as its kernel says. */
const TOKENS = 16;

/**
 * Describes a `tinyAttention` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its two dispatches: norm and projection, then attention, output and residual.
 */
export function tinyAttentionOnBuffers(op: TinyAttentionOp, counts: BatchCounts): Dispatch[] {
  return [project(op, counts), attend(op, counts)];
}

function project(op: TinyAttentionOp, { tokens }: BatchCounts): Dispatch {
  const { rows: outputs, cols: hidden } = op.qkvWeight;
  return {
    label: `tinyAttention projection ${op.qkvWeight.label}`,
    kernel: {
      name: "tinyAttention projection",
      code: () => `${projectCode}${statistics}${reduce}\nconst LANES = ${LANES}u;`,
    },
    constants: { COLS: hidden, EPS: op.eps, OUTPUTS: outputs },
    bindings: [op.a, op.normWeight, op.normBias, op.qkvWeight, op.qkvBias, op.scratch],
    workgroups: [tokens, 1],
    flops: tokens * hidden * (10 + 2 * outputs),
  };
}

function attend(op: TinyAttentionOp, { tokens, pairs }: BatchCounts): Dispatch {
  const { numHeads, headDim, y } = op;
  return {
    label: `tinyAttention ${op.outputWeight.label}`,
    kernel: {
      name: `tinyAttention ${numHeads}x${headDim}`,
      code: () =>
        `${unroll(attendCode, { i: headDim })}
const HEADS = ${numHeads}u;
const HEAD_DIM = ${headDim}u;`,
    },
    constants: {
      SCALE: 1 / Math.sqrt(headDim),
      G: op.scale,
      KEEP: op.updateOnly ? 0 : 1,
      OUTER: entries(y.cols),
      COLS: y.cols,
    },
    bindings: [op.a, op.scratch, "spans", op.outputWeight, op.outputBias, y],
    workgroups: [Math.ceil(tokens / TOKENS), 1],
    flops: numHeads * headDim * (4 * pairs + 2 * tokens * y.cols),
  };
}
