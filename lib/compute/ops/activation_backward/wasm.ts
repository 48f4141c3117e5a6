/**
 * How `activationBackward` runs on WebAssembly.
 *
 * @module
 */

import { elementwiseJob } from "../elementwise.ts";
import type { Job, Layout } from "../job.ts";
import { ACTIVATION_BACKWARD } from "./assembly.ts";
import type { ActivationBackwardOp } from "./op.ts";

/**
 * Describes an `activationBackward` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function activationBackwardJobs(
  { x, dy, activation, dx }: ActivationBackwardOp,
  layout: Layout,
): Job[] {
  return [elementwiseJob(ACTIVATION_BACKWARD[activation], { x, dy }, dx, layout)];
}
