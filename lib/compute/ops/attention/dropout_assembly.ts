/**
 * Dropout of attention's probabilities in WebAssembly, a row of them at a time.
 *
 * @module
 */

import { type F32, I32, V128 } from "../../assembler/expressions.ts";
import type { FunctionBuilder } from "../../assembler/module.ts";
import { F32_BYTES } from "../job.ts";

const VECTOR_BYTES = 16;

/** Factors of MurmurHash3's last step, and the bits that it shifts by before them. */
const ROUNDS = [[16, 0x85ebca6b], [13, 0xc2b2ae35]] as const;

/** What a row is told; all but the row are of the operation. */
export interface DropoutArgs {
  /** The key of the row's token, four floats; 0 where nothing is dropped. */
  readonly key: I32;
  /** The head. */
  readonly head: I32;
  /** Entries of fewer bits are dropped. */
  readonly threshold: I32;
  /** What the others are multiplied with. */
  readonly keepGain: F32;
}

/**
 * Multiplies a row by what dropout makes of them, in place, four at a time; entries past the last are
 * written, too.
 *
 * @param f The function to append to.
 * @param row The address of the row.
 * @param length How many numbers it has.
 * @param args Which row it is.
 */
export function dropRow(
  f: FunctionBuilder,
  row: I32,
  length: I32,
  { key, head, threshold, keepGain }: DropoutArgs,
): void {
  const bytes = [0, 1, 2, 3].map((i) => key.loadF32(F32_BYTES * i).toI32().shl(8 * i));
  // A sum for want of an or: the bytes have no bit in common.
  const whole = bytes.reduce((sum, byte) => sum.add(byte));
  const keys = f.let(whole.splat());
  const entries = f.let(head.shl(16).splat().addIntegers(V128.integers(0, 1, 2, 3)));
  const limit = f.let(threshold.splat());
  const gain = f.let(keepGain.splat());
  f.for(0, f.let(length.mul(F32_BYTES)), VECTOR_BYTES, (at) => {
    const bits = f.let(keys.xor(entries));
    for (const [shift, factor] of ROUNDS) {
      f.set(bits, bits.xor(bits.shrIntegers(shift)).mulIntegers(I32.of(factor | 0).splat()));
    }
    f.set(bits, bits.xor(bits.shrIntegers(16)));
    const factors = f.let(gain.and(bits.geUnsigned(limit)));
    f.store(row.add(at), row.add(at).load().mul(factors));
    f.set(entries, entries.addIntegers(V128.integers(4, 4, 4, 4)));
  });
}
