/**
 * Sums over the rows of a matrix, as macros for WebAssembly kernels: eight columns at a time.
 *
 * @module
 */

import { I32, V128 } from "../assembler/expressions.ts";
import type { FunctionBuilder } from "../assembler/module.ts";
import { F32_BYTES, PANEL } from "./job.ts";

const VECTOR_BYTES = 16;
const LANES = 4;
const HALVES = [0, 1] as const;

/** Eight columns: two vectors. */
export type EightColumns = readonly [V128, V128];

/**
 * Makes sums that begin with zero.
 *
 * @param f The function to append to.
 * @returns Two local variables.
 */
export function zeroSums(f: FunctionBuilder): EightColumns {
  return [f.let(V128.zero()), f.let(V128.zero())];
}

/**
 * Loads eight columns.
 *
 * @param f The function to append to.
 * @param address Where the first is.
 * @returns Two local variables.
 */
export function loadEight(f: FunctionBuilder, address: I32): EightColumns {
  return [f.let(address.load()), f.let(address.load(VECTOR_BYTES))];
}

/**
 * Writes the first of eight numbers; what lies behind them may belong to others.
 *
 * @param f The function to append to.
 * @param address Where the first goes.
 * @param numbers The numbers, local variables.
 * @param count How many are written, if less than eight.
 */
export function storeFirst(
  f: FunctionBuilder,
  address: I32,
  numbers: EightColumns,
  count: I32,
): void {
  f.when(
    count.lt(PANEL),
    () => {
      for (let i = 0; i < PANEL - 1; i++) {
        f.when(I32.of(i).lt(count), () => {
          f.store(address, numbers[i < LANES ? 0 : 1].lane(i % LANES), i * F32_BYTES);
        });
      }
    },
    () => {
      for (const half of HALVES) f.store(address, numbers[half], half * VECTOR_BYTES);
    },
  );
}
