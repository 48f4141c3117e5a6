/**
 * How `activation` runs on WebAssembly.
 *
 * @module
 */

import { elementwiseJob } from "../elementwise.ts";
import type { Job, Layout } from "../job.ts";
import { ACTIVATION, ACTIVATION_WITH_SLOPE } from "./assembly.ts";
import type { ActivationOp } from "./op.ts";

/**
 * Describes an `activation` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function activationJobs({ x, activation, slope, y }: ActivationOp, layout: Layout): Job[] {
  return [
    slope === undefined
      ? elementwiseJob(ACTIVATION[activation], { x, y }, layout)
      : elementwiseJob(ACTIVATION_WITH_SLOPE[activation], { x, y, slope }, layout),
  ];
}
