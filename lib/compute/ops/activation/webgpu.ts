/**
 * How `activation` runs on WebGPU.
 *
 * @module
 */

import { dispatchFor, entryItems, type Family } from "../both_families.ts";
import type { BatchCounts, Dispatch } from "../dispatch.ts";
import activations from "../linear/activation.wgsl" with { type: "text" };
import { activationNumber } from "../linear/webgpu.ts";
import code from "./kernel.wgsl" with { type: "text" };
import type { ActivationOp } from "./op.ts";

/**
 * Describes an `activation` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function activationDispatches(
  { x, activation, y }: ActivationOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const items = entryItems(y, counts);
  return [dispatchFor(family, {
    label: `${activation} of ${x.label}`,
    name: "activation",
    code: () => code + activations,
    constants: { WIDTH: items[0], ACTIVATION: activationNumber(activation) },
    reads: { x },
    writes: { y },
    items,
    flops: 40 * items[0] * items[1],
  })];
}
