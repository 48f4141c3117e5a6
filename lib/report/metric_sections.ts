/**
 * What a comparison on data says, as parts of a page: shared by the reports of merges and checks.
 *
 * @module
 */

import type { Comparison } from "../eval/compare.ts";
import type { Metric } from "../text/tasks.ts";
import { AFTER, type Bar, barChart, BEFORE, dropChart, keyOf } from "./charts.ts";
import { type Html, html } from "./html.ts";
import type { MetricIntervals } from "./intervals.ts";
import {
  count,
  percent,
  points,
  pointsInterval,
  probability,
  signedPoints,
  significant,
} from "./numbers.ts";
import { type Figure, figureOf, type Table, type Tile } from "./page.ts";
import type { BeforeAfter } from "./run_details.ts";

/** Metrics as people spell them. */
export const METRIC_TITLES: Readonly<Record<Metric, string>> = {
  accuracy: "accuracy",
  f1: "F1",
  macroF1: "macro F1",
  matthews: "Matthews",
  pearson: "Pearson",
  spearman: "Spearman",
};

/** A comparison and what a page needs to know beside it. */
export interface ShownComparison {
  /** The numbers. */
  readonly comparison: Comparison;
  /** How sure each metric is by itself. */
  readonly intervals?: BeforeAfter<MetricIntervals> | undefined;
  /** The largest drop that passes, as a fraction. */
  readonly maxDrop?: number | undefined;
}

/** The metrics of a comparison: the judged one first. */
function metricsOf({ metric, before }: Comparison): Metric[] {
  const others = (Object.keys(before) as Metric[]).filter((name) => name !== metric);
  return [metric, ...others];
}

/**
 * Sets a comparison's main numbers.
 *
 * @param shown The comparison.
 * @returns One tile a number: the metric, its drop, agreement, rows.
 */
export function comparisonTiles({ comparison, maxDrop }: ShownComparison): Tile[] {
  const { metric, before, after, drop, significance, agreement, examples } = comparison;
  const { mcnemar } = significance;
  const tiles: Tile[] = [
    {
      name: METRIC_TITLES[metric],
      value: `${points(before[metric]!)} → ${points(after[metric]!)}`,
      detail: "before → after, in points",
    },
    {
      name: "drop",
      value: points(drop).replace("-", "\u2212"),
      detail: `95 % interval ${pointsInterval(significance.interval)}` +
        (maxDrop === undefined ? "" : `; ${points(maxDrop)} allowed`),
    },
  ];
  if (mcnemar !== undefined) {
    tiles.push({
      name: "McNemar p",
      value: probability(mcnemar.p),
      detail: `rows: ${count(mcnemar.onlyBefore)} lost, ${count(mcnemar.onlyAfter)} won`,
    });
    tiles.push({ name: "agreement", value: percent(agreement), detail: "same class predicted" });
  } else {
    tiles.push({ name: "agreement", value: points(agreement), detail: "correlation of outputs" });
  }
  tiles.push({ name: "rows", value: count(examples) });
  return tiles;
}

/**
 * Sets a comparison's charts: metrics before and after, and the drop.
 *
 * @param shown The comparison.
 * @returns Two figures side by side.
 */
export function comparisonFigures(shown: ShownComparison): Html {
  return html`
    <div class="figures">
    ${figureOf(metricFigure(shown))}${figureOf(dropFigure(shown))}</div>
  `;
}

function metricFigure({ comparison, intervals }: ShownComparison): Figure {
  const metrics = metricsOf(comparison);
  const bars = metrics.flatMap((metric) =>
    [BEFORE, AFTER].map((series): Bar => {
      const side = series === BEFORE ? "before" : "after";
      const interval = intervals?.[side][metric];
      return {
        group: METRIC_TITLES[metric],
        series,
        value: 100 * comparison[side][metric]!,
        text: points(comparison[side][metric]!),
        interval: interval && [100 * interval[0], 100 * interval[1]],
      };
    })
  );
  const hasIntervals = intervals !== undefined;
  const title = "Metrics before and after, in points";
  return {
    title,
    caption: hasIntervals
      ? "Whiskers: the 95 % interval of each bar by itself. Both bars come from the same rows, so " +
        "the drop is surer than the whiskers suggest."
      : "Both bars come from the same rows.",
    chart: html`${keyOf([BEFORE, AFTER])}${barChart(title, bars)}`,
    tables: [metricTable(comparison, metrics, intervals)],
  };
}

function metricTable(
  { before, after }: Comparison,
  metrics: readonly Metric[],
  intervals: BeforeAfter<MetricIntervals> | undefined,
): Table {
  const cell = (side: "before" | "after", metric: Metric) => {
    const value = points((side === "before" ? before : after)[metric]!);
    const interval = intervals?.[side][metric];
    return interval === undefined ? value : `${value} (${pointsInterval(interval)})`;
  };
  return {
    caption: "Metrics in points, with 95 % intervals where known",
    header: ["metric", "before", "after", "change"],
    rows: metrics.map((metric) => [
      METRIC_TITLES[metric],
      cell("before", metric),
      cell("after", metric),
      signedPoints(after[metric]! - before[metric]!),
    ]),
    classes: [undefined, "number", "number", "number"],
  };
}

function dropFigure({ comparison, maxDrop }: ShownComparison): Figure {
  const { metric, drop, significance, maxLogitDifference } = comparison;
  const [low, high] = significance.interval;
  const title = `Drop of ${METRIC_TITLES[metric]}, in points`;
  return {
    title,
    caption:
      "The bar is the 95 % interval by a paired bootstrap over rows; where it holds 0, the " +
      "drop may be chance.",
    chart: dropChart(title, {
      drop: 100 * drop,
      interval: [100 * low, 100 * high],
      limit: maxDrop === undefined ? undefined : 100 * maxDrop,
    }),
    tables: [{
      caption: "The drop",
      header: ["what", "value"],
      rows: [
        ["drop", points(drop)],
        ["95 % interval", pointsInterval(significance.interval)],
        ...(maxDrop === undefined ? [] : [["largest drop allowed", points(maxDrop)]]),
        ...(significance.mcnemar === undefined
          ? []
          : [["McNemar's exact p", probability(significance.mcnemar.p)]]),
        ["largest difference of a logit", significant(maxLogitDifference)],
      ],
      classes: [undefined, "number"],
    }],
  };
}
