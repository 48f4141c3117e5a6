/**
 * How `add` runs on WebGPU.
 *
 * @module
 */

import { dispatchFor, entryItems, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { AddOp } from "./op.ts";

/**
 * Describes an `add` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function addDispatches(
  { x, residual, y }: AddOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const items = entryItems(y, counts);
  return [dispatchFor(family, {
    label: `add ${residual.label} to ${x.label}`,
    name: "add",
    code: () => code,
    constants: { WIDTH: items[0] },
    reads: { x, residual },
    writes: { y },
    items,
    flops: 4 * items[0] * items[1],
  })];
}
