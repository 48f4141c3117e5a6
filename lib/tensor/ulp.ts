/**
 * Tensors compared bit by bit: how many elements differ, and by how many representable numbers.
 *
 * @module
 */

import { type Float8Dtype, float8Values, isFloat8 } from "./float8.ts";
import { numericBytes, type NumericDtype, viewOf } from "./numbers.ts";

/** How the bits of two tensors differ. */
export interface BitDifference {
  /** Elements whose bits differ. */
  readonly differing: number;
  /**
   * Most units in the last place between two elements, counted in their dtype: 0 for equal ones and
   * for 0 and -0, 1 for neighbours. Pairs with a NaN or an infinity are left out. `undefined` for
   * integers and truth values, whose distance is the plain difference.
   */
  readonly maxUlps: number | undefined;
}

/**
 * Compares elements bit by bit.
 *
 * @param a A whole number of little-endian elements; left unchanged.
 * @param b As many.
 * @param dtype The type of both.
 * @returns How many differ, and by how much at most.
 *
 * @example The neighbour of one
 * ```ts
 * import { compareBits } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const one = Uint8Array.of(0x80, 0x3f);
 * const next = Uint8Array.of(0x81, 0x3f);
 * assertEquals(compareBits(one, next, "BF16"), { differing: 1, maxUlps: 1 });
 * ```
 */
export function compareBits(
  a: Uint8Array<ArrayBuffer>,
  b: Uint8Array<ArrayBuffer>,
  dtype: NumericDtype,
): BitDifference {
  if (isFloat8(dtype)) return compareTabled(a, b, orderOfFloat8(dtype));
  switch (dtype) {
    case "F16":
      return compareWords(viewOf(Int16Array, a), viewOf(Int16Array, b), 0x7fff, 0x7c00);
    case "BF16":
      return compareWords(viewOf(Int16Array, a), viewOf(Int16Array, b), 0x7fff, 0x7f80);
    case "F32":
      return compareWords(viewOf(Int32Array, a), viewOf(Int32Array, b), 0x7fffffff, 0x7f800000);
    case "F64":
      return compareDoubles(viewOf(Int32Array, a), viewOf(Int32Array, b));
    default:
      return { differing: countDiffering(a, b, numericBytes(dtype)), maxUlps: undefined };
  }
}

/**
 * Compares floats as whole words: without the sign, they are in the order of their bits.
 *
 * @param magnitude Mask of all bits but the sign.
 * @param exponent Mask of the exponent, all ones in NaN and infinity.
 */
function compareWords(
  a: Int16Array | Int32Array,
  b: Int16Array | Int32Array,
  magnitude: number,
  exponent: number,
): BitDifference {
  let differing = 0;
  let maxUlps = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x === y) continue;
    differing++;
    if ((x & exponent) === exponent || (y & exponent) === exponent) continue;
    const ulps = Math.abs(placeOf(y, magnitude) - placeOf(x, magnitude));
    if (ulps > maxUlps) maxUlps = ulps;
  }
  return { differing, maxUlps };
}

/** The signed magnitude of a word; without a branch, since signs are hard to predict. */
function placeOf(word: number, magnitude: number): number {
  const sign = word >> 31;
  return ((word & magnitude) ^ sign) - sign;
}

/** Compares F64 as pairs of words, low word first; distances over 2^53 are rounded. */
function compareDoubles(a: Int32Array, b: Int32Array): BitDifference {
  let differing = 0;
  let maxUlps = 0;
  for (let i = 0; i < a.length; i += 2) {
    const x = a[i + 1]!;
    const y = b[i + 1]!;
    if (x === y && a[i] === b[i]) continue;
    differing++;
    if ((x & 0x7ff00000) === 0x7ff00000 || (y & 0x7ff00000) === 0x7ff00000) continue;
    // The signs are in the high words; magnitudes of unlike signs add up.
    const sign = (x ^ y) < 0 ? -1 : 1;
    const high = (x & 0x7fffffff) - sign * (y & 0x7fffffff);
    const low = (a[i]! >>> 0) - sign * (b[i]! >>> 0);
    const ulps = Math.abs(high * 2 ** 32 + low);
    if (ulps > maxUlps) maxUlps = ulps;
  }
  return { differing, maxUlps };
}

/** Marks patterns that are no finite number. */
const NO_PLACE = 0x7fff;
const float8Orders = new Map<Float8Dtype, Int16Array>();

/** The place of each of the 256 patterns in the order of their values; 0 and -0 share one. */
function orderOfFloat8(dtype: Float8Dtype): Int16Array {
  let order = float8Orders.get(dtype);
  if (order === undefined) {
    const signed = dtype !== "F8_E8M0";
    order = Int16Array.from(float8Values(dtype), (value, pattern) => {
      if (!Number.isFinite(value)) return NO_PLACE;
      return signed && pattern > 0x7f ? -(pattern & 0x7f) : pattern;
    });
    float8Orders.set(dtype, order);
  }
  return order;
}

function compareTabled(
  a: Uint8Array<ArrayBuffer>,
  b: Uint8Array<ArrayBuffer>,
  order: Int16Array,
): BitDifference {
  let differing = 0;
  let maxUlps = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    differing++;
    const from = order[a[i]!]!;
    const to = order[b[i]!]!;
    if (from === NO_PLACE || to === NO_PLACE) continue;
    const ulps = Math.abs(to - from);
    if (ulps > maxUlps) maxUlps = ulps;
  }
  return { differing, maxUlps };
}

function countDiffering(
  a: Uint8Array<ArrayBuffer>,
  b: Uint8Array<ArrayBuffer>,
  width: number,
): number {
  let count = 0;
  for (let i = 0; i < a.length; i += width) {
    for (let k = 0; k < width; k++) {
      if (a[i + k] === b[i + k]) continue;
      count++;
      break;
    }
  }
  return count;
}

/**
 * Tells whether two stretches hold the same bytes.
 *
 * @param a The first.
 * @param b The second.
 * @returns Whether they are equally long and equal in every byte.
 */
export function sameBytes(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const words = a.byteLength - (a.byteLength % 8);
  const x = viewOf(BigInt64Array, a.subarray(0, words));
  const y = viewOf(BigInt64Array, b.subarray(0, words));
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  for (let i = words; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}
