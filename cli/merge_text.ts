/**
 * A merge's report for people and for `--json`, shared by `merge` and `soup`.
 *
 * @module
 */

import type { MeasuredLayer } from "../lib/calibrate/measure.ts";
import type { MeasuredMerge } from "../lib/eval/measured_merge.ts";
import type { GreedyStep, MeasuredSoup } from "../lib/eval/soup_check.ts";
import { adviseMerge } from "../lib/merge/advice.ts";
import { headNotes } from "../lib/merge/head_notes.ts";
import type { AdapterMerge } from "../lib/merge/merge_adapter.ts";
import type { MergeMethod } from "../lib/merge/method_names.ts";
import type { LayerReport } from "../lib/merge/report.ts";
import type { DistilRecord } from "../lib/train/distil.ts";
import type { MergeSource } from "../lib/report/merge_report.ts";
import { comparisonJson, comparisonLines, metricsTable, points } from "./comparison_text.ts";
import { type Alignment, formatCountOf, formatTable, printable } from "./format.ts";
import { distilledBy } from "./merge_distil.ts";
import { headOwners } from "./merge_sources.ts";
import { type Outcome, outcomeJson, outcomeText } from "./writing.ts";

/** A merge with all that is known of it. */
export interface MergeShown {
  /** The merge. */
  readonly merge: AdapterMerge;
  /** The adapters it was merged from, in the order in which their heads are numbered. */
  readonly sources: readonly MergeSource[];
  /** What running it showed, if it was run. */
  readonly measured?: MeasuredMerge | MeasuredSoup;
  /** How it was distilled, if it was. */
  readonly distillation?: DistilRecord;
  /** What a greedy soup tried. */
  readonly steps?: readonly GreedyStep[];
  /** How a greedy soup merges heads. */
  readonly ingredients?: MergeMethod;
}

/** What to ship, in one sentence without a full stop. */
export function adviceOf({ merge, measured, steps }: Omit<MergeShown, "sources">): string {
  if (measured === undefined) return adviseMerge(merge);
  if (!("best" in measured)) return adviseMerge(merge, measured);
  const { adapter, comparison } = measured.best;
  const best = { name: printable(adapter), comparison, chosen: steps !== undefined };
  return adviseMerge(merge, { ...measured, best });
}

/** The JSON document of a merge. */
export function mergeJson(shown: MergeShown, outcome: Outcome): Record<string, unknown> {
  const { merge, sources, measured, distillation, steps, ingredients } = shown;
  const { method, headsBefore, headsAfter, layers, exact } = merge;
  const how = steps === undefined ? { method } : { method: "greedy", ingredients, steps };
  return {
    ...how,
    sources,
    headsBefore,
    headsAfter,
    exact,
    layers,
    notes: headNotes(merge),
    ...(distillation === undefined ? {} : { distillation }),
    ...(measured === undefined ? {} : { measured: measuredJson(measured) }),
    advice: adviceOf(shown),
    ...outcomeJson(outcome),
  };
}

function measuredJson(measured: MeasuredMerge | MeasuredSoup): Record<string, unknown> {
  const { comparison, ...rest } = measured;
  return {
    ...rest,
    ...(comparison === undefined ? {} : { comparison: comparisonJson(comparison) }),
    ...("best" in measured
      ? {
        ingredients: measured.ingredients,
        best: { ...measured.best, comparison: comparisonJson(measured.best.comparison) },
      }
      : {}),
  };
}

/**
 * Sets a merge's report as text.
 *
 * @param shown The merge.
 * @param outcome What became of its plan.
 * @param verdict What follows the head counts in the first line.
 * @returns Lines: the head counts, a table of layers, the metric, the advice and the files.
 */
export function mergeText(shown: MergeShown, outcome: Outcome, verdict: string): string {
  const { merge, sources, measured, steps, ingredients } = shown;
  const { method, headsBefore, headsAfter, layers } = merge;
  const name = steps === undefined ? method : `greedy, ${ingredients}`;
  return [
    `${name}: ${headCount(headsBefore)} to ${headCount(headsAfter)} a layer, ${verdict}`,
    "",
    layersTable(layers, measured?.layers),
    "",
    ...layersLegend(measured),
    ...(sources.length > 1 && isGrouped(layers)
      ? [`merged heads: ${headOwners(sources, merge.config)}`]
      : []),
    ...headNotes(merge),
    "",
    ...(steps === undefined ? [] : [stepsTable(steps), ""]),
    ...(measured === undefined ? [] : measuredLines(measured, shown)),
    adviceOf(shown),
    "",
    outcomeText(outcome),
  ].join("\n");
}

