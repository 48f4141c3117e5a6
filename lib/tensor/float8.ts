/**
 * The 8-bit floats of model files: one table from each pattern to its value, one back.
 *
 * `F8_E4M3` is what torch calls `float8_e4m3fn` and `F8_E5M2` is `float8_e5m2` (Micikevicius et
 * al., "FP8 Formats for Deep Learning", 2022; OCP 8-bit Floating Point Specification); the FNUZ
 * kinds have one NaN, no infinity and no negative zero (Noune et al., "8-bit Numerical Formats for
 * Deep Neural Networks", 2022); `F8_E8M0` is an exponent alone, the scale of a block of elements
 * (OCP Microscaling Formats).
 *
 * @module
 */

import type { Dtype } from "./dtype.ts";

/** How one kind of 8-bit float is laid out: a sign, exponent bits, mantissa bits. */
interface Float8Layout {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** `ieee` has infinities; `finite` has NaN at the top alone; `unsigned-zero` has NaN at 0x80. */
  readonly specials: "ieee" | "finite" | "unsigned-zero";
}

/** The 8-bit floats that numbers can be rounded to. */
export type SignedFloat8 = "F8_E4M3" | "F8_E5M2" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ";

const LAYOUTS: Readonly<Record<SignedFloat8, Float8Layout>> = {
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, specials: "finite" },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, specials: "ieee" },
  F8_E4M3FNUZ: { exponentBits: 4, mantissaBits: 3, bias: 8, specials: "unsigned-zero" },
  F8_E5M2FNUZ: { exponentBits: 5, mantissaBits: 2, bias: 16, specials: "unsigned-zero" },
};

/** Every 8-bit float; `F8_E8M0` has neither sign nor zero and is only decoded. */
export type Float8Dtype = SignedFloat8 | "F8_E8M0";

/**
 * Whether `dtype` is one of the 8-bit floats.
 *
 * @param dtype Any dtype.
 */
export function isFloat8(dtype: Dtype): dtype is Float8Dtype {
  return dtype === "F8_E8M0" || Object.hasOwn(LAYOUTS, dtype);
}

const decodeTables = new Map<Float8Dtype, Float32Array<ArrayBuffer>>();
const encodeTables = new Map<SignedFloat8, Uint8Array<ArrayBuffer>>();

/**
 * Widens 8-bit floats to f32, which is exact.
 *
 * @param bytes One element a byte; left unchanged.
 * @param dtype The elements' type.
 * @returns A new array of the same length, which the caller owns.
 *
 * @example The largest value
 * ```ts
 * import { decodeFloat8 } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeFloat8(Uint8Array.of(0x38, 0x7e), "F8_E4M3"), Float32Array.of(1, 448));
 * ```
 */
export function decodeFloat8(bytes: Uint8Array, dtype: Float8Dtype): Float32Array<ArrayBuffer> {
  const table = float8Values(dtype);
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < values.length; i++) values[i] = table[bytes[i]!]!;
  return values;
}

/**
 * Lists the value of each of the 256 patterns.
 *
 * @param dtype The elements' type.
 * @returns f32 [256], shared: the caller leaves it unchanged.
 */
export function float8Values(dtype: Float8Dtype): Float32Array<ArrayBuffer> {
  let table = decodeTables.get(dtype);
  if (table === undefined) {
    table = Float32Array.from(
      { length: 256 },
      (_, pattern) => dtype === "F8_E8M0" ? scaleOf(pattern) : valueOf(pattern, LAYOUTS[dtype]),
    );
    decodeTables.set(dtype, table);
  }
  return table;
}

/** Powers of two from 2^-127 on; the last pattern is NaN. */
function scaleOf(pattern: number): number {
  return pattern === 0xff ? NaN : 2 ** (pattern - 127);
}

