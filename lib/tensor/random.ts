/**
 * Seeded random numbers: the same seed gives the same numbers on every machine.
 *
 * @module
 */

/**
 * Makes a generator of uniform 32-bit integers.
 *
 * @param seed An integer in [0, 2^32).
 * @returns A function; each call gives the next integer in [0, 2^32).
 * @see sfc32, "small fast counter" by C. Doty-Humphrey (PractRand, public domain)
 */
export function seededUint32(seed: number): () => number {
  const state = Uint32Array.of(0x9e3779b9, 0x243f6a88, seed, 1);
  const next = () => {
    // One by one: destructuring iterates, which takes ten times as long.
    const a = state[0]!;
    const b = state[1]!;
    const c = state[2]!;
    const counter = state[3]!;
    const sum = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return sum;
  };
  // Seeds that differ in one bit give unrelated numbers only after some rounds of mixing.
  for (let i = 0; i < 16; i++) next();
  return next;
}

/**
 * Draws normally distributed numbers of mean 0 and standard deviation 1.
 *
 * @param length How many, in elements.
 * @param next Where the random bits come from, as {@linkcode seededUint32} makes it.
 * @returns A new array, f64 [length].
 * @see Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958
 */
export function gaussians(length: number, next: () => number): Float64Array<ArrayBuffer> {
  const values = new Float64Array(length);
  for (let i = 0; i < length; i += 2) {
    // Half a step away from 0, so that the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log((next() + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * next()) / 2 ** 32;
    values[i] = radius * Math.cos(angle);
    if (i + 1 < length) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
