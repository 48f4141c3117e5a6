/**
 * The element types of safetensors 0.8.0: the one table of their names, widths and order.
 *
 * @module
 */

/**
 * Every dtype that a safetensors header may name. `rank` is the order in which the reference
 * writer sorts tensors (descending); `bits` is the width of one element.
 */
export const DTYPES = {
  BOOL: { rank: 0, bits: 8 },
  F4: { rank: 1, bits: 4 },
  F6_E2M3: { rank: 2, bits: 6 },
  F6_E3M2: { rank: 3, bits: 6 },
  U8: { rank: 4, bits: 8 },
  I8: { rank: 5, bits: 8 },
  F8_E5M2: { rank: 6, bits: 8 },
  F8_E4M3: { rank: 7, bits: 8 },
  F8_E8M0: { rank: 8, bits: 8 },
  F8_E4M3FNUZ: { rank: 9, bits: 8 },
  F8_E5M2FNUZ: { rank: 10, bits: 8 },
  I16: { rank: 11, bits: 16 },
  U16: { rank: 12, bits: 16 },
  F16: { rank: 13, bits: 16 },
  BF16: { rank: 14, bits: 16 },
  I32: { rank: 15, bits: 32 },
  U32: { rank: 16, bits: 32 },
  F32: { rank: 17, bits: 32 },
  C64: { rank: 18, bits: 64 },
  F64: { rank: 19, bits: 64 },
  I64: { rank: 20, bits: 64 },
  U64: { rank: 21, bits: 64 },
} as const satisfies Record<string, { rank: number; bits: number }>;

/** An element type, spelled as in a safetensors header. */
export type Dtype = keyof typeof DTYPES;

/** Whether `name` is the exact spelling of a known dtype. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPES, name);
}

/** The dtypes that `decodeFloats` and `encodeFloats` handle: model weights. */
export type FloatDtype = "F32" | "F16" | "BF16" | "F64";

/** Whether tensors of `dtype` can be decoded to f32 as model weights. */
export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16" || dtype === "F64";
}
