/**
 * The content of a merge's report.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import { adapterTensors } from "../adapter/tensors.ts";
import { elementCount } from "../tensor/shape.ts";
import { html } from "./html.ts";
import { layerSection, similaritySection } from "./layer_sections.ts";
import type { MergeReportData, MergeSource } from "./merge_data.ts";
import { comparisonFigures, comparisonTiles, METRIC_TITLES } from "./metric_sections.ts";
import { count, errorText, percent, points } from "./numbers.ts";
import { type Mood, type Page, type Section, tableOf, type Tile, tilesOf } from "./page.ts";

/**
 * Lays out the report of a merge.
 *
 * @param data The merge and what it costs.
 * @returns The page, for `renderPage`.
 */
export function mergePage(data: MergeReportData): Page {
  const { merge, measured, advice } = data;
  const layers = { layers: merge.layers, measured };
  const comparison = measured?.comparison;
  const shown = comparison && { comparison, intervals: measured?.intervals };
  const sections: (Section | undefined)[] = [
    shown && {
      title: "On data",
      body: html`<p>${sidesText(data)} Rows: <code>${measured?.data}</code>.</p>
${comparisonFigures(shown)}`,
    },
    layerSection(layers),
    similaritySection(layers),
    filesSection(data),
  ];
  return {
    title: titleOf(data),
    verdict: `${advice.charAt(0).toUpperCase()}${advice.slice(1)}.`,
    mood: moodOf(data),
    lead: tilesOf([...(shown ? comparisonTiles(shown) : []), ...mergeTiles(data)]),
    sections: sections.filter((section) => section !== undefined),
    details: data,
  };
}

function titleOf({ merge, sources, greedy }: MergeReportData): string {
  if (greedy !== undefined) {
    return `Greedy soup by ${greedy}: ${keptOf(sources).length} of ${sources.length} adapters`;
  }
  return sources.length > 1
    ? `Soup of ${sources.length} adapters by ${merge.method}`
    : `Merge by ${merge.method}`;
}

function keptOf(sources: readonly MergeSource[]): readonly MergeSource[] {
  return sources.filter(({ weight }) => weight > 0);
}

/** What before and after stand for. */
function sidesText({ sources }: MergeReportData): string {
  if (sources.length === 1) return "Before: the adapter as it was. After: the merged adapter.";
  if (keptOf(sources).length === 1) return "Before and after: the one adapter that was kept.";
  return "Before: the exact mean of the adapters, all heads side by side. After: the soup.";
}

/** A loss that is more than chance is bad; that there is none shows only where it was measured. */
function moodOf({ merge, measured }: MergeReportData): Mood {
  if (merge.exact) return "good";
  if (measured?.comparison === undefined) return "neutral";
  const [low, high] = measured.comparison.significance.interval;
  return low > 0 ? "bad" : high < 0 ? "good" : "neutral";
}

function mergeTiles({ merge, compute, measured, sources }: MergeReportData): Tile[] {
  const { config, headsBefore, headsAfter, exact } = merge;
  const layers = measured?.layers ?? merge.layers;
  const worst = Math.max(...layers.map(({ relativeError }) => relativeError));
  const after = moduleParameters(config);
  const tiles: Tile[] = [
    {
      name: "heads a layer",
      value: `${headsText(headsBefore)} → ${headsText(headsAfter)}`,
      detail: exact ? "exact but for rounding" : "not exact",
    },
    { name: "parameters of the heads", value: count(after), detail: "after, in all layers" },
    {
      name: "worst layer",
      value: errorText(worst),
      detail: `relative error on ${measured?.layers === undefined ? "random inputs" : "text"}`,
    },
  ];
  if (sources.length === 1) {
    const before = moduleParameters({ ...config, numHeads: headsBefore });
    tiles[1] = {
      name: "parameters of the heads",
      value: percent(after / before),
      detail: `${count(before)} → ${count(after)}`,
    };
  }
  if (compute !== undefined) {
    tiles.push({
      name: "share of compute",
      value: `${percent(compute.before)} → ${percent(compute.after)}`.replace(" % →", " →"),
      detail: "of the encoder's, before → after",
    });
  }
  return tiles;
}

/** Elements of all modules, without the classifier, which a merge does not change in size. */
function moduleParameters(config: AdapterConfig): number {
  return adapterTensors(config, 1)
    .filter(({ layer }) => layer !== undefined)
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/** One number, or the least and the most of the layers. */
function headsText(heads: number | readonly number[]): string {
  if (typeof heads === "number") return String(heads);
  const [least, most] = [Math.min(...heads), Math.max(...heads)];
  return least === most ? String(least) : `${least} to ${most}`;
}

function filesSection(data: MergeReportData): Section {
  const { sources, output, merge, measured, notes = [] } = data;
  const metric = measured?.comparison?.metric;
  const alone = metric !== undefined && sources.some((source) => source.metric !== undefined);
  const soup = alone ? [points(measured!.comparison!.after[metric]!)] : [];
  const isSoup = sources.length > 1;
  return {
    title: "What was merged",
    body: html`${notes.map((note) => html`<p>${note}.</p>\n`)}${
      tableOf({
        caption: isSoup ? "Adapters, in the order in which their heads are numbered" : "Adapters",
        header: [
          ...["which", "where", "heads", "weight"],
          ...(alone ? [METRIC_TITLES[metric]] : []),
          "content",
        ],
        rows: [
          ...sources.map((source, i) => [
            isSoup ? `source ${i + 1}` : "source",
            source.adapter,
            headsText(source.heads),
            source.weight === 0 ? "left out" : String(Number(source.weight.toPrecision(3))),
            ...(alone ? [source.metric === undefined ? "" : points(source.metric)] : []),
            source.contentHash.slice(0, 16),
          ]),
          [isSoup ? "soup" : "merged", output, headsText(merge.headsAfter), "", ...soup, ""],
        ],
        classes: [undefined, "text", "number", "number", ...(alone ? ["number" as const] : [])],
      })
    }`,
  };
}
