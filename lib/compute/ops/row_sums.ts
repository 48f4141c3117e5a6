/**
 * Sums over a row and what follows from them, as macros for WebAssembly kernels: four columns at a
 * time.
 *
 * @module
 */

import { F32, type I32, V128 } from "../assembler/expressions.ts";
import type { FunctionBuilder } from "../assembler/module.ts";
import { F32_BYTES } from "./job.ts";
import { firstLanes, sumOf } from "./vector_math.ts";

const VECTOR_BYTES = 16;
const LANES = 4;

/**
 * Calls back with the offset of each four columns, the spare ones of the last included.
 *
 * @param f The function to append to.
 * @param bytes Bytes of the columns.
 * @param body Appends what is done with four columns.
 */
export function forEachVector(f: FunctionBuilder, bytes: I32, body: (offset: I32) => void): void {
  f.for(0, bytes, VECTOR_BYTES, body);
}

/**
 * Sums terms over the columns of a row; spare columns do not count.
 *
 * @param f The function to append to.
 * @param cols Columns, in elements.
 * @param term The terms of the four columns at an offset in bytes.
 * @returns The sum.
 */
export function sumOverRow(f: FunctionBuilder, cols: I32, term: (offset: I32) => V128): F32 {
  const whole = f.let(cols.and(-LANES).mul(F32_BYTES));
  const sum = f.let(V128.zero());
  forEachVector(f, whole, (offset) => f.set(sum, sum.add(term(offset))));
  const rest = f.let(cols.and(LANES - 1));
  f.when(rest, () => {
    const tail = f.let(term(whole));
    f.set(sum, sum.add(tail.and(firstLanes(rest))));
  });
  return sumOf(sum);
}

/**
 * The mean of a row and the factor that makes its variance 1. The mean is taken relative to the
 * row's first number, so that a row of equal numbers has exactly their mean.
 *
 * @param f The function to append to.
 * @param row The address of the row.
 * @param cols Columns, in elements.
 * @param eps Added to the variance.
 * @returns Local variables, each number in all lanes: the mean, and 1 / sqrt(variance + eps).
 */
export function rowStatistics(
  f: FunctionBuilder,
  row: I32,
  cols: I32,
  eps: F32,
): { readonly mean: V128; readonly gain: V128 } {
  const first = f.let(row.loadSplat());
  const sum = sumOverRow(f, cols, (offset) => row.add(offset).load().sub(first));
  const mean = f.let(first.add(sum.div(cols.toF32()).splat()));
  const squares = sumOverRow(f, cols, (offset) => {
    const d = f.let(row.add(offset).load().sub(mean));
    return d.mul(d);
  });
  const variance = squares.div(cols.toF32());
  return { mean, gain: f.let(F32.of(1).div(variance.add(eps).sqrt()).splat()) };
}

/**
 * Writes `x + residual`, or a copy of `x` where there is no residual.
 *
 * @param f The function to append to.
 * @param to Where the row goes.
 * @param from Addresses of the two rows; the residual's may be 0.
 * @param bytes Bytes of the columns.
 */
export function addResidual(
  f: FunctionBuilder,
  to: I32,
  { x, residual }: { readonly x: I32; readonly residual: I32 },
  bytes: I32,
): void {
  f.when(
    residual,
    () =>
      forEachVector(f, bytes, (offset) => {
        f.store(to.add(offset), x.add(offset).load().add(residual.add(offset).load()));
      }),
    () => f.copy(to, x, bytes),
  );
}
