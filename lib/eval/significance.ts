/**
 * Whether a difference between two models on the same rows is more than chance.
 *
 * @module
 */

import { seededUint32 } from "../tensor/random.ts";
import type { Metric } from "../text/tasks.ts";
import { ascending, averageRanks, pearson } from "./correlation.ts";
import {
  type ClassPredictions,
  type Confusion,
  f1Of,
  macroF1Of,
  matthewsOf,
  POSITIVE_CLASS,
  type Predictions,
  type ValuePredictions,
} from "./metrics.ts";

/** What McNemar's test found. */
export interface McNemar {
  /** The two-sided p value, in [0, 1]. */
  readonly p: number;
  /** Rows that only the model before got right. */
  readonly onlyBefore: number;
  /** Rows that only the model after got right. */
  readonly onlyAfter: number;
}

/**
 * McNemar's exact test: were both models equally good, then each row that only one of them got
 * right would be a fair coin. p is twice the binomial tail of the rarer side, at most 1.
 *
 * @param beforeCorrect Whether the model before was right (1) or wrong (0), one a row; not kept.
 * @param afterCorrect The same for the model after, on the same rows; not kept.
 * @returns p and the counts it comes from; p is 1 when no row tells the models apart.
 * @throws {RangeError} when the lists differ in length.
 * @see Q. McNemar, "Note on the sampling error of the difference between correlated proportions
 * or percentages", 1947
 *
 * @example Six rows lost and none won
 * ```ts
 * import { mcnemar } from "tinygraft";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { p } = mcnemar(Uint8Array.of(1, 1, 1, 1, 1, 1, 0), Uint8Array.of(0, 0, 0, 0, 0, 0, 0));
 * assertAlmostEquals(p, 2 / 2 ** 6);
 * ```
 */
export function mcnemar(beforeCorrect: Uint8Array, afterCorrect: Uint8Array): McNemar {
  requireSameRows(beforeCorrect.length, afterCorrect.length);
  let onlyBefore = 0;
  let onlyAfter = 0;
  for (let row = 0; row < beforeCorrect.length; row++) {
    if (beforeCorrect[row] === afterCorrect[row]) continue;
    if (beforeCorrect[row]) onlyBefore++;
    else onlyAfter++;
  }
  const trials = onlyBefore + onlyAfter;
  const p = Math.min(1, 2 * fairCoinTail(trials, Math.min(onlyBefore, onlyAfter)));
  return { p, onlyBefore, onlyAfter };
}

/** The probability of at most `heads` heads in `trials` throws of a fair coin. */
function fairCoinTail(trials: number, heads: number): number {
  // The largest term as a logarithm, since 2^-trials underflows; the rest as ratios to it.
  let logLargest = -trials * Math.LN2;
  for (let i = 1; i <= heads; i++) logLargest += Math.log((trials - i + 1) / i);
  let sum = 1;
  let ratio = 1;
  for (let i = heads; i >= 1; i--) {
    ratio *= i / (trials - i + 1);
    sum += ratio;
  }
  return Math.exp(logLargest) * sum;
}

/** What {@linkcode pairedBootstrap} works on. */
export interface BootstrapOptions {
  /** The metric whose drop is estimated. */
  readonly metric: Metric;
  /** Predictions of the model before. */
  readonly before: Predictions;
  /** Predictions of the model after, for the same rows and targets. */
  readonly after: Predictions;
  /** Seed of the resampling; 0 by default. */
  readonly seed?: number;
  /** How many resamples; 10,000 by default. */
  readonly resamples?: number;
}

/**
 * Estimates how far the drop of a metric, before minus after, would vary on other rows of the
 * same kind: both models are scored again on rows drawn with replacement.
 *
 * @param options The predictions, metric, seed and count; see {@linkcode BootstrapOptions}.
 * @returns The 95 % percentile interval of the drop: its 2.5 % and 97.5 % quantiles, linearly
 * interpolated.
 * @throws {RangeError} when the two models were run on different numbers of rows.
 * @throws {TypeError} when the metric is not for this kind of predictions.
 * @see B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13
 */
export function pairedBootstrap(options: BootstrapOptions): [low: number, high: number] {
  const { seed = 0, resamples = 10_000 } = options;
  requireSameRows(options.before.targets.length, options.after.targets.length);
  const { cells, cellCount, drop } = tabulate(options);
  const rows = cells.length;
  const next = seededUint32(seed);
  const counts = new Uint32Array(cellCount);
  const drops = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    counts.fill(0);
    for (let i = 0; i < rows; i++) {
      counts[cells[Math.floor((next() / 2 ** 32) * rows)]!]!++;
    }
    drops[resample] = drop(counts);
  }
  drops.sort();
  return [quantile(drops, 0.025), quantile(drops, 0.975)];
}

/** Rows grouped into cells of rows that are alike to the metric. */
interface Table {
  /** The cell of each row, [rows]. */
  readonly cells: Uint8Array | Uint32Array;
  /** How many cells there are. */
  readonly cellCount: number;
  /** The metric's drop on a sample with so many rows in each cell, u32 [cellCount]. */
  readonly drop: (counts: Uint32Array) => number;
}

