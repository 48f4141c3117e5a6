/**
 * Tensor elements to numbers and back, for casts: exact or rounded once, in memory that is reused.
 *
 * @module
 */

import { CAST_INTEGERS, type CastFloat, type CastInteger, isCastInteger } from "./cast_dtypes.ts";
import { type Dtype, DTYPES } from "./dtype.ts";
import { decodeFloat8, encodeFloat8, isFloat8 } from "./float8.ts";
import { bfloat16ToFloats, floatsToBfloat16, halfToFloats } from "./half.ts";

/** Numbers on their way to a float dtype. */
export type Floats = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The elements of an integer tensor. */
export type IntegerArray = InstanceType<(typeof CAST_INTEGERS)[CastInteger]>;

/**
 * Puts bytes where typed arrays take them.
 *
 * @param bytes Whole elements at any alignment.
 * @param dtype The elements' type.
 * @returns The same memory where it is aligned already, else a copy.
 * @throws {RangeError} when the bytes are no whole number of elements.
 */
export function aligned(bytes: Uint8Array, dtype: Dtype): Uint8Array<ArrayBuffer> {
  const width = DTYPES[dtype].bits / 8;
  if (bytes.byteLength % width !== 0) {
    throw new RangeError(
      `Cannot cast ${dtype} elements: found ${bytes.byteLength} bytes, ` +
        `expected a multiple of ${width}`,
    );
  }
  const isPlain = bytes.byteOffset % width === 0 && bytes.buffer instanceof ArrayBuffer;
  return isPlain ? bytes as Uint8Array<ArrayBuffer> : new Uint8Array(bytes);
}

/**
 * Widens elements to numbers that round to a float as the elements themselves would.
 *
 * @param bytes Aligned elements.
 * @param from Their dtype.
 * @param to The float that the numbers are for: F64 gets the value itself, or the nearest to it.
 * @returns One number each; the same memory where it holds such numbers already.
 */
export function widen(
  bytes: Uint8Array<ArrayBuffer>,
  from: Dtype,
  to: CastFloat,
): Floats {
  const { buffer, byteOffset } = bytes;
  const length = bytes.byteLength / (DTYPES[from].bits / 8);
  if (from === "F32") return new Float32Array(buffer, byteOffset, length);
  if (from === "F64") return new Float64Array(buffer, byteOffset, length);
  if (from === "F16") return halfToFloats(new Uint16Array(buffer, byteOffset, length));
  if (from === "BF16") return bfloat16ToFloats(new Uint16Array(buffer, byteOffset, length));
  if (isFloat8(from)) return decodeFloat8(bytes, from);
  const integers = decodeIntegers(bytes, from);
  if (!isBig(integers)) return new Float64Array(integers);
  return Float64Array.from(integers, to === "F64" ? Number : toOddDouble);
}

/** Integers of 64 bits. */
export type BigArray = Extract<IntegerArray, ArrayLike<bigint>>;

/**
 * Whether an array holds 64-bit integers.
 *
 * @param array Any integers.
 */
export function isBig(array: IntegerArray): array is BigArray {
  return array instanceof BigInt64Array || array instanceof BigUint64Array;
}

/**
 * Views elements as integers.
 *
 * @param bytes Aligned elements.
 * @param from An integer dtype, or BOOL.
 * @returns One integer each, in the same memory but for BOOL.
 */
export function decodeIntegers(bytes: Uint8Array<ArrayBuffer>, from: Dtype): IntegerArray {
  if (!isCastInteger(from)) return bytes.map((byte) => byte === 0 ? 0 : 1); // BOOL
  const { buffer, byteOffset, byteLength } = bytes;
  return new CAST_INTEGERS[from](buffer, byteOffset, byteLength / (DTYPES[from].bits / 8));
}

/**
 * Cuts a 64-bit integer to the 53 bits of an f64, the last bit set where any was lost: unlike the
 * nearest f64, this rounds to every narrower float as the integer itself would.
 */
function toOddDouble(value: bigint): number {
  if (BigInt.asIntN(54, value) === value) return Number(value);
  const cut = value >> 11n;
  return Number((cut << 11n) === value ? cut : cut | 1n) * 2 ** 11;
}

/**
 * Rounds numbers to a float dtype, to nearest, ties to even; what is too large becomes infinity or
 * NaN.
 *
 * @param values The numbers.
 * @param to The dtype.
 * @param buffer Where the elements go, from the start on; a multiple of eight bytes, large enough.
 * @returns The part of the buffer that was filled.
 */
export function encode(
  values: Floats,
  to: CastFloat,
  buffer: ArrayBuffer,
): Uint8Array<ArrayBuffer> {
  const { length } = values;
  if (to === "F64") new Float64Array(buffer).set(values);
  else if (to === "F32") new Float32Array(buffer).set(values);
  else if (to === "F16") new Float16Array(buffer).set(values);
  else if (to === "BF16") floatsToBfloat16(values, new Uint16Array(buffer, 0, length));
  else encodeFloat8(values, to, new Uint8Array(buffer, 0, length));
  return new Uint8Array(buffer, 0, length * DTYPES[to].bits / 8);
}
