/**
 * Dropout of attention's probabilities, for training: which entries are dropped follows from a key
 * for each query token, so that no mask is kept or sent, and the way back finds the same ones.
 *
 * The 32 bits of an entry are those of MurmurHash3's last step by A. Appleby, public domain, at
 * `key ^ (head << 16 | position of the key token in its sequence)`. The entry is dropped where they
 * are below `dropout * 2^32`; the others are divided by `1 - dropout`.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { expectCols, expectRows } from "../guards.ts";

/** Columns of the keys: a key is four bytes, a number each, which every format of values can hold. */
export const KEY_BYTES = 4;

/** Which of attention's probabilities an operation drops; none where both are left out. */
export interface AttentionDropout {
  /** The four bytes of each query token's key, the lowest first, `[tokens, 4]`. */
  readonly keys?: Value;
  /** Share of zeros, in (0, 1). */
  readonly dropout?: number;
}

/**
 * Checks what an operation drops.
 *
 * @param name The operation.
 * @param op Keys and share.
 * @throws {TypeError} When the keys' shape does not fit, or keys or share are given alone.
 * @throws {RangeError} When the share is not between 0 and 1.
 */
export function checkDropout(name: string, { keys, dropout }: AttentionDropout): void {
  if (keys === undefined && dropout === undefined) return;
  if (keys === undefined || dropout === undefined) {
    const [found, missing] = keys === undefined ? ["a share", "keys"] : ["keys", "a share"];
    throw new TypeError(`Cannot run ${name} with dropout: ${found} but no ${missing} was given`);
  }
  expectRows(name, keys, "tokens");
  expectCols(name, keys, KEY_BYTES);
  if (dropout > 0 && dropout < 1) return;
  throw new RangeError(
    `Cannot run ${name}: the dropout is ${dropout}, expected a number between 0 and 1`,
  );
}

/**
 * What kernels are told of a share of zeros.
 *
 * @param dropout The share, in (0, 1); 0 where nothing is dropped.
 * @returns Bits below `threshold`, an integer in [0, 2^32), are dropped; `gain` is what the others
 * are multiplied with.
 */
export function dropoutNumbers(dropout = 0): { threshold: number; gain: number } {
  return { threshold: Math.floor(dropout * 2 ** 32), gain: 1 / (1 - dropout) };
}
