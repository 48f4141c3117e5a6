/**
 * What a check's predictions look like as a whole, as parts of a page.
 *
 * @module
 */

import { AFTER, BEFORE, keyOf } from "./charts.ts";
import type { CheckReportData } from "./check_data.ts";
import { type Html, html } from "./html.ts";
import { count, counted, percent, significant } from "./numbers.ts";
import {
  calibrationError,
  confusionCounts,
  outcomeCounts,
  reliability,
  rootMeanSquare,
  type Side,
} from "./outcomes.ts";
import { type Cell, figureOf, type Section, type Table, tableOf } from "./page.ts";
import { reliabilityChart, scatterChart } from "./prediction_charts.ts";

/** More classes than this are listed by their commonest confusions. */
const MOST_CLASSES = 24;

/** Characters of a class's name shown at most. */
const MOST_NAME = 60;

/** How many confusions are listed then. */
const MOST_CONFUSIONS = 40;

/**
 * Names the classes of a check.
 *
 * @param data The report's data.
 * @returns One name a class; numbers where the adapter has no labels.
 */
export function classNames({ task, result }: CheckReportData): readonly string[] {
  const classes = result.predictions[0]?.before.logits.length ?? 0;
  return task.labels?.map(shortened) ?? Array.from({ length: classes }, (_, i) => String(i));
}

/** Names stand in thousands of cells, and nothing keeps them short. */
function shortened(name: string): string {
  const characters = [...name.slice(0, 2 * MOST_NAME)];
  return characters.length <= MOST_NAME && name.length <= 2 * MOST_NAME
    ? name
    : `${characters.slice(0, MOST_NAME).join("")}…`;
}

/**
 * Sets what became of a classification's rows: outcomes, confusion and confidence.
 *
 * @param data The report's data.
 * @returns Two sections.
 */
export function classSections(data: CheckReportData): Section[] {
  return [
    {
      title: "Predictions",
      body: html`${tableOf(outcomeTable(data))}${confusions(data)}`,
    },
    { title: "Confidence", body: reliabilityFigure(data) },
  ];
}

function outcomeTable({ result: { predictions } }: CheckReportData): Table {
  const counts = outcomeCounts(predictions);
  const rowOf = (title: string, rows: number) => [
    title,
    count(rows),
    percent(rows / predictions.length),
  ];
  return {
    caption: "What became of the rows",
    header: ["outcome", "rows", "share"],
    rows: [
      rowOf("right before and after", counts.bothRight),
      rowOf("lost: right before, wrong after", counts.lost),
      rowOf("won: wrong before, right after", counts.won),
      rowOf("wrong before and after, the same class", counts.sameWrong),
      rowOf("wrong before and after, another class", counts.otherWrong),
    ],
    classes: [undefined, "number", "number"],
  };
}

function confusions(data: CheckReportData): Html {
  const names = classNames(data);
  const sides = (["before", "after"] as const).map((side) =>
    [side, confusionCounts(data.result.predictions, side, names.length)] as const
  );
  if (names.length > MOST_CLASSES) return tableOf(commonConfusions(sides, names));
  return html`
    <p>Confusion: a row of the table holds the rows of one true class, by the class predicted.</p>
    <div class="figures">
    ${sides.map(([side, counts]) => tableOf(confusionTable(side, counts, names)))}
    </div>
  `;
}

function confusionTable(
  side: Side,
  counts: readonly (readonly number[])[],
  names: readonly string[],
): Table {
  return {
    caption: `Confusion ${side}: true class by predicted class`,
    header: ["true \\ predicted", ...names, "right"],
    rows: counts.map((row, truth): Cell[] => {
      const total = row.reduce((sum, rows) => sum + rows, 0);
      return [
        names[truth]!,
        ...row.map((rows, predicted) => confusionCell(rows, total, predicted === truth)),
        total === 0 ? "" : percent(row[truth]! / total),
      ];
    }),
    classes: [undefined, ...names.map(() => "number"), "number"],
  };
}

/** A count over a tint: green for right, red for wrong, deeper for a larger share of the class. */
function confusionCell(rows: number, total: number, right: boolean): Html {
  const depth = total === 0 ? 0 : Math.ceil((4 * rows) / total);
  if (depth === 0) return html`<span class="tint">${count(rows)}</span>`;
  return html`<span class="tint ${right ? "good" : "bad"}${depth}">${count(rows)}</span>`;
}

