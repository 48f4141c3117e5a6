/**
 * How `attention` runs on WebGPU.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import {
  ATTENTION_ROWS,
  type BatchCounts,
  type Binding,
  type Dispatch,
  type Kernel,
  type Temporary,
} from "../dispatch.ts";
import { unroll } from "../template.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { AttentionOp } from "./op.ts";
import regroupCode from "./regroup.wgsl" with { type: "text" };

/** Invocations of a workgroup. */
const WORKGROUP = 8;

/**
 * Describes an `attention` operation. Heads whose columns are not a multiple of four are first
 * moved apart, so that each begins at a texel, and afterwards back together.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its dispatches: one, or three for heads of an odd size.
 */
export function attentionDispatches(op: AttentionOp, counts: BatchCounts): Dispatch[] {
  const { qkv, numHeads, y } = op;
  const headDim = y.cols / numHeads;
  const quads = Math.ceil(headDim / 4);
  const attend = (from: Binding, to: Binding): Dispatch => ({
    label: `attention ${y.label}`,
    kernel: attentionKernel(quads),
    constants: { SCALE: 1 / Math.sqrt(headDim) },
    bindings: [from, "blocks", to],
    workgroups: [Math.ceil(counts.blocks / WORKGROUP), numHeads],
    flops: 4 * counts.pairs * y.cols,
  });
  if (headDim % 4 === 0) return [attend(qkv, y)];
  const apart = { temporary: "qkv", cols: 3 * numHeads * quads * 4 };
  const result = { temporary: "result", cols: numHeads * quads * 4 };
  return [
    regroup(qkv, apart, [headDim, 4 * quads], counts),
    attend(apart, result),
    regroup(result, y, [4 * quads, headDim], counts),
  ];
}

function attentionKernel(quads: number): Kernel {
  return {
    name: `attention ${ATTENTION_ROWS}x${4 * quads}`,
    code: () => `${unroll(code, { q: quads, i: ATTENTION_ROWS })}\nconst QUADS = ${quads}u;`,
  };
}

function regroup(
  x: Value | Temporary,
  y: Value | Temporary,
  [from, to]: readonly [number, number],
  { tokens }: BatchCounts,
): Dispatch {
  return {
    label: `regroup heads from ${from} to ${to} columns`,
    kernel: { name: "regroup", code: () => regroupCode },
    constants: { FROM: from, TO: to },
    bindings: [x, y],
    workgroups: [Math.ceil(y.cols / (4 * WORKGROUP)), tokens],
    flops: tokens * y.cols,
  };
}
