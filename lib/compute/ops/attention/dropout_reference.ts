/**
 * Dropout of attention's probabilities by definition.
 *
 * @module
 */

import type { Numbers } from "../linear/reference.ts";

/** Keys and share of zeros as numbers. */
export interface DropoutNumbers {
  /** The four bytes of each token's key, the lowest first, `[tokens, 4]`. */
  readonly keys: Numbers;
  /** Share of zeros, in (0, 1). */
  readonly dropout: number;
}

/**
 * Computes what the probabilities of one token and head are multiplied with.
 *
 * @param numbers Keys and share of zeros.
 * @param token The query's token in the batch.
 * @param head The head.
 * @param length Tokens of its sequence.
 * @returns `f64 [length]`: 0, or 1 / (1 - dropout).
 */
export function dropoutRow(
  { keys, dropout }: DropoutNumbers,
  token: number,
  head: number,
  length: number,
): Float64Array<ArrayBuffer> {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => keys[4 * token + i]!) as [
    number,
    number,
    number,
    number,
  ];
  const key = a + 2 ** 8 * b + 2 ** 16 * c + 2 ** 24 * d;
  return Float64Array.from({ length }, (_, position) => {
    const share = entryBits(key, 2 ** 16 * head + position) / 2 ** 32;
    return share < dropout ? 0 : 1 / (1 - dropout);
  });
}

/** 32 bits of an entry, spread evenly. */
function entryBits(key: number, entry: number): number {
  let bits = key ^ entry;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