function tabulate({ metric, before, after }: BootstrapOptions): Table {
  if (before.kind === "classification" && after.kind === "classification") {
    if (metric === "accuracy") return correctTable(before, after);
    if (metric === "f1") return confusionTable(before, after, f1Of);
    if (metric === "macroF1") return macroF1Table(before, after);
    if (metric === "matthews") return confusionTable(before, after, matthewsOf);
  }
  if (before.kind === "regression" && after.kind === "regression") {
    if (metric === "pearson") return pearsonTable(before, after);
    if (metric === "spearman") return spearmanTable(before, after);
  }
  throw new TypeError(
    `Cannot estimate the drop of "${metric}": it is not defined for ${before.kind} before and ` +
      `${after.kind} after: choose another metric`,
  );
}

/** Four cells: right or wrong before (2) and after (1). */
function correctTable(before: ClassPredictions, after: ClassPredictions): Table {
  const right = correctRows(before);
  const rightAfter = correctRows(after);
  return {
    cells: right.map((correct, row) => 2 * correct + rightAfter[row]!),
    cellCount: 4,
    drop: (counts) => (counts[2]! - counts[1]!) / right.length,
  };
}

/** Eight cells: positive or not in truth (4), before (2) and after (1). */
function confusionTable(
  before: ClassPredictions,
  after: ClassPredictions,
  score: (counts: Confusion) => number,
): Table {
  const cells = new Uint8Array(before.targets.length);
  for (let row = 0; row < cells.length; row++) {
    cells[row] = (before.targets[row] === POSITIVE_CLASS ? 4 : 0) +
      (before.predicted[row] === POSITIVE_CLASS ? 2 : 0) +
      (after.predicted[row] === POSITIVE_CLASS ? 1 : 0);
  }
  return {
    cells,
    cellCount: 8,
    drop: (counts) => {
      const [n000, n001, n010, n011, n100, n101, n110, n111] = counts as unknown as EightCounts;
      return score({
        truePositive: n110 + n111,
        falsePositive: n010 + n011,
        falseNegative: n100 + n101,
        trueNegative: n000 + n001,
      }) - score({
        truePositive: n101 + n111,
        falsePositive: n001 + n011,
        falseNegative: n100 + n110,
        trueNegative: n000 + n010,
      });
    },
  };
}

/** A cell for each triple of classes that occurs: in truth, before and after. */
function macroF1Table(before: ClassPredictions, after: ClassPredictions): Table {
  const cellOf = new Map<string, number>();
  const triples: (readonly [truth: number, before: number, after: number])[] = [];
  const cells = Uint32Array.from(before.targets, (target, row) => {
    const triple = [target, before.predicted[row]!, after.predicted[row]!] as const;
    const key = triple.join();
    const cell = cellOf.get(key) ?? triples.push(triple) - 1;
    cellOf.set(key, cell);
    return cell;
  });
  const score = (counts: Uint32Array, model: 1 | 2) =>
    macroF1Of(triples.map((triple, cell) => [triple[0], triple[model], counts[cell]!]));
  return {
    cells,
    cellCount: triples.length,
    drop: (counts) => score(counts, 1) - score(counts, 2),
  };
}

type EightCounts = [number, number, number, number, number, number, number, number];

/** A cell a row: no two rows need be alike. */
function pearsonTable(before: ValuePredictions, after: ValuePredictions): Table {
  return {
    cells: Uint32Array.from(before.targets, (_, row) => row),
    cellCount: before.targets.length,
    drop: (counts) =>
      pearson(before.predicted, before.targets, counts) -
      pearson(after.predicted, after.targets, counts),
  };
}

/** A cell a row; sorted once, as the order of rows stays when some are drawn more often. */
function spearmanTable(before: ValuePredictions, after: ValuePredictions): Table {
  const lists = [before.predicted, after.predicted, before.targets];
  const orders = lists.map(ascending);
  return {
    cells: Uint32Array.from(before.targets, (_, row) => row),
    cellCount: before.targets.length,
    drop: (counts) => {
      const [ranksBefore, ranksAfter, ranks] = lists
        .map((list, i) => averageRanks(list, orders[i]!, counts)) as [
          Float64Array,
          Float64Array,
          Float64Array,
        ];
      return pearson(ranksBefore, ranks, counts) - pearson(ranksAfter, ranks, counts);
    },
  };
}

/** Marks the rows whose predicted class is the true one: 1 for right, 0 for wrong, u8 [rows]. */
export function correctRows({ predicted, targets }: ClassPredictions): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(targets, (target, row) => (predicted[row] === target ? 1 : 0));
}

function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  const above = sorted[Math.ceil(place)]!;
  return below + (above - below) * (place - Math.floor(place));
}

function requireSameRows(before: number, after: number): void {
  if (before === after) return;
  throw new RangeError(
    `Cannot compare the models: there are ${before} rows before and ${after} after, expected the ` +
      `same rows: run both models on one data set`,
  );
}
