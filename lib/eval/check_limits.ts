/**
 * What a check must keep to, and which of it was broken.
 *
 * @module
 */

import type { Baseline } from "./baseline.ts";
import type { Comparison } from "./compare.ts";

/** Metrics closer than this count as equal to a baseline's: devices round differently. */
const ROUNDING = 1e-6;

/** What a check must keep to. */
export interface CheckLimits {
  /** The largest drop of the metric that still passes, as a fraction. */
  readonly maxDrop: number;
  /** The largest upper end of the drop's 95 % interval that passes; any when left out. */
  readonly maxDropUpper?: number | undefined;
  /** An earlier check whose metric after must be reached. */
  readonly baseline?: Baseline | undefined;
  /** How far below the baseline's the metric may be, as a fraction; 0 when left out. */
  readonly maxRegression?: number | undefined;
}

/** One limit that was broken. */
export interface CheckFailure {
  /** Which limit. */
  readonly code: "max-drop" | "max-drop-upper" | "baseline";
  /** What was found and what is allowed, in points: hundredths of the metric. */
  readonly message: string;
}

/**
 * Judges a comparison.
 *
 * @param comparison The comparison.
 * @param limits What it must keep to; a baseline on the same ground.
 * @returns The limits that it breaks; none when it passes.
 */
export function judgeLimits(comparison: Comparison, limits: CheckLimits): CheckFailure[] {
  const { metric, drop, significance: { interval } } = comparison;
  const { maxDrop, maxDropUpper, baseline, maxRegression = 0 } = limits;
  const failures: CheckFailure[] = [];
  // Written so that NaN, which no comparison holds for, fails.
  if (!(drop <= maxDrop)) {
    failures.push({
      code: "max-drop",
      message: `${metric} drops by ${points(drop)} points, at most ${points(maxDrop)} are allowed`,
    });
  }
  const upper = interval[1];
  if (maxDropUpper !== undefined && !(upper <= maxDropUpper)) {
    failures.push({
      code: "max-drop-upper",
      message: `${metric} may drop by ${points(upper)} points (upper end of the 95 % interval), ` +
        `at most ${points(maxDropUpper)} are allowed`,
    });
  }
  const after = comparison.after[metric] ?? NaN;
  if (baseline !== undefined && !(baseline.value - after <= maxRegression + ROUNDING)) {
    failures.push({
      code: "baseline",
      message: `${metric} is ${points(after)}, ${points(baseline.value - after)} points below ` +
        `the baseline's ${points(baseline.value)}, at most ${points(maxRegression)} are allowed`,
    });
  }
  return failures;
}

function points(value: number): string {
  return (100 * value).toFixed(2);
}
