// How sure a metric on a dev set is, and tables of such figures in Markdown.

import { accuracy, computeMetric, type Predictions } from "../lib/eval/metrics.ts";
import { seededUint32 } from "../lib/tensor/random.ts";
import type { Metric } from "../lib/text/tasks.ts";

const RESAMPLES = 2000;

/**
 * Estimates how far a metric would vary on other rows of the same kind.
 *
 * @param metric The metric.
 * @param predictions What a model gave for the rows, beside the truth.
 * @returns Its standard error, as a fraction: the binomial one of an accuracy, else the standard
 * deviation of the metric over 2,000 bootstrap resamples.
 */
export function standardError(metric: Metric, predictions: Predictions): number {
  const rows = predictions.targets.length;
  if (metric === "accuracy" && predictions.kind === "classification") {
    const share = accuracy(predictions);
    return Math.sqrt(share * (1 - share) / rows);
  }
  const next = seededUint32(0);
  const values = Array.from({ length: RESAMPLES }, () => {
    const drawn = Uint32Array.from({ length: rows }, () => Math.floor(next() / 2 ** 32 * rows));
    return computeMetric(metric, resampled(predictions, drawn));
  });
  return deviation(values);
}

function resampled(predictions: Predictions, drawn: Uint32Array): Predictions {
  if (predictions.kind === "classification") {
    const { kind, predicted, targets } = predictions;
    return {
      kind,
      predicted: drawn.map((row) => predicted[row]!),
      targets: drawn.map((row) => targets[row]!),
    };
  }
  const { kind, predicted, targets } = predictions;
  return {
    kind,
    predicted: Float64Array.from(drawn, (row) => predicted[row]!),
    targets: Float64Array.from(drawn, (row) => targets[row]!),
  };
}

/** The mean of some numbers; NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The sample standard deviation of some numbers; NaN of fewer than two. */
export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** A fraction in hundredths, as papers give metrics; a dash for none. */
export function points(fraction: number | undefined, digits = 1): string {
  return fraction === undefined || Number.isNaN(fraction) ? "–" : (100 * fraction).toFixed(digits);
}

/** Points lost with the ends of their interval. */
export function pointsWithInterval(
  drop: number,
  [low, high]: readonly [low: number, high: number],
): string {
  return `${points(drop, 2)} (${points(low, 2)} to ${points(high, 2)})`;
}

/**
 * Sets rows as a table in Markdown.
 *
 * @param header Titles.
 * @param rows Cells, as many in each row as titles.
 * @param texts Leading columns that are set left; the others are numbers, set right.
 * @returns Lines.
 */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  texts = 1,
): string {
  const rules = header.map((_, column) => column < texts ? "---" : "--:");
  return [header, rules, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
