// Comparison of numbers within a stated tolerance, for every numeric test.

import { AssertionError } from "@std/assert";

/** How far a value may be off: `|actual - want| <= atol + rtol * |want|`. */
export interface Tolerance {
  /** The absolute part. */
  readonly atol: number;
  /** The part relative to the wanted value. */
  readonly rtol: number;
}

/** Fails unless every element is within tolerance; NaN on either side fails. */
export function assertClose(
  actual: ArrayLike<number>,
  want: ArrayLike<number>,
  { atol, rtol }: Tolerance,
  what = "values",
): void {
  if (actual.length !== want.length) {
    throw new AssertionError(`${what}: ${actual.length} values, expected ${want.length}`);
  }
  let bad = 0;
  let worst = -1;
  let worstExcess = -Infinity;
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(actual[i]! - want[i]!);
    const bound = atol + rtol * Math.abs(want[i]!);
    if (error <= bound) continue; // any other outcome, NaN included, is bad
    bad++;
    const excess = Number.isNaN(error) ? Infinity : error - bound;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (bad > 0) {
    throw new AssertionError(
      `${what}: ${bad} of ${want.length} values are off (atol ${atol}, rtol ${rtol}); worst at ` +
        `${worst}: ${actual[worst]}, expected ${want[worst]}`,
    );
  }
}
