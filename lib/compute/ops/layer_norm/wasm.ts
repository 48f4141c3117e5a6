/**
 * How `layerNorm` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { LAYER_NORM } from "./assembly.ts";
import type { LayerNormOp } from "./op.ts";

/** Rows of a chunk. */
const CHUNK_ROWS = 32;

/**
 * Describes a `layerNorm` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function layerNormJobs(
  { x, residual, weight, bias, eps, y }: LayerNormOp,
  layout: Layout,
): Job[] {
  const rows = layout.rows(x);
  return [layerNormJob({
    x: layout.value(x),
    residual: residual === undefined ? 0 : layout.value(residual),
    weight: layout.vector(weight),
    bias: layout.vector(bias),
    eps,
    y: layout.value(y),
  }, { rows, cols: x.cols })];
}

/**
 * Describes the normalisation of a matrix.
 *
 * @param args Addresses, 0 for no residual, and eps.
 * @param shape Rows and columns, in elements.
 * @returns The job.
 */
export function layerNormJob(
  args: Readonly<Record<"x" | "residual" | "weight" | "bias" | "y" | "eps", number>>,
  { rows, cols }: { readonly rows: number; readonly cols: number },
): Job {
  const rowsPerChunk = CHUNK_ROWS;
  const chunks = Math.ceil(rows / rowsPerChunk);
  return makeJob(LAYER_NORM, chunks, { ...args, rows, cols, rowsPerChunk, stride: rowBytes(cols) });
}
