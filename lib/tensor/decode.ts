/**
 * Tensor bytes to numbers and back.
 *
 * Files are little-endian and so is every host that WebGPU and Deno run on, so typed arrays read
 * the bytes as they are.
 *
 * @module
 */

import type { FloatDtype } from "./dtype.ts";
import { bfloat16ToFloats, floatsToBfloat16, floatsToHalf, halfToFloats } from "./half.ts";

const BYTES_PER_ELEMENT = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
} as const satisfies Record<FloatDtype, number>;

/**
 * Decodes a tensor's data to f32. F16 and BF16 widen exactly; F64 is rounded once.
 *
 * @param bytes Little-endian elements at any alignment; left unchanged.
 * @param dtype The elements' type.
 * @returns A new array that the caller owns, one element each.
 * @throws {RangeError} when the bytes are no whole number of elements.
 *
 * @example One, in bfloat16
 * ```ts
 * import { decodeFloats } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeFloats(Uint8Array.of(0x80, 0x3f), "BF16"), Float32Array.of(1));
 * ```
 */
export function decodeFloats(bytes: Uint8Array, dtype: FloatDtype): Float32Array<ArrayBuffer> {
  const buffer = alignedCopy(bytes, dtype);
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return new Float32Array(new Float64Array(buffer));
    case "F16":
      return halfToFloats(new Uint16Array(buffer));
    case "BF16":
      return bfloat16ToFloats(new Uint16Array(buffer));
  }
}

/**
 * Decodes a tensor's data to f64, which is exact for every dtype.
 *
 * @param bytes Little-endian elements at any alignment; left unchanged.
 * @param dtype The elements' type.
 * @returns A new array that the caller owns, one element each.
 * @throws {RangeError} when the bytes are no whole number of elements.
 */
export function decodeFloats64(bytes: Uint8Array, dtype: FloatDtype): Float64Array<ArrayBuffer> {
  if (dtype === "F64") return new Float64Array(alignedCopy(bytes, dtype));
  return new Float64Array(decodeFloats(bytes, dtype));
}

/**
 * Encodes numbers as a tensor's data, rounding each to nearest even exactly once.
 *
 * @param values Numbers in f32 or f64; left unchanged.
 * @param dtype The element type to write.
 * @returns Little-endian bytes in a new buffer that the caller owns.
 *
 * @example A third rounds to the nearest half float
 * ```ts
 * import { decodeFloats, encodeFloats } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeFloats(Float64Array.of(1 / 3), "F16");
 * assertEquals(decodeFloats(bytes, "F16"), Float32Array.of(0.333251953125));
 * ```
 */
export function encodeFloats(
  values: Float32Array | Float64Array,
  dtype: FloatDtype,
): Uint8Array<ArrayBuffer> {
  switch (dtype) {
    case "F32":
      return new Uint8Array(new Float32Array(values).buffer);
    case "F64":
      return new Uint8Array(new Float64Array(values).buffer);
    case "F16":
      return new Uint8Array(floatsToHalf(values).buffer);
    case "BF16":
      return new Uint8Array(floatsToBfloat16(values).buffer);
  }
}

/** Copies the bytes into a buffer of their own: a view needs an aligned offset. */
function alignedCopy(bytes: Uint8Array, dtype: FloatDtype): ArrayBuffer {
  const width = BYTES_PER_ELEMENT[dtype];
  if (bytes.byteLength % width !== 0) {
    throw new RangeError(
      `Cannot decode ${dtype} elements: found ${bytes.byteLength} bytes, ` +
        `expected a multiple of ${width}`,
    );
  }
  return new Uint8Array(bytes).buffer;
}
