/**
 * How `linearGradient` runs on WebGPU.
 *
 * @module
 */

import { rowsOf } from "../../value.ts";
import { countIndex, dispatchFor, entryItems, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { LinearGradientOp } from "./op.ts";

/**
 * Describes a `linearGradient` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function linearGradientDispatches(
  { x, dy, gradient }: LinearGradientOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const items = entryItems(gradient, counts);
  return [dispatchFor(family, {
    label: `linear gradient of ${x.label} and ${dy.label}`,
    name: "linearGradient",
    code: () => code,
    constants: { INNER: x.cols, OUTER: dy.cols, WIDTH: items[0], FOLLOWS: countIndex(x) },
    reads: { x, dy },
    writes: { gradient },
    indices: ["counts"],
    items,
    together: true,
    flops: 2 * rowsOf(x, counts) * gradient.cols,
  })];
}
