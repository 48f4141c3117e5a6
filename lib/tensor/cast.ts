/**
 * Casting tensor data from one dtype to another, piece by piece, and counting what is lost.
 *
 * Every number is rounded exactly once, to nearest, ties to even: also from f64 and from 64-bit
 * integers. Values that the target cannot hold are counted; `saturate` clamps them.
 *
 * @module
 */

import { aligned, decodeIntegers, encode, type Floats, isBig, widen } from "./cast_codec.ts";
import {
  CAST_FLOATS,
  CAST_INTEGERS,
  type CastDtype,
  type CastFloat,
  type CastInteger,
  type FloatRange,
  isCastFloat,
  isCastInteger,
  isCastSource,
} from "./cast_dtypes.ts";
import {
  type CastTable,
  castTable,
  LOSS,
  lossOf,
  patternsOf,
  type SmallArray,
} from "./cast_table.ts";
import { type Dtype, DTYPES } from "./dtype.ts";

/** What a cast did to values that the target cannot hold; counts are elements. */
export interface CastTally {
  /** Elements cast. */
  elements: number;
  /** Finite values beyond the target's largest. */
  beyond: number;
  /** The largest magnitude among these. */
  largest: number;
  /** Infinities, where the target has none. */
  infinite: number;
  /** NaN, where the target is an integer. */
  nan: number;
  /** Values that were not zero and became zero by rounding. */
  toZero: number;
}

/**
 * Casts the data of one tensor, piece by piece.
 *
 * NaN stays NaN in every float. What the target cannot hold is counted in `tally`; without
 * `saturate` the bytes written for it mean nothing, and the caller refuses them. With it, finite
 * values beyond the largest, and infinities where there are none, become the largest of their
 * sign. NaN has no place in integers, either way. `BOOL` counts as 0 and 1.
 *
 * @example Too large for a half float
 * ```ts
 * import { decodeFloats, encodeFloats, TensorCast } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const cast = new TensorCast("F32", "F16", { saturate: true });
 * const bytes = cast.next(encodeFloats(Float32Array.of(0.1, -1e6), "F32"));
 * assertEquals(decodeFloats(bytes, "F16"), Float32Array.of(0.0999755859375, -65504));
 * assertEquals([cast.tally.beyond, cast.tally.largest], [1, 1e6]);
 * ```
 */
export class TensorCast {
  /** What was lost so far. */
  readonly tally: Readonly<CastTally>;
  readonly #tally: CastTally;
  readonly #from: Dtype;
  readonly #to: CastDtype;
  readonly #saturate: boolean;
  #output = new ArrayBuffer(0);

  /**
   * Creates the cast.
   *
   * @param from The dtype of the data.
   * @param to The dtype to cast to.
   * @param options Whether to clamp what the target cannot hold.
   * @throws {TypeError} when `from` cannot be cast.
   */
  constructor(from: Dtype, to: CastDtype, options: { readonly saturate?: boolean } = {}) {
    if (!isCastSource(from)) {
      throw new TypeError(`Cannot cast ${from}: its elements are no single numbers of whole bytes`);
    }
    this.#from = from;
    this.#to = to;
    this.#saturate = options.saturate ?? false;
    this.#tally = { elements: 0, beyond: 0, largest: 0, infinite: 0, nan: 0, toZero: 0 };
    this.tally = this.#tally;
  }

  /** Values so far that the target cannot hold and that were not clamped. */
  get refused(): number {
    const { beyond, infinite, nan } = this.#tally;
    return nan + (this.#saturate ? 0 : beyond + infinite);
  }

  /**
   * Casts the next elements.
   *
   * @param bytes Little-endian elements at any alignment; left unchanged.
   * @returns The same elements in the target's dtype; they stay only until the next call, which
   * uses the same memory. Where both dtypes are one it may be the bytes that were given.
   * @throws {RangeError} when the bytes are no whole number of elements.
   */
  next(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const from = this.#from;
    const to = this.#to;
    const source = aligned(bytes, from);
    this.#tally.elements += source.byteLength / (DTYPES[from].bits / 8);
    if (from === to) return source;
    if (!isCastFloat(to)) {
      const isWhole = isCastInteger(from);
      return this.#toIntegers(
        isWhole ? decodeIntegers(source, from) : widen(source, from, "F64"),
        to,
      );
    }
    const patterns = 2 ** DTYPES[from].bits;
    const length = source.byteLength / (DTYPES[from].bits / 8);
    const table = length < patterns ? undefined : castTable(from, to, this.#saturate);
    if (table === undefined) return this.#toFloats(widen(source, from, to), to);
    const { buffer, byteOffset } = source;
    const elements = patterns === 256 ? source : new Uint16Array(buffer, byteOffset, length);
    return this.#lookUp(elements, table, to);
  }

  #toFloats(values: Floats, to: CastFloat): Uint8Array<ArrayBuffer> {
    const bytes = encode(values, to, this.#reserve(values.length, to));
    if (this.#cannotLose(to)) return bytes;
    const { largest, smallest } = CAST_FLOATS[to];
    const { outside, toZero } = survey(values, largest, smallest / 2);
    this.#tally.toZero += toZero;
    return outside === 0 ? bytes : this.#clamp(values, bytes, to);
  }

  /** Looks every element up, and counts again only where some were lost. */
  #lookUp(source: SmallArray, table: CastTable, to: CastFloat): Uint8Array<ArrayBuffer> {
    const buffer = this.#reserve(source.length, to);
    const target = patternsOf(buffer, to, source.length);
    if (copyByTable(source, table, target) !== 0) {
      for (const pattern of source) this.#count(table.losses[pattern]!, table.values[pattern]!);
    }
    return new Uint8Array(buffer, 0, target.byteLength);
  }

  #count(loss: number, value: number): void {
    if (loss === LOSS.toZero) this.#tally.toZero++;
    else if (loss !== 0) this.#countOutside(value);
  }

