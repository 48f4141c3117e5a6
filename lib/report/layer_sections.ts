/**
 * What a merge did layer by layer, as parts of a page: shared by the reports of merges and checks.
 *
 * @module
 */

import type { HeadGroups } from "../merge/heads.ts";
import type { LayerReport } from "../merge/report.ts";
import type { CheckedLayer } from "./check_layers.ts";
import { keyOf, layerChart, type LayerLine, type Series } from "./charts.ts";
import { heatKey, heatMap } from "./heat_map.ts";
import { type Html, html } from "./html.ts";
import type { MergeMeasurements } from "./merge_data.ts";
import { errorText, unit } from "./numbers.ts";
import { figureOf, type Section, type Table, tableOf } from "./page.ts";

/** Below this an error is the rounding to the storage dtype, and a chart of it would mislead. */
const ROUNDING = 1e-3;

/** Up to so many layers the heat maps of one kind stand beside those of another. */
const MOST_BESIDE = 6;

const GAUSSIAN: Series = { name: "random inputs", color: "var(--before)", symbol: "circle" };
const MEASURED: Series = {
  name: "stacked model's inputs",
  color: "var(--after)",
  symbol: "square",
};
const OWN: Series = {
  name: "merged model's own inputs",
  color: "var(--third)",
  symbol: "triangle",
};

/** Cells of all heat maps at most, at some 20 bytes each: pages stay small. */
const MOST_CELLS = 24_000;

/** The layers of a merge or a check. */
export interface ShownLayers {
  /** One entry a layer, in order; those of a check count their heads. */
  readonly layers: readonly (LayerReport & Partial<Pick<CheckedLayer, "heads">>)[];
  /** What was measured on data. */
  readonly measured?: MergeMeasurements | undefined;
}

/**
 * Sets the error of each layer and which heads were merged.
 *
 * @param data The layers.
 * @returns The section.
 */
export function layerSection(data: ShownLayers): Section {
  const { layers, measured } = data;
  const lines: LayerLine[] = [
    { series: GAUSSIAN, values: layers.map(({ relativeError }) => relativeError) },
  ];
  if (measured?.layers !== undefined) {
    const values = measured.layers.map(({ relativeErrorOwnInputs }) => relativeErrorOwnInputs);
    lines.push({ series: OWN, values });
    lines.push({ series: MEASURED, values: measured.layers.map((layer) => layer.relativeError) });
  }
  const worst = Math.max(...lines.flatMap(({ values }) => values));
  const title = "Relative error of each layer's output";
  const drawing = worst < ROUNDING
    ? html`<p>No layer is off by more than the rounding of what is stored.</p>`
    : html`
      <figure>
      <figcaption><strong>${title}</strong>0 is unchanged, 1 is as bad as no heads at all.</figcaption>
      ${keyOf(lines.map(({ series }) => series))}${layerChart(title, lines, {
        value: 1,
        name: "as bad as no heads",
      })}
      </figure>
    `;
  return {
    title: "Layer by layer",
    body: html`
      ${measuredOn(data)}<div class="figures">
      ${drawing}${tableOf(layerTable(data, lines))}
      </div>
    `,
  };
}

function measuredOn({ measured }: ShownLayers): Html | undefined {
  if (measured?.layers === undefined) return undefined;
  const text = measured.text ?? measured.data;
  if (text === undefined) return undefined;
  return html`
    <p>Inputs of the models: the text of <code>${text}</code>.</p>
  `;
}

function layerTable({ layers }: ShownLayers, lines: readonly LayerLine[]): Table {
  const isCheck = layers[0]?.heads !== undefined;
  return {
    caption: "Errors are relative; spread: how far the heads' weights are apart after alignment",
    header: [
      "layer",
      ...lines.map(({ series }) => series.name),
      "spread",
      isCheck ? "heads" : "heads merged",
    ],
    rows: layers.map(({ layer, groups, spread, heads }, i) => [
      String(layer),
      ...lines.map(({ values }) => errorText(values[i]!)),
      spread.toFixed(3),
      heads === undefined ? groupsText(groups) : `${heads.before} → ${heads.after}`,
    ]),
    classes: ["number", ...lines.map(() => "number"), "number"],
  };
}

/** Which heads became one, by their numbers; single heads are left out. */
function groupsText(groups: HeadGroups): string {
  const merged = groups.filter(({ length }) => length > 1);
  if (merged.length === 0) return "none";
  if (groups.length === 1) return `all ${groups[0]!.length}`;
  return merged.map((group) => group.join("+")).join(", ");
}

