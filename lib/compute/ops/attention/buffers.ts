/**
 * How `attention` runs on WebGPU with matrices in buffers.
 *
 * @module
 */

import { type BatchCounts, BLOCK_ROWS, type Dispatch, entries, type Kernel } from "../dispatch.ts";
import { unroll } from "../template.ts";
import code from "./buffers.wgsl" with { type: "text" };
import regroupCode from "./buffers_regroup.wgsl" with { type: "text" };
import type { AttentionOp } from "./op.ts";
import { type AttentionKernels, dispatchAttention } from "./webgpu.ts";

/** Entries of keys, and as many of values, in workgroup memory: 8 KiB of the 16 that are sure. */
const TILE_ENTRIES = 256;

/** The buffer family's kernels. */
export const BUFFER_KERNELS: AttentionKernels = {
  attend: (quads, outCols) => ({
    kernel: attentionKernel(quads),
    perWorkgroup: 1,
    constants: { OUTER: entries(outCols) },
  }),
  regroup: (x, y) => ({
    kernel: { name: "regroup", code: () => regroupCode },
    perWorkgroup: 32,
    constants: { INNER: entries(x.cols), OUTER: entries(y.cols) },
  }),
};

/**
 * Describes an `attention` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its dispatches: one, or three for heads of an odd size.
 */
export function attentionOnBuffers(op: AttentionOp, counts: BatchCounts): Dispatch[] {
  return dispatchAttention(op, counts, BUFFER_KERNELS);
}

function attentionKernel(quads: number): Kernel {
  const keys = Math.max(4, Math.min(BLOCK_ROWS.buffers, Math.floor(TILE_ENTRIES / quads / 4) * 4));
  return {
    name: `attention ${4 * quads}`,
    code: () =>
      `${unroll(code, { q: quads })}
const ROWS = ${BLOCK_ROWS.buffers}u;
const QUADS = ${quads}u;
const KEYS = ${keys}u;`,
  };
}
