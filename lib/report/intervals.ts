/**
 * How sure a model's metric is by itself.
 *
 * @module
 */

import { type CompareOptions, type Outputs, readPredictions } from "../eval/compare.ts";
import { pairedBootstrap } from "../eval/significance.ts";
import type { Predictions } from "../eval/metrics.ts";
import type { Metric } from "../text/tasks.ts";

/** The 95 % interval of each metric that was asked for. */
export type MetricIntervals = Readonly<
  Partial<Record<Metric, readonly [low: number, high: number]>>
>;

/** Resamples: enough for the two digits that a chart shows. */
const RESAMPLES = 1000;

/**
 * Estimates how far each metric of one model would vary on other rows of the same kind, by a
 * bootstrap over the rows.
 *
 * @param outputs The model's outputs; not kept.
 * @param targets The true class of each row, u32 [rows], or its true value, f64 [rows]; not kept.
 * @param options The kind of task, its metrics and the seed, as for `compareOutputs`.
 * @returns The 95 % percentile interval of each metric.
 * @throws {TinygraftError} as `compareOutputs`.
 *
 * @example Three rows of four right
 * ```ts
 * import { metricIntervals } from "tinygraft";
 * import { assert } from "@std/assert";
 *
 * const outputs = { logits: Float32Array.of(0, 1, 0, 1, 0, 1, 0, 1), rows: 4, cols: 2 };
 * const { accuracy } = metricIntervals(outputs, Uint32Array.of(1, 1, 1, 0), {
 *   kind: "classification",
 *   metric: "accuracy",
 *   alsoReport: [],
 * });
 * assert(accuracy && accuracy[0] < 0.75 && accuracy[1] > 0.75);
 * ```
 */
export function metricIntervals(
  outputs: Outputs,
  targets: Uint32Array | Float64Array,
  { kind, metric, alsoReport, seed = 0 }: CompareOptions,
): MetricIntervals {
  const before = readPredictions(outputs, targets, kind);
  const ofMetric = (metric: Metric) => {
    const after = worthless(metric, before);
    return [metric, pairedBootstrap({ metric, before, after, seed, resamples: RESAMPLES })];
  };
  return Object.fromEntries([metric, ...alsoReport].map(ofMetric));
}

/** Predictions that score 0 on any rows: the drop to them is the model's own score. */
function worthless(metric: Metric, predictions: Predictions): Predictions {
  const { kind, targets } = predictions;
  // A constant scores 0 in all metrics but accuracy, where no row may be right.
  return kind === "regression"
    ? { kind, targets, predicted: new Float64Array(targets.length) }
    : { kind, targets, predicted: targets.map((target) => metric === "accuracy" ? target + 1 : 0) };
}
