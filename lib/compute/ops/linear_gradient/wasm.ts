/**
 * How `linearGradient` runs on WebAssembly.
 *
 * @module
 */

import { F32_BYTES, type Job, type Layout, makeJob, PANEL, rowBytes } from "../job.ts";
import { BIAS_GRADIENT, TILE_OUTPUTS, WEIGHT_GRADIENT } from "./assembly.ts";
import type { LinearGradientOp } from "./op.ts";

/** Products of two numbers in a chunk, about: some tens of microseconds. */
const CHUNK_PRODUCTS = 2 ** 18;

/**
 * Describes a `linearGradient` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its two jobs: the weight's sums, then the bias's.
 */
export function linearGradientJobs({ x, dy, gradient }: LinearGradientOp, layout: Layout): Job[] {
  const rows = layout.rows(x);
  const [inner, cols] = [x.cols, dy.cols];
  const tilesAcross = Math.ceil(inner / PANEL);
  const tiles = tilesAcross * Math.ceil(cols / TILE_OUTPUTS);
  const tilesPerChunk = Math.ceil(CHUNK_PRODUCTS / (rows * PANEL * TILE_OUTPUTS));
  const common = { dy: layout.value(dy), dyStride: rowBytes(cols), rows, cols };
  const to = layout.value(gradient);
  return [
    makeJob(WEIGHT_GRADIENT, Math.ceil(tiles / tilesPerChunk), {
      ...common,
      x: layout.value(x),
      xStride: rowBytes(inner),
      gradient: to,
      inner,
      tiles,
      tilesAcross,
      tilesPerChunk,
    }),
    makeJob(BIAS_GRADIENT, Math.ceil(cols / PANEL), {
      ...common,
      gradient: to + cols * inner * F32_BYTES,
    }),
  ];
}