type Matrices = readonly (readonly (readonly number[])[])[];

/** One kind of likeness of the heads, a matrix a layer. */
interface Likeness {
  readonly title: string;
  readonly caption: string;
  readonly matrices: Matrices;
}

/**
 * Sets how alike the heads were before the merge: heat maps, layer by layer.
 *
 * @param data The layers.
 * @returns The section; `undefined` when no layer had two heads.
 */
export function similaritySection(data: ShownLayers): Section | undefined {
  const { layers } = data;
  if (layers.every(({ similarity }) => similarity.length < 2)) return undefined;
  const groups = layers.map((layer) => layer.groups);
  const framed = groups.some((parts) => parts.length > 1 && parts.some(({ length }) => length > 1));
  const kinds = likenesses(data);
  return {
    title: "How alike the heads were",
    body: html`
      <p>One square a layer; a cell tells how alike two heads were before the merge. Only heads
      that do the same merge into one without loss.${framed
        ? " Frames hold the heads that became one."
        : undefined}</p>
      ${heatKey()}<div class="${layers.length <= MOST_BESIDE ? "figures" : "stack"}">
      ${kinds.map((likeness) => likenessFigure(likeness, groups, kinds.length))}</div>
    `,
  };
}

function likenesses({ layers, measured }: ShownLayers): Likeness[] {
  const onText: Likeness[] = measured?.layers === undefined ? [] : [
    {
      title: "Where heads look, on text",
      caption: "1 less the mean total variation between their attention: 1 is the same.",
      matrices: measured.layers.map(({ attentionSimilarity }) => attentionSimilarity),
    },
    {
      title: "What heads add, on text",
      caption: "Cosine of their outputs.",
      matrices: measured.layers.map(({ outputSimilarity }) => outputSimilarity),
    },
  ];
  return [
    ...onText,
    {
      title: "What heads add, on random inputs",
      caption: "Cosine of their outputs.",
      matrices: layers.map(({ similarity }) => similarity),
    },
    {
      title: "Where heads look, by their weights",
      caption: "Cosine of the products of query and key.",
      matrices: layers.map(({ attentionSimilarity }) => attentionSimilarity),
    },
    {
      title: "What heads bring, by their weights",
      caption: "Cosine of the products of value and output.",
      matrices: layers.map(({ valueSimilarity }) => valueSimilarity),
    },
  ];
}

function likenessFigure(
  { title, caption, matrices }: Likeness,
  groups: readonly HeadGroups[],
  kinds: number,
): Html {
  const cells = matrices.reduce((sum, { length }) => sum + length ** 2, 0);
  const isDrawn = kinds * cells <= MOST_CELLS;
  const maps = () =>
    matrices.map((matrix, layer) => {
      const label = `${title}, layer ${layer}: ${rangeText(matrix)}`;
      return html`
        <li>layer ${layer}${heatMap({ label, matrix, groups: groups[layer]! })}</li>
      `;
    });
  const tooMany = "Too many heads to draw each pair: the table below sums them up.";
  const table: Table = {
    caption: `${title}: least, mean and most over the pairs of heads`,
    header: ["layer", "least", "mean", "most", "most alike"],
    rows: matrices.map((matrix, layer) => [String(layer), ...pairCells(matrix)]),
    classes: ["number", "number", "number", "number"],
  };
  return figureOf({
    title,
    caption,
    chart: isDrawn ? html`<ol class="small">\n${maps()}</ol>` : html`<p>${tooMany}</p>`,
    tables: [table],
  });
}

function pairsOf(matrix: readonly (readonly number[])[]) {
  return matrix.flatMap((row, i) =>
    row.slice(i + 1).map((value, j) => ({ value, heads: [i, i + 1 + j] as const }))
  );
}

function rangeText(matrix: readonly (readonly number[])[]): string {
  const values = pairsOf(matrix).map(({ value }) => value);
  if (values.length === 0) return "one head";
  return `${unit(Math.min(...values))} to ${unit(Math.max(...values))} over pairs of heads`;
}

function pairCells(matrix: readonly (readonly number[])[]): string[] {
  const pairs = pairsOf(matrix).sort((a, b) => a.value - b.value);
  const [least, most] = [pairs[0], pairs.at(-1)];
  if (least === undefined || most === undefined) return ["", "", "", "one head"];
  const mean = pairs.reduce((sum, { value }) => sum + value, 0) / pairs.length;
  return [unit(least.value), unit(mean), unit(most.value), most.heads.join(" and ")];
}