function commonConfusions(
  sides: readonly (readonly [Side, readonly (readonly number[])[]])[],
  names: readonly string[],
): Table {
  const [before, after] = sides.map(([, counts]) => counts) as [number[][], number[][]];
  const wrong = names.flatMap((_, truth) =>
    names.flatMap((_, predicted) => {
      const rows = [before[truth]![predicted]!, after[truth]![predicted]!] as const;
      return truth === predicted || rows[0] + rows[1] === 0 ? [] : [{ truth, predicted, rows }];
    })
  );
  wrong.sort((a, b) => Math.max(...b.rows) - Math.max(...a.rows));
  return {
    caption: `The commonest confusions, at most ${MOST_CONFUSIONS} of ${count(wrong.length)}`,
    header: ["true", "predicted", "rows before", "rows after"],
    rows: wrong.slice(0, MOST_CONFUSIONS).map(({ truth, predicted, rows }) => [
      names[truth]!,
      names[predicted]!,
      ...rows.map(count),
    ]),
    classes: [undefined, undefined, "number", "number"],
  };
}

function reliabilityFigure({ result: { predictions } }: CheckReportData): Html {
  const sides = [BEFORE, AFTER].map((series) => {
    const bins = reliability(predictions, series === BEFORE ? "before" : "after");
    return { series, bins, error: calibrationError(bins) };
  });
  const [before, after] = sides.map(({ error }) => percent(error));
  const title = "How often predictions are right, by how sure they are";
  const points = sides.map(({ series, bins }) => ({
    series,
    points: bins.filter(({ rows }) => rows > 0)
      .map(({ rows, confidence, right }) => ({ x: confidence, y: right, rows })),
  }));
  return figureOf({
    title,
    caption: `Larger points stand for more rows; on the dashed line confidence is deserved. ` +
      `Expected calibration error: ${before} before, ${after} after.`,
    chart: html`${keyOf([BEFORE, AFTER])}${reliabilityChart(title, points)}`,
    tables: sides.map(({ series, bins }) => ({
      caption: `Confidence ${series.name}`,
      header: ["confidence from", "rows", "mean confidence", "right"],
      rows: bins.filter(({ rows }) => rows > 0).map((bin) => [
        percent(bin.from),
        count(bin.rows),
        percent(bin.confidence),
        percent(bin.right),
      ]),
      classes: ["number", "number", "number", "number"],
    })),
  });
}

/** Rows of the table beside a scatter chart. */
const VALUE_BINS = 5;

/**
 * Sets a regression's outputs against the true values.
 *
 * @param data The report's data.
 * @returns The section.
 */
export function valueSection({ result: { predictions } }: CheckReportData): Section {
  const targets = predictions.map(({ label }) => label);
  const sides = [BEFORE, AFTER].map((series) => {
    const side: Side = series === BEFORE ? "before" : "after";
    const outputs = predictions.map((row) => row[side].prediction);
    return { series, outputs, error: rootMeanSquare(predictions, side) };
  });
  const values = [...targets, ...sides.flatMap(({ outputs }) => outputs)];
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const margin = 0.03 * (high - low) || 1;
  const domain = [low - margin, high + margin] as const;
  const figures = sides.map(({ series, outputs, error }) => {
    const title = `Outputs ${series.name} against true values`;
    return figureOf({
      title,
      caption: `On the dashed line outputs are right. Root mean squared error: ` +
        `${significant(error)}, over ${counted(targets.length, "row")}.`,
      chart: scatterChart(title, series, { targets, outputs, domain }),
      tables: [valueTable(series.name, targets, outputs)],
    });
  });
  return { title: "Outputs", body: html`<div class="figures">\n${figures}</div>\n` };
}

function valueTable(
  name: string,
  targets: readonly number[],
  outputs: readonly number[],
): Table {
  const low = targets.reduce((least, value) => Math.min(least, value), Infinity);
  const high = targets.reduce((most, value) => Math.max(most, value), -Infinity);
  const bins = Array.from({ length: VALUE_BINS }, () => ({ rows: 0, target: 0, output: 0 }));
  for (const [row, target] of targets.entries()) {
    const place = high === low ? 0 : (VALUE_BINS * (target - low)) / (high - low);
    const bin = bins[Math.min(VALUE_BINS - 1, Math.floor(place))]!;
    bin.rows++;
    bin.target += target;
    bin.output += outputs[row]!;
  }
  return {
    caption: `Outputs ${name}, rows grouped by true value`,
    header: ["mean true value", "rows", "mean output"],
    rows: bins.filter(({ rows }) => rows > 0).map(({ rows, target, output }) => [
      significant(target / rows),
      count(rows),
      significant(output / rows),
    ]),
    classes: ["number", "number", "number"],
  };
}
