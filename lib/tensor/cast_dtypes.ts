/**
 * The dtypes that tensors can be cast from and to, and what they can hold.
 *
 * @module
 */

import type { Dtype } from "./dtype.ts";

/** What a float can hold. */
export interface FloatRange {
  /** Its largest finite value. */
  readonly largest: number;
  /** Its smallest value above zero. */
  readonly smallest: number;
  /** Whether it has infinities. */
  readonly hasInfinity: boolean;
}

/** What the floats that tensors can be cast to can hold. */
export const CAST_FLOATS = {
  F64: { largest: Number.MAX_VALUE, smallest: 2 ** -1074, hasInfinity: true },
  F32: { largest: (2 - 2 ** -23) * 2 ** 127, smallest: 2 ** -149, hasInfinity: true },
  F16: { largest: 65504, smallest: 2 ** -24, hasInfinity: true },
  BF16: { largest: (2 - 2 ** -7) * 2 ** 127, smallest: 2 ** -133, hasInfinity: true },
  F8_E4M3: { largest: 448, smallest: 2 ** -9, hasInfinity: false },
  F8_E5M2: { largest: 57344, smallest: 2 ** -16, hasInfinity: true },
  F8_E4M3FNUZ: { largest: 240, smallest: 2 ** -10, hasInfinity: false },
  F8_E5M2FNUZ: { largest: 57344, smallest: 2 ** -17, hasInfinity: false },
} as const satisfies Partial<Record<Dtype, FloatRange>>;

/** The arrays of the integers that tensors can be cast to. */
export const CAST_INTEGERS = {
  I8: Int8Array,
  U8: Uint8Array,
  I16: Int16Array,
  U16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const satisfies Partial<Record<Dtype, unknown>>;

/** A float that tensors can be cast to. */
export type CastFloat = keyof typeof CAST_FLOATS;
/** An integer that tensors can be cast to. */
export type CastInteger = keyof typeof CAST_INTEGERS;

/** The dtypes that tensors can be cast to. */
export type CastDtype = CastFloat | CastInteger;

/** Every dtype that tensors can be cast to: floats, then integers. */
export const CAST_DTYPES: readonly CastDtype[] = [
  ...Object.keys(CAST_FLOATS) as CastFloat[],
  ...Object.keys(CAST_INTEGERS) as CastInteger[],
];

/** Whether tensors can be cast to `dtype`. */
export function isCastDtype(dtype: string): dtype is CastDtype {
  return isCastFloat(dtype) || isCastInteger(dtype);
}

/** Whether `dtype` is a float that tensors can be cast to: what model weights are made of. */
export function isCastFloat(dtype: string): dtype is CastFloat {
  return Object.hasOwn(CAST_FLOATS, dtype);
}

/** Whether `dtype` is an integer that tensors can be cast to. */
export function isCastInteger(dtype: string): dtype is CastInteger {
  return Object.hasOwn(CAST_INTEGERS, dtype);
}

/** Whether tensors of `dtype` can be cast: all but complex numbers and those below 8 bits. */
export function isCastSource(dtype: Dtype): boolean {
  return isCastDtype(dtype) || dtype === "BOOL" || dtype === "F8_E8M0";
}
