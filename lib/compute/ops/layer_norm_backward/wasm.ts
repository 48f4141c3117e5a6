/**
 * How `layerNormBackward` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { LAYER_NORM_BACKWARD } from "./assembly.ts";
import type { LayerNormBackwardOp } from "./op.ts";

/** Rows of a chunk. */
const CHUNK_ROWS = 32;

/**
 * Describes a `layerNormBackward` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function layerNormBackwardJobs(
  { x, residual, weight, eps, dy, dx }: LayerNormBackwardOp,
  layout: Layout,
): Job[] {
  const rows = layout.rows(x);
  return [makeJob(LAYER_NORM_BACKWARD, Math.ceil(rows / CHUNK_ROWS), {
    x: layout.value(x),
    residual: residual === undefined ? 0 : layout.value(residual),
    weight: layout.vector(weight),
    dy: layout.value(dy),
    dx: layout.value(dx),
    stride: rowBytes(x.cols),
    rows,
    cols: x.cols,
    rowsPerChunk: CHUNK_ROWS,
    eps,
  })];
}
