// Checks of logits made by hand, for the tests of their reports.

import { compareOutputs, type Comparison } from "../../lib/eval/compare.ts";
import { argmax } from "../../lib/eval/metrics.ts";
import type { CheckReportData } from "../../lib/report/check_report.ts";

/** What a test may set beside the logits. */
export interface Changes extends Partial<CheckReportData> {
  readonly maxDrop?: number;
  /** Instead of what `compareOutputs` finds, which takes long for many rows. */
  readonly comparison?: Comparison;
}

/** A check of logits made by hand, row after row. */
export function checkOf(
  before: Float32Array,
  after: Float32Array,
  targets: Uint32Array | Float64Array,
  { maxDrop = 0.01, comparison: given, ...changes }: Changes = {},
): CheckReportData {
  const rows = targets.length;
  const cols = before.length / rows;
  const kind = targets instanceof Uint32Array ? "classification" : "regression";
  const metric = kind === "classification" ? "accuracy" : "pearson";
  const alsoReport = kind === "classification" ? [] : ["spearman"] as const;
  const comparison = given ?? compareOutputs(
    { logits: before, rows, cols },
    { logits: after, rows, cols },
    targets,
    { kind, metric, alsoReport },
  );
  const outputs = (logits: Float32Array) => {
    const classes = kind === "classification" ? argmax(logits, rows, cols) : logits;
    return (row: number) => ({
      logits: [...logits.subarray(row * cols, (row + 1) * cols)],
      prediction: classes[row]!,
    });
  };
  const [outputBefore, outputAfter] = [outputs(before), outputs(after)];
  const predictions = Array.from(targets, (label, index) => ({
    index,
    label,
    before: outputBefore(index),
    after: outputAfter(index),
  }));
  return {
    before: "four-heads",
    after: "one-head",
    data: "dev.tsv",
    task: { type: kind, labels: kind === "classification" ? ["bad", "good"] : null },
    result: { ...comparison, maxDrop, passed: comparison.drop <= maxDrop, predictions },
    command: "tinygraft check base",
    environment: [],
    ...changes,
  };
}
