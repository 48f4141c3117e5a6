/**
 * How `scatter` runs on WebGPU.
 *
 * @module
 */

import { dispatchFor, type Family } from "../both_families.ts";
import { type BatchCounts, type Dispatch, entries } from "../dispatch.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { ScatterOp } from "./op.ts";

/**
 * Describes a `scatter` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function scatterDispatches(
  { x, y }: ScatterOp,
  { tokens, sequences }: BatchCounts,
  family: Family,
): Dispatch[] {
  const width = entries(y.cols);
  return [dispatchFor(family, {
    label: `scatter ${x.label}`,
    name: "scatter",
    code: () => code,
    constants: { WIDTH: width },
    reads: { x },
    writes: { y },
    indices: ["selected"],
    items: [width, sequences],
    flops: tokens * y.cols,
  })];
}
