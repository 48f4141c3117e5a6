/**
 * How `select` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { SELECT } from "./assembly.ts";
import type { SelectOp } from "./op.ts";

/**
 * Describes a `select` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function selectJobs({ x, y }: SelectOp, layout: Layout): Job[] {
  return [makeJob(SELECT, 1, {
    x: layout.value(x),
    rows: layout.selected,
    y: layout.value(y),
    stride: rowBytes(x.cols),
    count: layout.sequences,
  })];
}
