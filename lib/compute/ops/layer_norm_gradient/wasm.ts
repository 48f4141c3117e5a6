/**
 * How `layerNormGradient` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, PANEL, rowBytes } from "../job.ts";
import { LAYER_NORM_GRADIENT, ROW_STATISTICS } from "./assembly.ts";
import type { LayerNormGradientOp } from "./op.ts";

/** Rows of a chunk of the first job. */
const CHUNK_ROWS = 32;

/**
 * Describes a `layerNormGradient` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its two jobs: each row's statistics, then the sums.
 */
export function layerNormGradientJobs(
  { x, eps, dy, gradient }: LayerNormGradientOp,
  layout: Layout,
): Job[] {
  const shape = { rows: layout.rows(x), cols: x.cols, stride: rowBytes(x.cols) };
  const addresses = { x: layout.value(x), statistics: layout.temporary("statistics", 2) };
  return [
    makeJob(ROW_STATISTICS, Math.ceil(shape.rows / CHUNK_ROWS), {
      ...shape,
      ...addresses,
      rowsPerChunk: CHUNK_ROWS,
      eps,
    }),
    makeJob(LAYER_NORM_GRADIENT, Math.ceil(x.cols / PANEL), {
      ...shape,
      ...addresses,
      dy: layout.value(dy),
      gradient: layout.value(gradient),
    }),
  ];
}