function layersTable(
  layers: readonly LayerReport[],
  measured: readonly MeasuredLayer[] | undefined,
): string {
  const grouped = isGrouped(layers);
  const header = ["layer", "relative error"];
  if (measured !== undefined) header.push("on text", "own inputs");
  header.push("spread", "head similarity");
  if (grouped) header.push("merged heads");
  const rows = layers.map(({ layer, relativeError, similarity, spread, groups }) => {
    const onText = measured?.[layer];
    return [
      String(layer),
      relativeError.toFixed(3),
      ...(onText === undefined
        ? []
        : [onText.relativeError.toFixed(3), onText.relativeErrorOwnInputs.toFixed(3)]),
      spread.toFixed(3),
      similarityRange(onText?.outputSimilarity ?? similarity),
      ...(grouped ? [groups.map((group) => group.join("+")).join(" ")] : []),
    ];
  });
  const alignment = header.map((title): Alignment =>
    title === "head similarity" || title === "merged heads" ? "left" : "right"
  );
  return formatTable(header, rows, alignment);
}

function layersLegend(measured: MeasuredMerge | undefined): string[] {
  const onText = measured === undefined ? [] : [
    `on text: the same on ${formatCountOf(measured.text.rows, "row")} of ` +
    `${printable(measured.text.path)}; own inputs: at what the merged model's layers read there`,
  ];
  const place = measured === undefined ? "" : " on that text";
  return [
    "relative error: of each layer's output on seeded random inputs; 1 is as bad as no heads",
    ...onText,
    "spread: how far the heads' weights are apart after alignment, over their mean; 0 if equal",
    `head similarity: cosine of the heads' outputs${place}, least to most over all pairs`,
  ];
}

function measuredLines(
  measured: MeasuredMerge | MeasuredSoup,
  { steps, distillation }: Pick<MergeShown, "steps" | "distillation">,
): string[] {
  const { device, deviceDescription, calibration, data, comparison } = measured;
  const mixed = steps === undefined ? "the adapters" : "the adapters kept";
  const lines = [];
  if (calibration !== undefined) lines.push(fittedTo(calibration));
  if (distillation !== undefined) lines.push(`then ${distilledBy(distillation)}`);
  if (comparison !== undefined && data !== undefined) {
    if ("best" in measured) lines.push(ingredientsTable(measured), "");
    lines.push(
      metricsTable(comparison),
      "",
      ...("best" in measured ? [`before: the exact mean of ${mixed}; after: the soup`] : []),
      `${amountOf(data)} of ${printable(data.path)} on ${device} (${deviceDescription})`,
      ...comparisonLines(comparison),
    );
  }
  return [...lines, ""];
}

/** What a merge was fitted to, as a phrase. */
export function fittedTo(text: NonNullable<MeasuredMerge["calibration"]>): string {
  return `fitted to ${amountOf(text)} of ${printable(text.path)}`;
}

function amountOf({ rows, tokens }: { readonly rows: number; readonly tokens: number }): string {
  return `${formatCountOf(rows, "row")}, ${formatCountOf(tokens, "token")}`;
}

function ingredientsTable({ ingredients, best, comparison }: MeasuredSoup): string {
  const { metric } = comparison;
  const rows = [
    ...ingredients.map(({ adapter, metrics }) => [
      `${printable(adapter)}${adapter === best.adapter ? " (best)" : ""}`,
      points(metrics[metric]!),
    ]),
    ["the soup", points(comparison.after[metric]!)],
  ];
  return formatTable(["adapter", metric], rows, ["left", "right"]);
}

function stepsTable(steps: readonly GreedyStep[]): string {
  const rows = steps.map(({ adapter, before, after, kept }) => [
    printable(adapter),
    before === null ? "" : points(before),
    points(after),
    kept ? "kept" : "left out",
  ]);
  const alignment = ["left", "right", "right", "left"] as const;
  return formatTable(["tried", "soup before", "with it", ""], rows, alignment);
}

/** Whether which heads became one is worth a column: not where all of them did, or none. */
function isGrouped(layers: readonly LayerReport[]): boolean {
  return layers.some(({ groups }) => groups.length > 1 && groups.some((group) => group.length > 1));
}

function headCount(heads: number | readonly number[]): string {
  if (typeof heads === "number") return formatCountOf(heads, "head");
  return new Set(heads).size === 1 ? formatCountOf(heads[0]!, "head") : `${heads.join(", ")} heads`;
}

function similarityRange(matrix: readonly (readonly number[])[]): string {
  const pairs = matrix.flatMap((row, i) => row.slice(i + 1));
  if (pairs.length === 0) return "one head";
  return `${cosine(Math.min(...pairs))} to ${cosine(Math.max(...pairs))}`;
}

/** Two digits; a negative zero is a zero. */
function cosine(value: number): string {
  return (Math.round(100 * value) / 100 + 0).toFixed(2);
}
