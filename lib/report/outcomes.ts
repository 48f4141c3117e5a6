/**
 * What became of each row: confusion, confidence, and rows that changed.
 *
 * @module
 */

import type { CheckPrediction } from "../eval/check.ts";

/** Which of a check's two adapters. */
export type Side = "before" | "after";

/**
 * Counts true classes against predicted ones.
 *
 * @param predictions One prediction a row.
 * @param side Whose predictions.
 * @param classes How many classes there are.
 * @returns Rows by true class, then by predicted class, `classes` x `classes`.
 */
export function confusionCounts(
  predictions: readonly CheckPrediction[],
  side: Side,
  classes: number,
): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const row of predictions) counts[row.label]![row[side].prediction]!++;
  return counts;
}

/**
 * Gives the probability of the class that a row's logits choose.
 *
 * @param logits The classifier's outputs, one a class.
 * @returns The largest value of their softmax.
 */
export function confidence(logits: readonly number[]): number {
  const most = Math.max(...logits);
  return 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
}

/** Rows of about the same confidence. */
export interface ReliabilityBin {
  /** The least confidence that belongs here. */
  readonly from: number;
  /** How many rows. */
  readonly rows: number;
  /** Their mean confidence; 0 without rows. */
  readonly confidence: number;
  /** The share of them that is right; 0 without rows. */
  readonly right: number;
}

/** Bins of confidence, of equal width. */
const BINS = 10;

/**
 * Compares how sure predictions are with how often they are right.
 *
 * @param predictions One prediction a row.
 * @param side Whose predictions.
 * @returns Ten bins of equal width over [0, 1].
 * @see C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks",
 * 2017, section 2
 */
export function reliability(
  predictions: readonly CheckPrediction[],
  side: Side,
): ReliabilityBin[] {
  const sums = Array.from({ length: BINS }, () => ({ rows: 0, confidence: 0, right: 0 }));
  for (const row of predictions) {
    const sure = confidence(row[side].logits);
    const bin = sums[Math.min(BINS - 1, Math.floor(BINS * sure))]!;
    bin.rows++;
    bin.confidence += sure;
    if (row[side].prediction === row.label) bin.right++;
  }
  return sums.map(({ rows, confidence, right }, i) => ({
    from: i / BINS,
    rows,
    confidence: rows === 0 ? 0 : confidence / rows,
    right: rows === 0 ? 0 : right / rows,
  }));
}

/**
 * The expected calibration error: how far confidence and the share of right rows are apart, bin by
 * bin, weighted by rows.
 *
 * @param bins Bins from {@linkcode reliability}, with one row at least.
 * @returns The error, in [0, 1].
 */
export function calibrationError(bins: readonly ReliabilityBin[]): number {
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0);
  const gaps = bins.map((bin) => bin.rows * Math.abs(bin.confidence - bin.right));
  return gaps.reduce((sum, gap) => sum + gap, 0) / rows;
}

/** How many rows each adapter got right, together. */
export interface OutcomeCounts {
  /** Right before and after. */
  readonly bothRight: number;
  /** Right before, wrong after. */
  readonly lost: number;
  /** Wrong before, right after. */
  readonly won: number;
  /** Wrong before and after, with the same class. */
  readonly sameWrong: number;
  /** Wrong before and after, with another class. */
  readonly otherWrong: number;
}

/**
 * Counts what became of the rows of a classification.
 *
 * @param predictions One prediction a row.
 * @returns Counts that add up to all rows.
 */
export function outcomeCounts(predictions: readonly CheckPrediction[]): OutcomeCounts {
  const counts = { bothRight: 0, lost: 0, won: 0, sameWrong: 0, otherWrong: 0 };
  for (const row of predictions) counts[outcomeOf(row)]++;
  return counts;
}

/** What became of one row. */
export function outcomeOf({ label, before, after }: CheckPrediction): keyof OutcomeCounts {
  if (before.prediction === label) return after.prediction === label ? "bothRight" : "lost";
  if (after.prediction === label) return "won";
  return before.prediction === after.prediction ? "sameWrong" : "otherWrong";
}

/** Lost rows come first: they are what a merge is judged by. */
const ORDER = ["lost", "otherWrong", "won"];

/**
 * Picks the rows whose predicted class changed.
 *
 * @param predictions One prediction a row.
 * @returns Lost rows, then those that stayed wrong, then won ones; within each those first of whose
 * new class the adapter after is surest.
 */
export function flippedRows(predictions: readonly CheckPrediction[]): CheckPrediction[] {
  const flipped = predictions
    .filter(({ before, after }) => before.prediction !== after.prediction)
    .map((row) => ({
      row,
      rank: ORDER.indexOf(outcomeOf(row)),
      sure: confidence(row.after.logits),
    }));
  flipped.sort((a, b) => a.rank - b.rank || b.sure - a.sure || a.row.index - b.row.index);
  return flipped.map(({ row }) => row);
}

/**
 * Orders the rows of a regression by how far the output moved.
 *
 * @param predictions One prediction a row.
 * @returns The rows whose output changed, the largest change first.
 */
export function movedRows(predictions: readonly CheckPrediction[]): CheckPrediction[] {
  const change = ({ before, after }: CheckPrediction) =>
    Math.abs(after.prediction - before.prediction);
  return predictions
    .filter((row) => change(row) > 0)
    .sort((a, b) => change(b) - change(a) || a.index - b.index);
}

/**
 * The root of the mean squared error of a regression.
 *
 * @param predictions One prediction a row, one row at least.
 * @param side Whose predictions.
 * @returns The error, in the unit of the labels.
 */
export function rootMeanSquare(predictions: readonly CheckPrediction[], side: Side): number {
  const squares = predictions.map((row) => (row[side].prediction - row.label) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}
