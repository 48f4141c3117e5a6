/**
 * Shapes: exact element and byte counts.
 *
 * @module
 */

import { type Dtype, DTYPES } from "./dtype.ts";

/** What every tensor has: an element type and a shape. */
export interface TensorInfo {
  /** The element type. */
  readonly dtype: Dtype;
  /** Sizes in elements, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
}

const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Counts the elements of a shape, exactly.
 *
 * @param shape Non-negative integers; `[]` has one element, a shape with a 0 has none.
 * @returns The product, in elements.
 * @throws {RangeError} when a size is not a non-negative integer or the product is over 2^53 - 1.
 *
 * @example A scalar has one element
 * ```ts
 * import { elementCount } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(elementCount([]), 1);
 * assertEquals(elementCount([2, 3]), 6);
 * ```
 */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new RangeError(
        `Cannot count the elements of ${formatShape(shape)}: found ${size}, ` +
          "expected integers from 0 to 2^53 - 1",
      );
    }
    count *= size;
  }
  if (shape.includes(0)) return 0; // the product of the other sizes may be beyond any range
  if (count > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(
      `Cannot count the elements of ${formatShape(shape)}: found more than 2^53 - 1`,
    );
  }
  return count;
}

/**
 * Formats a shape for people.
 *
 * @param shape Sizes in elements.
 * @returns For example `[2, 3]`, or `[]` for a scalar.
 */
export function formatShape(shape: readonly (number | bigint)[]): string {
  return `[${shape.join(", ")}]`;
}

/**
 * Counts the bytes of a tensor's data.
 *
 * @param dtype The element type; 4- and 6-bit elements are packed over the whole tensor.
 * @param shape Sizes in elements.
 * @returns The length in bytes.
 * @throws {RangeError} when the count is over 2^53 - 1 or no whole number of bytes.
 *
 * @example Two by three half floats
 * ```ts
 * import { tensorByteLength } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tensorByteLength("F16", [2, 3]), 12);
 * ```
 */
export function tensorByteLength(dtype: Dtype, shape: readonly number[]): number {
  const count = elementCount(shape);
  const { bits } = DTYPES[dtype];
  // Eight elements of `bits` bits are `bits` bytes, whatever the width, so no product overflows
  // 2^53 unless the result does.
  const bytes = Math.floor(count / 8) * bits + ((count % 8) * bits) / 8;
  if (bytes > Number.MAX_SAFE_INTEGER || !Number.isInteger(bytes)) {
    throw new RangeError(
      `Cannot count the bytes of ${dtype} ${formatShape(shape)}: found ${bytes}, ` +
        "expected a whole number of at most 2^53 - 1",
    );
  }
  return bytes;
}

/**
 * Counts a tensor's bits as the reference reader does: from left to right in unsigned 64 bits.
 *
 * `[0, huge, huge]` has none, but `[huge, huge, 0]` overflows on the way.
 *
 * @param dtype The element type.
 * @param shape Sizes in elements, bigint where over 2^53 - 1.
 * @returns The count in bits, or undefined when a product on the way is over 2^64 - 1.
 */
export function bitLength(dtype: Dtype, shape: readonly (number | bigint)[]): bigint | undefined {
  let bits = 1n;
  for (const size of [...shape, DTYPES[dtype].bits]) {
    bits *= BigInt(size);
    if (bits > MAX_UINT64) return undefined;
  }
  return bits;
}
