/**
 * How `scatter` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { SCATTER } from "./assembly.ts";
import type { ScatterOp } from "./op.ts";

/**
 * Describes a `scatter` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function scatterJobs({ x, y }: ScatterOp, layout: Layout): Job[] {
  return [makeJob(SCATTER, layout.sequences, {
    x: layout.value(x),
    starts: layout.starts,
    selected: layout.selected,
    y: layout.value(y),
    stride: rowBytes(x.cols),
  })];
}
