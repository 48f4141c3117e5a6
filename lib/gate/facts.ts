/**
 * What there is to say about an outcome, in words that every rendering shares.
 *
 * @module
 */

import { count, percent, points, pointsInterval, probability } from "../report/numbers.ts";
import type { GateOutcome } from "./outcome.ts";

/** The judged metric of an outcome, as text in points. */
export interface MetricFacts {
  /** The metric's name. */
  readonly metric: string;
  /** Before the merge. */
  readonly before: string;
  /** After it. */
  readonly after: string;
  /** Before minus after. */
  readonly drop: string;
  /** The 95 % interval of the drop. */
  readonly interval: string;
  /** The largest drop that passes, and the largest end of its interval where that is limited. */
  readonly limit: string;
  /** Rows compared. */
  readonly rows: string;
}

/** Whether no rule was broken. */
export function hasPassed({ failures }: GateOutcome): boolean {
  return failures.length === 0;
}

/** Whether a check could not be run, which is another thing than a check that failed. */
export function isError({ failures }: GateOutcome): boolean {
  return failures.some(({ code }) => code === "error");
}

/**
 * Tells the judged metric.
 *
 * @param outcome The outcome.
 * @returns Its figures; undefined when the check could not be run.
 */
export function metricFacts({ result }: GateOutcome): MetricFacts | undefined {
  if (result === undefined) return undefined;
  const { metric, before, after, drop, significance, maxDrop, maxDropUpper, examples } = result;
  return {
    metric,
    before: points(before[metric]!),
    after: points(after[metric]!),
    drop: points(drop),
    interval: pointsInterval(significance.interval),
    limit: maxDropUpper === undefined
      ? points(maxDrop)
      : `${points(maxDrop)}, interval to ${points(maxDropUpper)}`,
    rows: count(examples),
  };
}

/**
 * Tells what was compared, where, and how alike the outputs are.
 *
 * @param outcome The outcome.
 * @returns Names and values in the order to show them.
 */
export function details(outcome: GateOutcome): readonly (readonly [name: string, value: string])[] {
  const { base, before, after, data, result, cached, seconds } = outcome;
  const inputs: [string, string][] = [
    ["base", base],
    ["before", before],
    ["after", after],
    ["data", data],
  ];
  const time = `${seconds.toFixed(1)} s${cached ? ", taken from an earlier identical check" : ""}`;
  if (result === undefined) return [...inputs, ["time", time]];
  const { agreement, maxLogitDifference, significance: { mcnemar }, deviceDescription } = result;
  const others = Object.entries(result.before).filter(([name]) => name !== result.metric);
  return [
    ...inputs,
    ...others.map(([name, value]): [string, string] => [
      name,
      `${points(value)} before, ${points(result.after[name as keyof typeof result.after]!)} after`,
    ]),
    ["agreement", percent(agreement)],
    ["largest logit difference", maxLogitDifference.toPrecision(3)],
    ...(mcnemar ? [["McNemar's p", probability(mcnemar.p)] as const] : []),
    ["device", `${result.device} (${deviceDescription})`],
    ["time", time],
  ];
}
