/**
 * 64-bit integers without a bigint for each: read as two 32-bit words, low word first.
 *
 * @module
 */

/** The dtypes that an f64 does not hold exactly. */
export type Int64Dtype = "I64" | "U64";

const HIGH_WORD = 2 ** 32;

interface Words {
  readonly low: Uint32Array;
  /** Read at odd indexes; signed for I64. */
  readonly high: Uint32Array | Int32Array;
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, dtype: Int64Dtype): Words {
  const low = new Uint32Array(buffer, byteOffset, byteLength / 4);
  return { low, high: dtype === "U64" ? low : new Int32Array(buffer, byteOffset, low.length) };
}

/**
 * Decodes to f64, rounding once.
 *
 * @param bytes Elements at a multiple of 4 in their buffer; left unchanged.
 * @param dtype The elements' type.
 * @param target Where they go, one number an element.
 */
export function decodeInt64(bytes: Uint8Array, dtype: Int64Dtype, target: Float64Array): void {
  const { low, high } = wordsOf(bytes, dtype);
  for (let i = 0; i < low.length; i += 2) target[i >> 1] = high[i + 1]! * HIGH_WORD + low[i]!;
}

/**
 * Subtracts element by element: the exact difference, rounded once to f64.
 *
 * @param a What is taken away; elements at a multiple of 4 in their buffer.
 * @param b What it is taken from, as long as `a`.
 * @param dtype The type of both.
 * @param target Where `b - a` goes, one number an element.
 */
export function subtractInt64(
  a: Uint8Array,
  b: Uint8Array,
  dtype: Int64Dtype,
  target: Float64Array,
): void {
  const from = wordsOf(b, dtype);
  const away = wordsOf(a, dtype);
  for (let i = 0; i < away.low.length; i += 2) {
    const high = from.high[i + 1]! - away.high[i + 1]!;
    target[i >> 1] = high * HIGH_WORD + (from.low[i]! - away.low[i]!);
  }
}

/**
 * Finds the least and the largest element, exactly.
 *
 * @param bytes One element or more at a multiple of 4 in their buffer.
 * @param dtype The elements' type.
 * @returns Both.
 */
export function rangeOfInt64(bytes: Uint8Array, dtype: Int64Dtype): [min: bigint, max: bigint] {
  const { low, high } = wordsOf(bytes, dtype);
  let min = 0;
  let max = 0;
  for (let i = 2; i < low.length; i += 2) {
    const top = high[i + 1]!;
    if (top < high[min + 1]! || (top === high[min + 1]! && low[i]! < low[min]!)) min = i;
    if (top > high[max + 1]! || (top === high[max + 1]! && low[i]! > low[max]!)) max = i;
  }
  const at = (i: number) => (BigInt(high[i + 1]!) << 32n) + BigInt(low[i]!);
  return [at(min), at(max)];
}
