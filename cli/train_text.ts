/**
 * What `train` prints at its end, for people and for `--json`.
 *
 * @module
 */

import type { MetricValues } from "../lib/eval/compare.ts";
import type { TrainResult } from "../lib/train/options.ts";
import { points } from "./comparison_text.ts";
import {
  formatBytes,
  formatCount,
  formatSeconds,
  formatShare,
  formatTable,
  printable,
} from "./format.ts";

/** Metrics in points with their names, in the order that they have. */
export function metricText(metrics: MetricValues): string {
  return Object.entries(metrics).map(([name, value]) => `${name} ${points(value)}`).join(", ");
}

/**
 * The JSON document of a run: every field but the history, which `--metrics` writes.
 *
 * @param adapter The folder that was written.
 * @param result The run.
 * @returns The document.
 */
export function trainJson(adapter: string, result: TrainResult): Record<string, unknown> {
  const { history: _, steps, loss, eval: evaluation, written, ...rest } = result;
  return { adapter, steps, loss, eval: evaluation, written, ...rest };
}

/**
 * The result for people.
 *
 * @param adapter The folder that was written.
 * @param result The run.
 * @returns Lines: what was written, how good it is, how long it took.
 */
export function trainText(adapter: string, result: TrainResult): string {
  const { written, steps, loss, rows, parameters, share, seconds, rowsPerSecond } = result;
  const files = written.map((
    { path, bytes, how },
  ) => [`  ${printable(path)}`, formatBytes(bytes), how]);
  return [
    `Wrote ${printable(adapter)}:`,
    formatTable(["  file", "bytes", "how"], files, ["left", "right"]),
    `${formatCount(parameters)} parameters, ${formatShare(share)} of the base`,
    `${formatCount(steps)} steps on ${formatCount(rows)} rows${
      result.stoppedEarly ? ", stopped early" : ""
    }: loss ${loss.toFixed(4)} in the last epoch`,
    ...evaluationLines(result),
    `${formatSeconds(seconds)}, ${rowsPerSecond.toFixed(1)} rows/s on ${result.device} ` +
    `(${result.deviceDescription})`,
  ].join("\n");
}

function evaluationLines({ eval: kept, evalRows, steps }: TrainResult): string[] {
  if (kept === null) return [];
  const which = kept.step === steps ? "the last step" : `step ${formatCount(kept.step)}, the best`;
  return [
    `${metricText(kept.metrics)}, loss ${kept.loss.toFixed(4)} on ${
      formatCount(evalRows)
    } rows after ${which}`,
  ];
}
