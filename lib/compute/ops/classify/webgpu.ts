/**
 * How `classify` runs on WebGPU.
 *
 * @module
 */

import type { BatchCounts, Dispatch } from "../dispatch.ts";
import fourRows from "../four_rows.wgsl" with { type: "text" };
import code from "./kernel.wgsl" with { type: "text" };
import type { ClassifyOp } from "./op.ts";

/** Invocations of a workgroup, a sequence each. */
const WORKGROUP = 8;

/**
 * Describes a `classify` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its one dispatch.
 */
export function classifyDispatches(op: ClassifyOp, { sequences }: BatchCounts): Dispatch[] {
  const { x, weight, bias, y } = op;
  return [{
    label: `classify ${weight.label}`,
    kernel: { name: "classify", code: () => code + fourRows },
    constants: {},
    bindings: [x, "starts", weight, bias, y],
    workgroups: [Math.ceil(sequences / WORKGROUP), Math.ceil(weight.rows / 4)],
    flops: 2 * sequences * weight.rows * weight.cols,
  }];
}
