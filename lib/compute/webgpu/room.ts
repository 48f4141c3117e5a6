/**
 * What a device has room for. It is plain data, so that a thread without the device can refuse a
 * matrix at once.
 *
 * @module
 */

import { LINE_ENTRIES, ROW_MULTIPLE } from "../ops/dispatch.ts";
import type { KernelPlan } from "../ops/plan.ts";
import { rowsOf, type Value } from "../value.ts";
import type { ElementType } from "./matrix.ts";

/** The largest finite f16. */
const MAX_F16 = 65504;

/** What a backend's matrices may be. */
export interface Room {
  /** How matrices are kept. */
  readonly family: KernelPlan["family"];
  /** The element type of weights and of values that follow the tokens. */
  readonly precision: ElementType;
  /** Texels along a side of a texture at most. */
  readonly maxTextureSide: number;
  /** Bytes of a buffer at most. */
  readonly maxBufferBytes: number;
}

/** What is to be kept. */
export interface MatrixShape {
  /** Rows at most. */
  readonly rows: number;
  /** Columns, in elements. */
  readonly cols: number;
  /** The element type. */
  readonly type: ElementType;
  /** Whether a long row goes on in a texture's next row; none does when left out. */
  readonly folded?: boolean;
}

/**
 * Reads a device's limits.
 *
 * @param limits The limits.
 * @param family How matrices are kept.
 * @param precision The element type of weights and of values that follow the tokens.
 * @returns What there is room for.
 */
export function roomOf(
  limits: GPUSupportedLimits,
  family: Room["family"],
  precision: ElementType,
): Room {
  return {
    family,
    precision,
    maxTextureSide: limits.maxTextureDimension2D,
    maxBufferBytes: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
  };
}

/**
 * The shape of a value with all the rows that it may have.
 *
 * @param value The value.
 * @param maxTokens Tokens that a batch may hold.
 * @param precision The element type of values that follow the tokens.
 * @returns What is to be kept.
 */
export function shapeOfValue(
  value: Value,
  maxTokens: number,
  precision: ElementType,
): MatrixShape {
  return {
    rows: rowsOf(value, { tokens: maxTokens, sequences: maxTokens }),
    cols: value.cols,
    type: value.rowsFollow === "tokens" ? precision : "f32",
    folded: value.rowsFollow === "batch",
  };
}

/**
 * Bytes from one row of a buffer to the next: whole entries of four columns.
 *
 * @param shape The matrix.
 * @returns The bytes.
 */
export function bufferPitch({ cols, type }: MatrixShape): number {
  return Math.ceil(cols / 4) * (type === "f16" ? 8 : 16);
}

/**
 * Refuses a matrix that a device cannot hold.
 *
 * @param room What there is room for.
 * @param label Names the matrix, for the message.
 * @param shape The matrix.
 * @param lasting Whether it is a weight, which is held as a whole; of a value one row may do.
 * @throws {RangeError} When there is no room for it.
 */
export function checkRoom(room: Room, label: string, shape: MatrixShape, lasting: boolean): void {
  const { rows, cols, folded = false } = shape;
  const fail = (expected: string): never => {
    throw new RangeError(
      `Cannot hold "${label}" of shape [${rows}, ${cols}] on the device: ${expected}`,
    );
  };
  if (room.family === "textures") {
    const side = room.maxTextureSide;
    const texels = Math.ceil(cols / 4);
    const width = folded ? Math.min(texels, LINE_ENTRIES) : texels;
    const lines = rows * Math.ceil(texels / width);
    if (width <= side && Math.ceil(lines / ROW_MULTIPLE) * ROW_MULTIPLE <= side) return;
    fail(`expected at most ${side} rows and ${4 * side} columns`);
  }
  const most = Math.floor(room.maxBufferBytes / bufferPitch(shape));
  if (most < (lasting ? rows : 1)) fail(`its buffers hold ${most} rows of it, expected all`);
}

/**
 * Refuses weights that the element type cannot hold: they would become infinite.
 *
 * @param room What there is room for.
 * @param label Names the weight, for the message.
 * @param data Its numbers.
 * @throws {RangeError} When a number is too large.
 */
export function checkRange(room: Room, label: string, data: Float32Array): void {
  if (room.precision === "f32") return;
  const index = data.findIndex((number) => Math.abs(number) > MAX_F16);
  if (index < 0) return;
  throw new RangeError(
    `Cannot hold "${label}" in 16-bit floats: element ${index} is ${data[index]}, ` +
      `expected at most ${MAX_F16} in magnitude: compute in f32`,
  );
}
