/**
 * Weights in the form that kernels read.
 *
 * @module
 */

import { F32_BYTES, PANEL } from "../ops/job.ts";
import type { Weight } from "../value.ts";
import type { Heap } from "./heap.ts";

/**
 * Copies a vector into memory, followed by zeros up to a whole panel.
 *
 * @param heap The memory.
 * @param label What it is, for messages.
 * @param data The vector.
 * @returns Its address.
 * @throws {DeviceError} When there is no memory.
 */
export function padVector(heap: Heap, label: string, data: Float32Array): number {
  const address = heap.take(label, Math.ceil(data.length / PANEL) * PANEL * F32_BYTES);
  heap.floats(address, data.length).set(data);
  return address;
}

/**
 * Copies a matrix into memory as panels of eight rows, `[ceil(rows / 8), cols, 8]`.
 *
 * @param heap The memory.
 * @param weight The matrix's label and shape.
 * @param data `[rows, cols]`, row-major.
 * @returns The address of the first panel.
 * @throws {DeviceError} When there is no memory.
 */
export function packPanels(
  heap: Heap,
  { label, rows, cols }: Weight,
  data: Float32Array<ArrayBufferLike>,
): number {
  const panels = Math.ceil(rows / PANEL);
  const address = heap.take(label, panels * cols * PANEL * F32_BYTES);
  const packed = heap.floats(address, panels * cols * PANEL);
  for (let n = 0; n < rows; n++) {
    let to = Math.floor(n / PANEL) * PANEL * cols + n % PANEL;
    const end = (n + 1) * cols;
    for (let from = n * cols; from < end; from++, to += PANEL) packed[to] = data[from]!;
  }
  return address;
}
