/**
 * The GLUE metrics, each by its definition, over predictions and targets of the same rows.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { Metric } from "../text/tasks.ts";
import { pearson, spearman } from "./correlation.ts";

export { pearson, spearman };

/** A classifier's choices beside the true classes, one pair a row. */
export interface ClassPredictions {
  /** Says that rows hold classes. */
  readonly kind: "classification";
  /** The predicted class of each row, u32 [rows]. */
  readonly predicted: Uint32Array;
  /** The true class of each row, u32 [rows]. */
  readonly targets: Uint32Array;
}

/** A regression's outputs beside the true values, one pair a row. */
export interface ValuePredictions {
  /** Says that rows hold values. */
  readonly kind: "regression";
  /** The output for each row, f64 [rows]. */
  readonly predicted: Float64Array;
  /** The true value of each row, f64 [rows]. */
  readonly targets: Float64Array;
}

/** Predictions of either kind. */
export type Predictions = ClassPredictions | ValuePredictions;

/** The class that F1 and Matthews correlation take as positive: row 1 of the classifier. */
export const POSITIVE_CLASS = 1;

/** Counts of the two-by-two table of true and predicted class. */
export interface Confusion {
  /** Positive rows predicted positive. */
  readonly truePositive: number;
  /** Negative rows predicted positive. */
  readonly falsePositive: number;
  /** Positive rows predicted negative. */
  readonly falseNegative: number;
  /** Negative rows predicted negative. */
  readonly trueNegative: number;
}

/**
 * Finds the class of the largest logit in each row; the first of equal logits wins.
 *
 * @param logits f32 [rows, cols], row-major; not kept.
 * @param rows Rows, in elements.
 * @param cols Classes, in elements.
 * @returns A new array of class indices, u32 [rows].
 * @throws {TinygraftError} with code `non-finite` when a logit is NaN or infinite: such a row has
 * no prediction, and counting it as wrong would hide the fault.
 */
export function argmax(
  logits: Float32Array,
  rows: number,
  cols: number,
): Uint32Array<ArrayBuffer> {
  const classes = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    let best = 0;
    for (let col = 0; col < cols; col++) {
      const logit = finiteLogit(logits, row, cols, col);
      if (logit > logits[row * cols + best]!) best = col;
    }
    classes[row] = best;
  }
  return classes;
}

/**
 * Reads the single output of each row as a value.
 *
 * @param logits f32 [rows, 1]; not kept.
 * @param rows Rows, in elements.
 * @returns A new array, f64 [rows].
 * @throws {TinygraftError} with code `non-finite` when an output is NaN or infinite.
 */
export function outputValues(logits: Float32Array, rows: number): Float64Array<ArrayBuffer> {
  return Float64Array.from({ length: rows }, (_, row) => finiteLogit(logits, row, 1, 0));
}

function finiteLogit(logits: Float32Array, row: number, cols: number, col: number): number {
  const logit = logits[row * cols + col]!;
  if (Number.isFinite(logit)) return logit;
  throw new TinygraftError(
    `Cannot evaluate the outputs: row ${row}, counted from 0, has the logit ${logit} in column ` +
      `${col}, expected a finite number: check the base's and the adapter's weights`,
    { code: "non-finite" },
  );
}

/** Counts the rows whose predicted class is the true one. */
export function countCorrect({ predicted, targets }: ClassPredictions): number {
  let correct = 0;
  for (let row = 0; row < targets.length; row++) {
    if (predicted[row] === targets[row]) correct++;
  }
  return correct;
}

/** Counts the table of true and predicted class, {@linkcode POSITIVE_CLASS} against the rest. */
export function confusion({ predicted, targets }: ClassPredictions): Confusion {
  // counts[2 * (truly positive) + (predicted positive)]
  const counts = [0, 0, 0, 0];
  for (let row = 0; row < targets.length; row++) {
    const truly = targets[row] === POSITIVE_CLASS ? 2 : 0;
    counts[truly + (predicted[row] === POSITIVE_CLASS ? 1 : 0)]!++;
  }
  const [trueNegative, falsePositive, falseNegative, truePositive] = counts as [
    number,
    number,
    number,
    number,
  ];
  return { truePositive, falsePositive, falseNegative, trueNegative };
}