function valueOf(pattern: number, layout: Float8Layout): number {
  const { exponentBits, mantissaBits, bias, specials } = layout;
  const magnitude = pattern & 0x7f;
  const sign = pattern & 0x80 ? -1 : 1;
  if (specials === "unsigned-zero" && pattern === 0x80) return NaN;
  if (specials === "finite" && magnitude === 0x7f) return NaN;
  const exponent = magnitude >> mantissaBits;
  const mantissa = magnitude & (2 ** mantissaBits - 1);
  if (specials === "ieee" && exponent === 2 ** exponentBits - 1) {
    return mantissa === 0 ? sign * Infinity : NaN;
  }
  const fraction = mantissa / 2 ** mantissaBits;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

/**
 * Rounds numbers to 8-bit floats: to nearest, ties to even, exactly once, also from f64.
 *
 * NaN stays NaN. What rounds beyond the largest value becomes infinity in `F8_E5M2` and NaN in the
 * kinds that have no infinity, and so does infinity itself: nothing is clamped in silence.
 *
 * @param values Numbers in f32 or f64; left unchanged.
 * @param dtype The element type to write.
 * @param bytes Where the patterns go, of the same length; a new array unless given.
 * @returns `bytes`.
 *
 * @example A tie goes to the even neighbour
 * ```ts
 * import { decodeFloat8, encodeFloat8 } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeFloat8(Float64Array.of(1.0625, 1.1875), "F8_E4M3");
 * assertEquals(decodeFloat8(bytes, "F8_E4M3"), Float32Array.of(1, 1.25));
 * ```
 */
export function encodeFloat8(
  values: Float32Array | Float64Array,
  dtype: SignedFloat8,
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(values.length),
): Uint8Array<ArrayBuffer> {
  const table = encodeTable(dtype);
  if (values instanceof Float64Array) encodeDoubles(values, table, bytes);
  else encodeSingles(values, table, bytes);
  return bytes;
}

/*
 * A table over all upper halves of an f32 is enough: the lower half only matters in whether it is
 * all zero, and setting the last bit of the upper half where it is not ("rounding to odd") keeps
 * every later rounding to at most six bits the same (Boldo and Melquiond, "When double rounding is
 * odd", 2005).
 */

function encodeSingles(values: Float32Array, table: Uint8Array, bytes: Uint8Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    bytes[i] = table[(word >>> 16) | ((word & 0xffff) === 0 ? 0 : 1)]!;
  }
}

function encodeDoubles(values: Float64Array, table: Uint8Array, bytes: Uint8Array): void {
  const single = new Float32Array(1);
  const word = new Uint32Array(single.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    single[0] = value;
    let inexact = 0;
    if (single[0] !== value && value === value) {
      // Cut rather than round: sign and magnitude are apart, so one less is one nearer to zero.
      if (Math.abs(single[0]) > Math.abs(value)) word[0]!--;
      inexact = 1;
    }
    bytes[i] = table[(word[0]! >>> 16) | ((word[0]! & 0xffff) === 0 ? inexact : 1)]!;
  }
}

/** The 8-bit pattern of each upper half of an f32, by nearest value, ties to even. */
function encodeTable(dtype: SignedFloat8): Uint8Array<ArrayBuffer> {
  let table = encodeTables.get(dtype);
  if (table === undefined) {
    table = new Uint8Array(65536);
    const halves = Uint32Array.from(table, (_, half) => half << 16);
    const inputs = new Float32Array(halves.buffer);
    const round = roundingTo(dtype);
    for (let half = 0; half < table.length; half++) table[half] = round(inputs[half]!, half >> 15);
    encodeTables.set(dtype, table);
  }
  return table;
}

/** Makes the function from a number and its sign bit to the nearest pattern. */
function roundingTo(dtype: SignedFloat8): (value: number, sign: number) => number {
  const values = float8Values(dtype);
  const { specials } = LAYOUTS[dtype];
  // Magnitudes of the patterns from 0 up are in order; the first that is not finite ends them.
  const count = values.subarray(0, 128).findIndex((value) => !Number.isFinite(value));
  const finite = values.subarray(0, count === -1 ? 128 : count);
  const largest = finite.at(-1)!;
  // Where the next value would be, were there one more: half-way to it rounding goes out of range.
  const limit = largest + (largest - finite.at(-2)!) / 2;
  const nan = specials === "unsigned-zero" ? 0x80 : 0x7f;
  return (value, sign) => {
    const magnitude = Math.abs(value);
    const signBit = sign << 7;
    if (Number.isNaN(value)) return specials === "unsigned-zero" ? nan : nan | signBit;
    const lastIsOdd = (finite.length - 1) % 2 === 1;
    if (magnitude > limit || (magnitude === limit && lastIsOdd)) {
      if (specials === "ieee") return finite.length | signBit;
      return specials === "unsigned-zero" ? nan : nan | signBit;
    }
    const pattern = nearest(finite, magnitude);
    return pattern === 0 && specials === "unsigned-zero" ? 0 : pattern | signBit;
  };
}

/** Index of the value nearest to `magnitude` in an ascending list; ties go to the even index. */
function nearest(ascending: Float32Array, magnitude: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ascending[middle]! <= magnitude) low = middle;
    else high = middle - 1;
  }
  if (low + 1 === ascending.length) return low;
  const below = magnitude - ascending[low]!;
  const above = ascending[low + 1]! - magnitude;
  if (below === above) return low % 2 === 0 ? low : low + 1;
  return below < above ? low : low + 1;
}
