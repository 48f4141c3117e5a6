/**
 * How `add` runs on WebAssembly.
 *
 * @module
 */

import { elementwiseJob } from "../elementwise.ts";
import type { Job, Layout } from "../job.ts";
import { ADD } from "./assembly.ts";
import type { AddOp } from "./op.ts";

/**
 * Describes an `add` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function addJobs({ x, residual, y }: AddOp, layout: Layout): Job[] {
  return [elementwiseJob(ADD, { x, residual, y }, layout)];
}