/** The share of rows predicted right, in [0, 1]. */
export function accuracy(predictions: ClassPredictions): number {
  return countCorrect(predictions) / predictions.targets.length;
}

/** F1 of the positive class; see {@linkcode f1Of}. */
export function f1(predictions: ClassPredictions): number {
  return f1Of(confusion(predictions));
}

/** The mean of every class's F1; see {@linkcode macroF1Of}. */
export function macroF1({ predicted, targets }: ClassPredictions): number {
  return macroF1Of(Array.from(targets, (target, row) => [target, predicted[row]!, 1]));
}

/**
 * The mean of every class's F1, each with that class as the positive one; classes that are neither
 * true nor predicted in any row are left out, as in scikit-learn.
 *
 * @param cells True class, predicted class and how many rows have these; a pair may occur twice.
 * @returns The mean in [0, 1].
 */
export function macroF1Of(
  cells: readonly (readonly [truth: number, predicted: number, rows: number])[],
): number {
  // Of each class: its true rows and its predicted ones, together, and the rows that are both.
  const either = new Map<number, number>();
  const both = new Map<number, number>();
  const add = (to: Map<number, number>, label: number, rows: number) =>
    to.set(label, (to.get(label) ?? 0) + rows);
  for (const [truth, predicted, rows] of cells) {
    if (rows === 0) continue;
    add(either, truth, rows);
    add(either, predicted, rows);
    if (truth === predicted) add(both, truth, rows);
  }
  let sum = 0;
  for (const [label, rows] of either) sum += (2 * (both.get(label) ?? 0)) / rows;
  return sum / either.size;
}

/** Matthews correlation of the positive class; see {@linkcode matthewsOf}. */
export function matthews(predictions: ClassPredictions): number {
  return matthewsOf(confusion(predictions));
}

/**
 * The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN).
 *
 * @param counts The table of true and predicted class.
 * @returns F1 in [0, 1]; 0 when no row is or is predicted positive.
 */
export function f1Of({ truePositive, falsePositive, falseNegative }: Confusion): number {
  const denominator = 2 * truePositive + falsePositive + falseNegative;
  return denominator === 0 ? 0 : (2 * truePositive) / denominator;
}

/**
 * The correlation of true and predicted class.
 *
 * @param counts The table of true and predicted class.
 * @returns The correlation in [-1, 1]; 0 when all rows are, or are predicted, of one class.
 * @see B. W. Matthews, "Comparison of the predicted and observed secondary structure of T4 phage
 * lysozyme", 1975
 */
export function matthewsOf(
  { truePositive: tp, falsePositive: fp, falseNegative: fn, trueNegative: tn }: Confusion,
): number {
  const denominator = Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
  return denominator === 0 ? 0 : (tp * tn - fp * fn) / denominator;
}

/**
 * Computes one metric.
 *
 * @param metric Which; see the function of the same name.
 * @param predictions Predictions and targets, at least one row.
 * @returns The metric's value: [0, 1] for accuracy and F1, [-1, 1] for the others.
 * @throws {TypeError} when the metric is not for this kind of predictions.
 *
 * @example Accuracy and F1 of four rows
 * ```ts
 * import { computeMetric } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const predictions = {
 *   kind: "classification",
 *   predicted: Uint32Array.of(1, 1, 0, 0),
 *   targets: Uint32Array.of(1, 0, 0, 1),
 * } as const;
 * assertEquals(computeMetric("accuracy", predictions), 0.5);
 * assertEquals(computeMetric("f1", predictions), 0.5);
 * ```
 */
export function computeMetric(metric: Metric, predictions: Predictions): number {
  if (predictions.kind === "classification") {
    if (metric === "accuracy") return accuracy(predictions);
    if (metric === "f1") return f1(predictions);
    if (metric === "macroF1") return macroF1(predictions);
    if (metric === "matthews") return matthews(predictions);
  } else {
    if (metric === "pearson") return pearson(predictions.predicted, predictions.targets);
    if (metric === "spearman") return spearman(predictions.predicted, predictions.targets);
  }
  throw new TypeError(
    `Cannot compute "${metric}": it is not defined for ${predictions.kind}: choose another metric`,
  );
}
