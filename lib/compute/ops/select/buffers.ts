/**
 * How `select` runs on WebGPU with matrices in buffers.
 *
 * @module
 */

import { type BatchCounts, type Dispatch, entries } from "../dispatch.ts";
import code from "./buffers.wgsl" with { type: "text" };
import type { SelectOp } from "./op.ts";

/** Invocations of a workgroup, an entry each. */
const WORKGROUP = 32;

/**
 * Describes a `select` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its one dispatch.
 */
export function selectOnBuffers({ x, y }: SelectOp, { sequences }: BatchCounts): Dispatch[] {
  return [{
    label: `select ${x.label}`,
    kernel: { name: "select", code: () => code },
    constants: { ENTRIES: entries(y.cols) },
    bindings: [x, "selected", y],
    workgroups: [Math.ceil(entries(y.cols) / WORKGROUP), sequences],
    flops: sequences * y.cols,
  }];
}
