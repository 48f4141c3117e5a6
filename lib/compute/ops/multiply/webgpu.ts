/**
 * How `multiply` runs on WebGPU.
 *
 * @module
 */

import { dispatchFor, entryItems, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { MultiplyOp } from "./op.ts";

/**
 * Describes a `multiply` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function multiplyDispatches(
  { x, factor, y }: MultiplyOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const items = entryItems(y, counts);
  return [dispatchFor(family, {
    label: `multiply ${x.label} with ${factor.label}`,
    name: "multiply",
    code: () => code,
    constants: { WIDTH: items[0] },
    reads: { x, factor },
    writes: { y },
    items,
    flops: 4 * items[0] * items[1],
  })];
}
