/**
 * How `linear` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, LINEAR_ROWS, makeJob, PANEL, rowBytes } from "../job.ts";
import { LINEAR, LINEAR_ADDED, type LinearInt } from "./assembly.ts";
import type { LinearOp } from "./op.ts";

/** Rows of a chunk: what it reads of `x` stays in the processor's second cache. */
const CHUNK_ROWS = 12 * LINEAR_ROWS;
/** Products of two numbers in a chunk, about: a tenth of a millisecond. */
const CHUNK_PRODUCTS = 2 ** 21;

/**
 * Describes a `linear` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function linearJobs(op: LinearOp, layout: Layout): Job[] {
  const { x, weight, bias, activation, residual, y } = op;
  const shape = { rows: layout.rows(x), inner: weight.cols, cols: weight.rows };
  const { chunks, ints } = productOf(shape);
  const args = {
    ...ints,
    x: layout.value(x),
    panels: layout.panels(weight),
    bias: layout.vector(bias),
    y: layout.value(y),
  };
  return [
    residual === undefined
      ? makeJob(LINEAR[activation], chunks, args)
      : makeJob(LINEAR_ADDED, chunks, { ...args, residual: layout.value(residual) }),
  ];
}

/** A matrix product cut into chunks. */
export interface Product {
  /** How many chunks there are. */
  readonly chunks: number;
  /** What a kernel is told beside addresses. */
  readonly ints: Readonly<Record<Exclude<LinearInt, "x" | "panels" | "bias" | "y">, number>>;
}

/**
 * How a matrix product is cut into chunks.
 *
 * @param shape The three dimensions, in elements.
 * @returns The chunks.
 */
export function productOf(
  { rows, inner, cols }: { readonly rows: number; readonly inner: number; readonly cols: number },
): Product {
  const panelCount = Math.ceil(cols / PANEL);
  const tiledRows = Math.ceil(rows / LINEAR_ROWS) * LINEAR_ROWS;
  const rowsPerChunk = Math.min(tiledRows, CHUNK_ROWS);
  const panelsPerChunk = Math.max(1, Math.floor(CHUNK_PRODUCTS / (rowsPerChunk * inner * PANEL)));
  const chunksAcross = Math.ceil(panelCount / panelsPerChunk);
  return {
    chunks: chunksAcross * Math.ceil(tiledRows / rowsPerChunk),
    ints: {
      xStride: rowBytes(inner),
      panelCount,
      inner,
      yStride: rowBytes(cols),
      rows: tiledRows,
      rowsPerChunk,
      panelsPerChunk,
      chunksAcross,
    },
  };
}
