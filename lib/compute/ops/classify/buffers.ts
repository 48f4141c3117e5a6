/**
 * How `classify` runs on WebGPU with matrices in buffers.
 *
 * @module
 */

import { type BatchCounts, type Dispatch, entries, LANES } from "../dispatch.ts";
import reduce from "../reduce.wgsl" with { type: "text" };
import code from "./buffers.wgsl" with { type: "text" };
import type { ClassifyOp } from "./op.ts";

/**
 * Describes a `classify` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @returns Its one dispatch.
 */
export function classifyOnBuffers(op: ClassifyOp, { sequences }: BatchCounts): Dispatch[] {
  const { x, weight, bias, y } = op;
  const { rows: labels, cols: inner } = weight;
  return [{
    label: `classify ${weight.label}`,
    kernel: { name: "classify", code: () => `${code}${reduce}\nconst LANES = ${LANES}u;` },
    constants: { INNER: entries(inner), OUTER: entries(labels), COLS: labels },
    bindings: [x, "starts", weight, bias, y],
    workgroups: [sequences, entries(labels)],
    flops: 2 * sequences * labels * inner,
  }];
}
