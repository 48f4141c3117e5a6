/**
 * How `multiply` runs on WebAssembly.
 *
 * @module
 */

import { elementwiseJob } from "../elementwise.ts";
import type { Job, Layout } from "../job.ts";
import { MULTIPLY } from "./assembly.ts";
import type { MultiplyOp } from "./op.ts";

/**
 * Describes a `multiply` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function multiplyJobs({ x, factor, y }: MultiplyOp, layout: Layout): Job[] {
  return [elementwiseJob(MULTIPLY, { x, factor, y }, layout)];
}
