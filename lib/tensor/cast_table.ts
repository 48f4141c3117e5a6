/**
 * Casts of 8- and 16-bit elements by looking every pattern up.
 *
 * @module
 */

import { CAST_FLOATS, type CastFloat } from "./cast_dtypes.ts";
import { encode, widen } from "./cast_codec.ts";
import { type Dtype, DTYPES } from "./dtype.ts";

/** What becomes of a value that the target cannot hold: marks in a table. */
export const LOSS = { beyond: 1, infinite: 2, toZero: 4 } as const;

/** Patterns of a small source, one element each. */
export type SmallArray = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** What one dtype's patterns become in another. */
export interface CastTable {
  /** The target's pattern of each source pattern; unsigned integers of the target's width. */
  readonly patterns: SmallArray | Uint32Array<ArrayBuffer>;
  /** Marks of `LOSS` for each source pattern; 0 for most. */
  readonly losses: Uint8Array<ArrayBuffer>;
  /** The value of each source pattern. */
  readonly values: Float32Array | Float64Array;
}

const tables = new Map<string, CastTable>();

/**
 * Finds or makes the table of a cast between floats.
 *
 * @param from The source's dtype, of 8 or 16 bits.
 * @param to The target's, of at most 32.
 * @param saturate Whether values that the target cannot hold become its largest.
 * @returns The table; undefined when the dtypes are wider.
 */
export function castTable(from: Dtype, to: CastFloat, saturate: boolean): CastTable | undefined {
  const bits = { from: DTYPES[from].bits, to: DTYPES[to].bits };
  if (bits.from > 16 || bits.to > 32) return undefined;
  const key = `${from} ${to} ${saturate}`;
  let table = tables.get(key);
  if (table === undefined) {
    table = makeTable(from, to, saturate);
    tables.set(key, table);
  }
  return table;
}

function makeTable(from: Dtype, to: CastFloat, saturate: boolean): CastTable {
  const all = DTYPES[from].bits === 8
    ? Uint8Array.from({ length: 256 }, (_, pattern) => pattern)
    : Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);
  const values = widen(new Uint8Array(all.buffer), from, to);
  const buffer = new ArrayBuffer(values.length * DTYPES[to].bits / 8);
  const held = values.slice();
  const back = widen(encode(values, to, buffer), to, "F64");
  const losses = Uint8Array.from(values, (value, i) => lossOf(value, back[i]!));
  for (const [i, loss] of losses.entries()) {
    const isOutside = loss === LOSS.beyond || loss === LOSS.infinite;
    if (saturate && isOutside) held[i] = Math.sign(values[i]!) * CAST_FLOATS[to].largest;
  }
  encode(held, to, buffer);
  return { patterns: patternsOf(buffer, to), losses, values };
}

/**
 * Judges what rounding did to one number.
 *
 * @param value The number.
 * @param result What it became, as a number.
 * @returns A mark of `LOSS`, or 0 where nothing but rounding happened.
 */
export function lossOf(value: number, result: number): number {
  if (result === 0) return value === 0 ? 0 : LOSS.toZero;
  if (Number.isFinite(result) || Number.isNaN(value) || value === result) return 0;
  return Number.isFinite(value) ? LOSS.beyond : LOSS.infinite;
}

/**
 * Views elements by their patterns.
 *
 * @param buffer The elements from its start on.
 * @param dtype Their dtype, of at most 32 bits.
 * @param length How many; as many as there are unless given.
 * @returns Unsigned integers in the same memory.
 */
export function patternsOf(
  buffer: ArrayBuffer,
  dtype: Dtype,
  length?: number,
): SmallArray | Uint32Array<ArrayBuffer> {
  const { bits } = DTYPES[dtype];
  if (bits === 8) return new Uint8Array(buffer, 0, length);
  return bits === 16 ? new Uint16Array(buffer, 0, length) : new Uint32Array(buffer, 0, length);
}
