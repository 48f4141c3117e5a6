/**
 * How `classify` runs on WebAssembly: the first rows are taken, then multiplied.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { LINEAR } from "../linear/assembly.ts";
import { productOf } from "../linear/wasm.ts";
import { SELECT } from "../select/assembly.ts";
import type { ClassifyOp } from "./op.ts";

/**
 * Describes a `classify` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its jobs, in order.
 */
export function classifyJobs({ x, weight, bias, y }: ClassifyOp, layout: Layout): Job[] {
  const first = layout.temporary("first", x.cols);
  const rows = layout.sequences;
  const { chunks, ints } = productOf({ rows, inner: weight.cols, cols: weight.rows });
  return [
    makeJob(SELECT, 1, {
      x: layout.value(x),
      rows: layout.starts,
      y: first,
      stride: rowBytes(x.cols),
      count: rows,
    }),
    makeJob(LINEAR.none, chunks, {
      ...ints,
      x: first,
      panels: layout.panels(weight),
      bias: layout.vector(bias),
      y: layout.value(y),
    }),
  ];
}