  /** The memory of all results: the same again, so that long casts make no garbage. */
  #reserve(length: number, to: CastDtype): ArrayBuffer {
    const byteLength = length * DTYPES[to].bits / 8;
    if (this.#output.byteLength < byteLength) {
      // A multiple of eight suits every element type.
      this.#output = new ArrayBuffer(Math.ceil(byteLength / 8) * 8);
    }
    return this.#output;
  }

  /** Whether every value of the source has its place in the target, subnormals included. */
  #cannotLose(to: CastFloat): boolean {
    if (!isCastFloat(this.#from)) return false;
    const source: FloatRange = CAST_FLOATS[this.#from];
    const target: FloatRange = CAST_FLOATS[to];
    return source.largest <= target.largest && source.smallest >= target.smallest &&
      (target.hasInfinity || !source.hasInfinity);
  }

  /** Counts what became infinity or NaN on the way and, where asked to, clamps it. */
  #clamp(
    values: Floats,
    bytes: Uint8Array<ArrayBuffer>,
    to: CastFloat,
  ): Uint8Array<ArrayBuffer> {
    const back = widen(bytes, to, "F64");
    const clamped = values.slice();
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const loss = lossOf(value, back[i]!);
      if (loss !== LOSS.beyond && loss !== LOSS.infinite) continue;
      this.#countOutside(value);
      clamped[i] = Math.sign(value) * CAST_FLOATS[to].largest;
    }
    return this.#saturate ? encode(clamped, to, bytes.buffer) : bytes;
  }

  #toIntegers(
    values: ArrayLike<number> | ArrayLike<bigint>,
    to: CastInteger,
  ): Uint8Array<ArrayBuffer> {
    const target = new CAST_INTEGERS[to](this.#reserve(values.length, to), 0, values.length);
    const bounds = integerBounds(to);
    const big = isBig(target);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const held = this.#hold(typeof value === "bigint" ? value : this.#whole(value), bounds);
      // Exact either way: what is held lies within the target's bounds.
      target[i] = big ? BigInt(held) : Number(held);
    }
    return new Uint8Array(target.buffer, 0, target.byteLength);
  }

  #whole(value: number): number {
    const whole = roundToEven(value);
    if (whole === 0 && value !== 0) this.#tally.toZero++;
    return whole;
  }

  /** A whole number brought within bounds, counted where it lay outside. */
  #hold(whole: number | bigint, { least, most }: IntegerBounds): number | bigint {
    if (whole >= least && whole <= most) return whole;
    if (Number.isNaN(whole)) {
      this.#tally.nan++;
      return 0;
    }
    this.#countOutside(Number(whole));
    return whole < least ? least : most;
  }

  #countOutside(value: number): void {
    const magnitude = Math.abs(value);
    if (magnitude === Infinity) this.#tally.infinite++;
    else {
      this.#tally.beyond++;
      this.#tally.largest = Math.max(this.#tally.largest, magnitude);
    }
  }
}

/**
 * Looks every element up.
 *
 * @returns The marks of all elements together: 0 when none was lost.
 */
function copyByTable(
  source: SmallArray,
  { patterns, losses }: CastTable,
  target: CastTable["patterns"],
): number {
  let marks = 0;
  for (let i = 0; i < source.length; i++) {
    const pattern = source[i]!;
    target[i] = patterns[pattern]!;
    marks |= losses[pattern]!;
  }
  return marks;
}

/** Counts values that are NaN or beyond `largest`, and those that round to zero. */
function survey(
  values: Floats,
  largest: number,
  tiny: number,
): { outside: number; toZero: number } {
  let outside = 0;
  let toZero = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    if (!(magnitude <= largest)) outside++;
    else if (magnitude <= tiny && magnitude !== 0) toZero++;
  }
  return { outside, toZero };
}

/** Rounds to a whole number, ties to the even one. */
function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const above = value - floor;
  if (above === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return above < 0.5 ? floor : floor + 1;
}

interface IntegerBounds {
  readonly least: number | bigint;
  readonly most: number | bigint;
}

function integerBounds(dtype: CastInteger): IntegerBounds {
  const { bits } = DTYPES[dtype];
  const isSigned = dtype.startsWith("I");
  const least = isSigned ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = 2n ** BigInt(isSigned ? bits - 1 : bits) - 1n;
  return bits === 64 ? { least, most } : { least: Number(least), most: Number(most) };
}
