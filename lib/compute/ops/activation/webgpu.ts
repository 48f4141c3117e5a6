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
import slopes from "./slope.wgsl" with { type: "text" };
import type { ActivationOp } from "./op.ts";

/** What stands for keeping a slope where none is asked for. */
const KEEP_NOTHING = "fn keep(item: vec2u, v: vec4f) {}\n";

/**
 * Describes an `activation` operation.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its one dispatch.
 */
export function activationDispatches(
  { x, activation, slope, y }: ActivationOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const items = entryItems(y, counts);
  return [dispatchFor(family, {
    label: `${activation} of ${x.label}`,
    name: slope === undefined ? "activation" : "activation with slope",
    code: () => code + activations + (slope === undefined ? KEEP_NOTHING : slopes),
    constants: { WIDTH: items[0], ACTIVATION: activationNumber(activation) },
    reads: { x },
    writes: slope === undefined ? { y } : { y, slope },
    items,
    flops: (slope === undefined ? 40 : 100) * items[0] * items[1],
  })];
}
