/**
 * Matrices on a device: what both ways of keeping them have in common.
 *
 * @module
 */

import type { Bound } from "./bind_groups.ts";

/** The element type in which a matrix is kept. */
export type ElementType = "f32" | "f16";

/** Rows laid out as a matrix keeps them: whole entries of four columns, zero past the last. */
export type PackedRows = Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>;

/** More room that was allocated for a matrix and is not in use yet. */
export interface Reservation {
  /** Moves the contents over and uses the new room. */
  adopt(): void;
  /** Gives the new room back. */
  cancel(): void;
}

/** A matrix on a device. It takes memory only for the rows that were reserved. */
export interface Matrix {
  /** What it holds, for messages. */
  readonly label: string;
  /** Columns, in elements. */
  readonly cols: number;
  /** The element type in which it is kept. */
  readonly type: ElementType;
  /** Bytes from one row to the next where it is read back to. */
  readonly pitch: number;

  /**
   * Allocates room for more rows; new ones are zero.
   *
   * @param rows Rows that it is to hold.
   * @returns The room, to adopt once the device has said that it is there; undefined when there is
   * enough.
   * @throws {DeviceError} With code `out-of-memory` when there is none.
   */
  reserve(rows: number): Reservation | undefined;

  /**
   * Lays rows out for `fill`.
   *
   * @param data `f32 [rows, cols]`, row-major.
   * @returns The data itself where it is laid out so already, else a copy.
   */
  pack(data: Float32Array): PackedRows;

  /**
   * Fills the first rows, which must be reserved.
   *
   * @param rows As `pack` lays them out.
   */
  fill(rows: PackedRows): void;

  /**
   * Gives what a kernel is bound to.
   *
   * @param rows Rows in use.
   * @returns The resource; for a texture the same object as long as it is the same texture.
   */
  binding(rows: number): Bound;

  /**
   * Records the copy of the first rows to a buffer.
   *
   * @param encoder Where to record it.
   * @param target The buffer.
   * @param offset Where in the buffer, in bytes, a multiple of 256.
   * @param rows Rows to copy, {@linkcode Matrix.pitch} bytes apart.
   */
  copyTo(encoder: GPUCommandEncoder, target: GPUBuffer, offset: number, rows: number): void;

  /** Gives the memory back; idempotent. */
  destroy(): void;
}

/**
 * Rows to reserve for a matrix that needs more: half as many again as there were, so that growing
 * batches do not move contents each time.
 *
 * @param rows Rows that are needed.
 * @param reserved Rows that there are.
 * @param most Rows that are ever needed.
 * @param multiple What the result is rounded up to a multiple of.
 * @returns The number of rows.
 */
export function rowsToReserve(
  rows: number,
  reserved: number,
  most: number,
  multiple: number,
): number {
  const wanted = Math.min(Math.max(rows, Math.ceil(1.5 * reserved)), Math.max(rows, most));
  return Math.ceil(wanted / multiple) * multiple;
}

/**
 * Lays rows out as entries of four columns; columns past the end of the last become zero.
 *
 * @param data `f32 [rows, cols]`, row-major.
 * @param cols Columns, in elements.
 * @returns `f32 [rows, cols rounded up to 4]`: the data itself where nothing is missing.
 */
export function padRows(data: Float32Array, cols: number): Float32Array<ArrayBuffer> {
  if (cols % 4 === 0) return isPlain(data) ? data : new Float32Array(data);
  const padded = Math.ceil(cols / 4) * 4;
  const rows = new Float32Array(data.length / cols * padded);
  for (let row = 0; row * cols < data.length; row++) {
    rows.set(data.subarray(row * cols, (row + 1) * cols), row * padded);
  }
  return rows;
}

/** Whether an array is of memory that no other thread has, as WebGPU needs it. */
function isPlain(data: Float32Array): data is Float32Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer;
}
