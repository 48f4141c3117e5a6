/**
 * How `select` runs on WebGPU.
 *
 * @module
 */

import type { BatchCounts, Dispatch } from "../dispatch.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { SelectOp } from "./op.ts";

/** Invocations of a workgroup, a texel each. */
const WORKGROUP = 8;

/**
 * Describes a `select` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its one dispatch.
 */
export function selectDispatches({ x, y }: SelectOp, { sequences }: BatchCounts): Dispatch[] {
  return [{
    label: `select ${x.label}`,
    kernel: { name: "select", code: () => code },
    constants: {},
    bindings: [x, "selected", y],
    workgroups: [Math.ceil(y.cols / (4 * WORKGROUP)), sequences],
    flops: sequences * y.cols,
  }];
}
