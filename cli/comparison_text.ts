/**
 * A comparison of two adapters on labelled rows, for people and for `--json`.
 *
 * @module
 */

import type { Comparison } from "../lib/eval/compare.ts";
import type { Metric } from "../lib/text/tasks.ts";
import { formatTable } from "./format.ts";

/** The comparison as every command's JSON has it: metrics nested under before and after. */
export function comparisonJson(comparison: Comparison): Record<string, unknown> {
  const { before, after } = comparison;
  return { ...comparison, before: { metrics: before }, after: { metrics: after } };
}

/** A table of the metrics before and after, the judged one first. */
export function metricsTable({ metric, before, after }: Comparison): string {
  const others = (Object.keys(before) as Metric[]).filter((name) => name !== metric);
  const rows = [metric, ...others].map((name) => [
    name,
    points(before[name]!),
    points(after[name]!),
    signed(after[name]! - before[name]!),
  ]);
  const alignment = ["left", "right", "right", "right"] as const;
  return formatTable(["metric", "before", "after", "change"], rows, alignment);
}

/** Two lines: agreement, and the drop with how sure it is. */
export function comparisonLines(comparison: Comparison): string[] {
  const { metric, drop, significance, agreement, maxLogitDifference } = comparison;
  const [low, high] = significance.interval;
  const p = significance.mcnemar === undefined
    ? ""
    : `, McNemar p = ${significance.mcnemar.p.toPrecision(2)}`;
  return [
    `agreement ${points(agreement)}, largest logit difference ${maxLogitDifference.toPrecision(3)}`,
    `drop of ${metric}: ${points(drop)} points (95 % interval ${points(low)} to ` +
    `${points(high)}${p})`,
  ];
}

/** Metrics are shown in hundredths, as papers do. */
export function points(value: number): string {
  return (100 * value).toFixed(2);
}

function signed(value: number): string {
  const text = points(value);
  return value > 0 ? `+${text}` : text;
}
