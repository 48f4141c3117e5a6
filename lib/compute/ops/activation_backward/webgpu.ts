/**
 * How `activationBackward` runs on WebGPU.
 *
 * @module
 */

import { dispatchFor, entryItems, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import { activationNumber } from "../linear/webgpu.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { ActivationBackwardOp } from "./op.ts";

/**
 * Describes an `activationBackward` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function activationBackwardDispatches(
  { x, dy, activation, dx }: ActivationBackwardOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const items = entryItems(dx, counts);
  return [dispatchFor(family, {
    label: `${activation} backward of ${x.label}`,
    name: "activationBackward",
    code: () => code,
    constants: { WIDTH: items[0], ACTIVATION: activationNumber(activation) },
    reads: { x, dy },
    writes: { dx },
    items,
    flops: 60 * items[0] * items[1],
  })];
}
