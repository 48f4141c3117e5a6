/**
 * One model's outputs against another's on the same rows: what a merge cost.
 *
 * @module
 */

import { DataError, TinygraftError } from "../errors.ts";
import type { Metric } from "../text/tasks.ts";
import { pearson } from "./correlation.ts";
import {
  accuracy,
  argmax,
  computeMetric,
  countCorrect,
  outputValues,
  type Predictions,
} from "./metrics.ts";
import { correctRows, type McNemar, mcnemar, pairedBootstrap } from "./significance.ts";

/** What a model gave for the rows of a data set. */
export interface Outputs {
  /** The logits, f32 [rows, cols], row-major; one column for regression. */
  readonly logits: Float32Array;
  /** Rows of the data set, in elements. */
  readonly rows: number;
  /** Rows of the classifier, in elements. */
  readonly cols: number;
}

/** A value for each metric that was asked for. */
export type MetricValues = Readonly<Partial<Record<Metric, number>>>;

/** How sure the drop is. */
export interface Significance {
  /** McNemar's exact test of the rows right before and after; classification only. */
  readonly mcnemar?: McNemar;
  /** The paired bootstrap 95 % interval of the drop. */
  readonly interval: readonly [low: number, high: number];
}

/** What {@linkcode compareOutputs} found. */
export interface Comparison {
  /** How many rows were compared. */
  readonly examples: number;
  /** The metric that `drop` and `significance` are about. */
  readonly metric: Metric;
  /** Metrics of the model before. */
  readonly before: MetricValues;
  /** Metrics of the model after. */
  readonly after: MetricValues;
  /** `metric` before minus after, as a fraction; negative when it rose. */
  readonly drop: number;
  /**
   * Classification: the share of rows for which both models predict the same class. Regression:
   * Pearson's correlation of both models' outputs, 1 when the outputs are the same.
   */
  readonly agreement: number;
  /** The largest difference between a logit before and after. */
  readonly maxLogitDifference: number;
  /** How sure the drop is. */
  readonly significance: Significance;
}

/** How {@linkcode compareOutputs} is to judge. */
export interface CompareOptions {
  /** Whether the outputs are logits of classes or one value. */
  readonly kind: "classification" | "regression";
  /** The metric that the drop is about. */
  readonly metric: Metric;
  /** Metrics to report beside it. */
  readonly alsoReport: readonly Metric[];
  /** Seed of the bootstrap; 0 by default. */
  readonly seed?: number;
}

/**
 * Compares what two models gave for the same rows.
 *
 * @param before Outputs of the model before; not kept.
 * @param after Outputs of the model after, in the same shape; not kept.
 * @param targets The true class of each row, u32 [rows], or its true value, f64 [rows]; not kept.
 * @param options The kind of task and its metrics; see {@linkcode CompareOptions}.
 * @returns Metrics, drop, agreement, largest logit difference and significance.
 * @throws {DataError} with code `empty-data` when there are no rows.
 * @throws {TinygraftError} with code `label-mismatch` when the models have different classifiers or
 * a target is no row of the classifier, and `non-finite` when an output or target is not a finite
 * number.
 * @throws {RangeError} when the numbers of rows differ.
 * @throws {TypeError} when a metric or the targets are not for this kind of task.
 *
 * @example One of three rows lost
 * ```ts
 * import { compareOutputs } from "tinygraft";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const before = { logits: Float32Array.of(0, 1, 1, 0, 0, 1), rows: 3, cols: 2 };
 * const after = { logits: Float32Array.of(0, 1, 0, 1, 0, 1), rows: 3, cols: 2 };
 * const result = compareOutputs(before, after, Uint32Array.of(1, 0, 1), {
 *   kind: "classification",
 *   metric: "accuracy",
 *   alsoReport: [],
 * });
 * assertEquals(result.before.accuracy, 1);
 * assertAlmostEquals(result.drop, 1 / 3);
 * assertEquals(result.maxLogitDifference, 1);
 * ```
 */
