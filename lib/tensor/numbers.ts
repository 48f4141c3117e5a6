/**
 * Tensor data as f64, whatever the dtype: what statistics and comparisons calculate with.
 *
 * @module
 */

import { type Dtype, DTYPES } from "./dtype.ts";
import { type Float8Dtype, float8Values, isFloat8 } from "./float8.ts";
import { bfloat16ToFloats } from "./half.ts";
import { decodeInt64 } from "./int64.ts";

/** The dtypes whose elements are one real number each, in whole bytes. */
export type NumericDtype = Exclude<Dtype, "C64" | "F4" | "F6_E2M3" | "F6_E3M2">;

/** Decodes elements of one dtype. */
export interface NumberReader {
  /** The elements' type. */
  readonly dtype: NumericDtype;
  /** Width of one element, in bytes. */
  readonly bytesPerElement: number;
  /**
   * Decodes elements; exact but for integers beyond 2^53, which are rounded once.
   *
   * @param bytes A whole number of little-endian elements; left unchanged.
   * @param target Where they go; at least as long as there are elements.
   * @returns The front of `target` that was filled, one number an element.
   */
  decode(bytes: Uint8Array<ArrayBuffer>, target: Float64Array): Float64Array;
}

type Fill = (bytes: Uint8Array<ArrayBuffer>, target: Float64Array) => void;

interface ViewConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): ArrayLike<number>;
}

/** Every numeric dtype but the 8-bit floats, which are read through a table. */
const FILLS: Readonly<Partial<Record<Dtype, Fill>>> = {
  BOOL: (bytes, target) => {
    // Writers put down 0 and 1; C, and so numpy and torch, take any other byte for true as well.
    for (let i = 0; i < bytes.length; i++) target[i] = bytes[i] === 0 ? 0 : 1;
  },
  U8: viewed(Uint8Array),
  I8: viewed(Int8Array),
  U16: viewed(Uint16Array),
  I16: viewed(Int16Array),
  F16: viewed(Float16Array),
  BF16: (bytes, target) => target.set(bfloat16ToFloats(viewOf(Uint16Array, bytes))),
  U32: viewed(Uint32Array),
  I32: viewed(Int32Array),
  F32: viewed(Float32Array),
  F64: viewed(Float64Array),
  U64: (bytes, target) => decodeInt64(alignedBytes(bytes, 4), "U64", target),
  I64: (bytes, target) => decodeInt64(alignedBytes(bytes, 4), "I64", target),
} satisfies Record<Exclude<NumericDtype, Float8Dtype>, Fill>;

function viewed(View: ViewConstructor): Fill {
  return (bytes, target) => target.set(viewOf(View, bytes));
}

/**
 * Finds the reader of a dtype.
 *
 * @param dtype Any dtype.
 * @returns The reader; `undefined` for complex numbers and for elements narrower than a byte,
 *   whose order in a byte the format leaves open.
 *
 * @example Two half floats
 * ```ts
 * import { numberReader } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = Uint8Array.of(0x00, 0x3c, 0x00, 0xc0);
 * const numbers = numberReader("F16")?.decode(bytes, new Float64Array(2));
 * assertEquals(numbers, Float64Array.of(1, -2));
 * ```
 */
export function numberReader(dtype: Dtype): NumberReader | undefined {
  const fill = isFloat8(dtype) ? tabled(float8Values(dtype)) : FILLS[dtype];
  if (fill === undefined) return undefined;
  const numeric = dtype as NumericDtype;
  const bytesPerElement = numericBytes(numeric);
  return {
    dtype: numeric,
    bytesPerElement,
    decode(bytes, target) {
      const filled = target.subarray(0, bytes.byteLength / bytesPerElement);
      fill(bytes, filled);
      return filled;
    },
  };
}

function tabled(values: Float32Array): Fill {
  return (bytes, target) => {
    for (let i = 0; i < bytes.length; i++) target[i] = values[bytes[i]!]!;
  };
}

/**
 * Tells how wide an element is.
 *
 * @param dtype The elements' type.
 * @returns Its width in bytes.
 */
export function numericBytes(dtype: NumericDtype): number {
  return DTYPES[dtype].bits / 8;
}

/**
 * Gives bytes at an offset that typed arrays of a width accept.
 *
 * @param bytes The bytes.
 * @param width Bytes of an element of the view to be made.
 * @returns The same bytes where they are aligned, else a copy.
 */
export function alignedBytes(
  bytes: Uint8Array<ArrayBuffer>,
  width: number,
): Uint8Array<ArrayBuffer> {
  return bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
}

/**
 * Views bytes as elements of a typed array.
 *
 * @param View The typed array's constructor.
 * @param bytes A whole number of elements; copied only where they are not aligned.
 * @returns The elements; they share memory with aligned bytes.
 */
export function viewOf<T>(
  View: {
    readonly BYTES_PER_ELEMENT: number;
    new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
  },
  bytes: Uint8Array<ArrayBuffer>,
): T {
  const width = View.BYTES_PER_ELEMENT;
  const { buffer, byteOffset, byteLength } = alignedBytes(bytes, width);
  return new View(buffer, byteOffset, byteLength / width);
}
