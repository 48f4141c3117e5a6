/**
 * The content of a check's report.
 *
 * @module
 */

import type { Outputs } from "../eval/compare.ts";
import type { Metric } from "../text/tasks.ts";
import type { CheckReportData } from "./check_data.ts";
import { examplesSection } from "./example_section.ts";
import { html } from "./html.ts";
import { layerSection, similaritySection } from "./layer_sections.ts";
import { type MetricIntervals, metricIntervals } from "./intervals.ts";
import { comparisonFigures, comparisonTiles, METRIC_TITLES } from "./metric_sections.ts";
import { points } from "./numbers.ts";
import type { Side } from "./outcomes.ts";
import { type Page, type Section, tableOf, tilesOf } from "./page.ts";
import { classSections, valueSection } from "./prediction_sections.ts";

/**
 * Lays out the report of a check.
 *
 * @param data What the check found.
 * @returns The page, for `renderPage`.
 */
export function checkPage(data: CheckReportData): Page {
  const { result, task } = data;
  const shown = {
    comparison: result,
    intervals: { before: intervalsOf(data, "before"), after: intervalsOf(data, "after") },
    maxDrop: result.maxDrop,
  };
  const classes = task.type === "classification";
  return {
    title: `Check ${result.passed ? "passed" : "failed"}`,
    verdict: verdictOf(data),
    mood: result.passed ? "good" : "bad",
    lead: html`${tilesOf(comparisonTiles(shown))}${filesTable(data)}`,
    sections: [
      { title: "The metric", body: comparisonFigures(shown) },
      ...(classes ? classSections(data) : [valueSection(data)]),
      examplesSection(data),
      ...layerSections(data),
    ],
    details: data,
  };
}

function layerSections({ layers }: CheckReportData): Section[] {
  if (layers === undefined) return [];
  const likeness = similaritySection({ layers });
  return [layerSection({ layers }), ...(likeness === undefined ? [] : [likeness])];
}

function verdictOf({ result }: CheckReportData): string {
  const { passed, metric, drop, maxDrop, significance: { interval: [low, high] } } = result;
  const name = METRIC_TITLES[metric];
  const change = drop === 0
    ? `${name} stayed the same`
    : `${name} ${drop < 0 ? "rose" : "dropped"} by ${points(Math.abs(drop))} points`;
  const chance = low <= 0 && high >= 0 ? ", which may be chance" : ", which is more than chance";
  return `${passed ? "Passed" : "Failed"}: ${change}${drop === 0 ? "" : chance}. ` +
    `A drop of at most ${points(maxDrop)} points is allowed.`;
}

function intervalsOf({ result, task }: CheckReportData, side: Side): MetricIntervals {
  const { predictions, metric } = result;
  const cols = predictions[0]?.[side].logits.length ?? 0;
  const logits = Float32Array.from(predictions.flatMap((row) => row[side].logits));
  const outputs: Outputs = { logits, rows: predictions.length, cols };
  const labels = predictions.map(({ label }) => label);
  const alsoReport = (Object.keys(result.before) as Metric[]).filter((name) => name !== metric);
  const kind = task.type;
  const targets = kind === "classification" ? Uint32Array.from(labels) : Float64Array.from(labels);
  return metricIntervals(outputs, targets, { kind, metric, alsoReport });
}

function filesTable({ before, after, data }: CheckReportData) {
  return tableOf({
    caption: "What was compared",
    header: ["what", "where"],
    rows: [["before", before], ["after", after], ["rows", data]],
    classes: [undefined, "text"],
  });
}
