/**
 * The 16-bit floats of model files: IEEE 754 binary16 (F16) and bfloat16 (BF16).
 *
 * All conversions round to nearest, ties to even, exactly once, also from f64. NaN stays NaN,
 * what is too large becomes infinity, signed zeros and subnormals are kept.
 *
 * @module
 */

/**
 * Widens binary16 patterns to f32, which is exact.
 *
 * @param bits One element a pattern, in the host's byte order.
 * @returns A new array of the same length.
 */
export function halfToFloats(bits: Uint16Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return new Float32Array(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
}

/**
 * Rounds numbers to binary16 patterns.
 *
 * @param values Numbers in f32 or f64.
 * @returns A new array of the same length, in the host's byte order.
 */
export function floatsToHalf(values: Float32Array | Float64Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

/**
 * Widens bfloat16 patterns to f32, which is exact: a bfloat16 is the upper half of an f32.
 *
 * @param bits One element a pattern, in the host's byte order.
 * @returns A new array of the same length.
 */
export function bfloat16ToFloats(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < words.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/**
 * Rounds numbers to bfloat16 patterns.
 *
 * @param values Numbers in f32 or f64.
 * @param bits Where the patterns go, of the same length; a new array unless given.
 * @returns `bits`, in the host's byte order.
 */
export function floatsToBfloat16(
  values: Float32Array | Float64Array,
  bits: Uint16Array<ArrayBuffer> = new Uint16Array(values.length),
): Uint16Array<ArrayBuffer> {
  const singles = values instanceof Float32Array ? values : roundOffTies(values);
  const words = new Uint32Array(singles.buffer, singles.byteOffset, singles.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    // A NaN keeps its upper bits and gets the quiet bit, lest it be cut to infinity.
    bits[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}

/** Rounds to f32; what lands on a tie of bfloat16 that was none leans back to where it lay. */
function roundOffTies(values: Float64Array): Float32Array {
  const singles = new Float32Array(values);
  const words = new Uint32Array(singles.buffer);
  for (let i = 0; i < words.length; i++) {
    if ((words[i]! & 0xffff) !== 0x8000 || values[i] === singles[i]) continue;
    words[i]! += Math.abs(values[i]!) > Math.abs(singles[i]!) ? 1 : -1;
  }
  return singles;
}