export function compareOutputs(
  before: Outputs,
  after: Outputs,
  targets: Uint32Array | Float64Array,
  options: CompareOptions,
): Comparison {
  requireComparable(before, after, targets);
  const { kind, metric, alsoReport, seed = 0 } = options;
  const predictions = readPredictions(before, targets, kind);
  const predictionsAfter = readPredictions(after, targets, kind);
  const interval = pairedBootstrap({ metric, before: predictions, after: predictionsAfter, seed });
  const shared = {
    examples: before.rows,
    metric,
    before: valuesOf([metric, ...alsoReport], predictions),
    after: valuesOf([metric, ...alsoReport], predictionsAfter),
    drop: dropOf(metric, predictions, predictionsAfter),
    maxLogitDifference: largestDifference(before.logits, after.logits),
  };
  if (predictions.kind === "classification" && predictionsAfter.kind === "classification") {
    const test = mcnemar(correctRows(predictions), correctRows(predictionsAfter));
    const agreement = accuracy({ ...predictionsAfter, targets: predictions.predicted });
    return { ...shared, agreement, significance: { mcnemar: test, interval } };
  }
  // Equal constants have no correlation, and yet agree.
  const agreement = shared.maxLogitDifference === 0
    ? 1
    : pearson(outputValues(before.logits, before.rows), outputValues(after.logits, after.rows));
  return { ...shared, agreement, significance: { interval } };
}

/**
 * Reads predictions out of a model's outputs.
 *
 * @param outputs The outputs; not kept.
 * @param targets The true class of each row, u32 [rows], or its true value, f64 [rows]; kept.
 * @param kind Whether the outputs are logits of classes or one value.
 * @returns Predictions beside targets, for `computeMetric`.
 * @throws {TinygraftError} with code `label-mismatch` when a target is no row of the classifier or
 * a regression has another number of outputs than one, and `non-finite` when an output or target
 * is not a finite number.
 * @throws {TypeError} when the targets are not for this kind of task.
 */
export function readPredictions(
  { logits, rows, cols }: Outputs,
  targets: Uint32Array | Float64Array,
  kind: "classification" | "regression",
): Predictions {
  if (kind === "classification" && targets instanceof Uint32Array) {
    const stray = targets.findIndex((target) => target >= cols);
    if (stray >= 0) {
      throw new TinygraftError(
        `Cannot evaluate the outputs: row ${stray}, counted from 0, is of class ` +
          `${
            targets[stray]
          }, expected one of the classifier's ${cols}: use an adapter for this task`,
        { code: "label-mismatch" },
      );
    }
    return { kind, predicted: argmax(logits, rows, cols), targets };
  }
  if (kind === "regression" && targets instanceof Float64Array) {
    requireOneOutput(cols);
    const stray = targets.findIndex((target) => !Number.isFinite(target));
    if (stray >= 0) {
      throw new TinygraftError(
        `Cannot evaluate the outputs: row ${stray}, counted from 0, has the target ` +
          `${targets[stray]}, expected a finite number: correct the data set`,
        { code: "non-finite" },
      );
    }
    return { kind, predicted: outputValues(logits, rows), targets };
  }
  throw new TypeError(
    `Cannot evaluate the outputs: the targets are a ${targets.constructor.name}, expected ` +
      `${kind === "classification" ? "classes in a Uint32Array" : "values in a Float64Array"}`,
  );
}

function requireOneOutput(cols: number): void {
  if (cols === 1) return;
  throw new TinygraftError(
    `Cannot evaluate the outputs: the classifier has ${cols} rows, expected 1 for a regression: ` +
      `use an adapter for this task`,
    { code: "label-mismatch" },
  );
}

function requireComparable(
  before: Outputs,
  after: Outputs,
  targets: Uint32Array | Float64Array,
): void {
  if (before.cols !== after.cols) {
    throw new TinygraftError(
      `Cannot compare the outputs: there are ${before.cols} logits a row before and ` +
        `${after.cols} after, expected the same: use adapters for one task`,
      { code: "label-mismatch" },
    );
  }
  if (before.rows === 0) {
    throw new DataError("Cannot compare the outputs: there are no rows, expected at least one", {
      code: "empty-data",
    });
  }
  const wanted = before.rows * before.cols;
  if (
    before.logits.length !== wanted || after.logits.length !== wanted ||
    after.rows !== before.rows || targets.length !== before.rows
  ) {
    throw new RangeError(
      `Cannot compare the outputs: there are ${before.rows} rows before (${before.logits.length} ` +
        `logits), ${after.rows} after (${after.logits.length} logits) and ${targets.length} ` +
        `targets, expected the same rows: run both models on one data set`,
    );
  }
}

function valuesOf(metrics: readonly Metric[], predictions: Predictions): MetricValues {
  const values: Partial<Record<Metric, number>> = {};
  for (const metric of metrics) values[metric] = computeMetric(metric, predictions);
  return values;
}

function dropOf(metric: Metric, before: Predictions, after: Predictions): number {
  if (before.kind === "classification" && after.kind === "classification") {
    // From whole counts: 0.85 - 0.84 would exceed a limit of 0.01 by rounding alone.
    const lost = countCorrect(before) - countCorrect(after);
    if (metric === "accuracy") return lost / before.targets.length;
  }
  return computeMetric(metric, before) - computeMetric(metric, after);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
