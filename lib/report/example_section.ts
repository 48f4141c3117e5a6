/**
 * The examples that a merge changed, as a part of a page.
 *
 * @module
 */

import type { CheckPrediction } from "../eval/check.ts";
import type { Row } from "../text/dataset.ts";
import type { CheckReportData } from "./check_data.ts";
import { type Html, html } from "./html.ts";
import { count, counted, percent, significant } from "./numbers.ts";
import { confidence, flippedRows, movedRows, type Side } from "./outcomes.ts";
import { type Cell, type Section, tableOf } from "./page.ts";
import { classNames } from "./prediction_sections.ts";

/** Examples shown at most: more are read by nobody. */
const MOST_EXAMPLES = 200;

/** Characters of a text shown at most, so that long texts leave the page small. */
const MOST_CHARACTERS = 320;

/**
 * Sets the rows that the merge changed most: whose class flipped, or whose output moved.
 *
 * @param data The report's data.
 * @returns The section, with how many there are in all.
 */
export function examplesSection(data: CheckReportData): Section {
  const { task, result: { predictions } } = data;
  const classes = task.type === "classification";
  const changed = classes ? flippedRows(predictions) : movedRows(predictions);
  const shown = changed.slice(0, MOST_EXAMPLES);
  const title = classes ? "Flipped examples" : "Examples that moved most";
  const what = classes ? "get another class" : "get another output";
  if (shown.length === 0) return { title, body: html`<p>No rows ${what} than before.</p>` };
  const order = classes ? "lost ones first, surest first" : "the largest change first";
  const part = shown.length === changed.length
    ? `All are shown, ${order}.`
    : `The first ${count(shown.length)} are shown, ${order}; --predictions writes every row.`;
  return {
    title,
    body: html`<p>${counted(changed.length, "row")} of ${
      count(predictions.length)
    } ${what} than before. ${part}</p>
${classes ? flippedTable(data, shown) : movedTable(data, shown)}`,
  };
}

function flippedTable(data: CheckReportData, shown: readonly CheckPrediction[]): Html {
  const names = classNames(data);
  const cell = (row: CheckPrediction, side: Side): Cell => {
    const { prediction, logits } = row[side];
    const right = prediction === row.label;
    return html`<span class="${right ? "right" : "wrong"}">${
      right ? "✓" : "✗"
    } ${names[prediction]!}</span> ${percent(confidence(logits))}`;
  };
  return tableOf({
    caption: "Predictions with the probability of the class",
    header: ["row", "text", "true class", "before", "after"],
    rows: shown.map((row) => [
      count(row.index),
      textCell(data.rows?.[row.index]),
      names[row.label]!,
      cell(row, "before"),
      cell(row, "after"),
    ]),
    classes: ["number", "text"],
  });
}

function movedTable({ rows }: CheckReportData, shown: readonly CheckPrediction[]): Html {
  return tableOf({
    caption: "Outputs: the rows whose output changed most",
    header: ["row", "text", "true value", "before", "after", "change"],
    rows: shown.map(({ index, label, before, after }) => [
      count(index),
      textCell(rows?.[index]),
      significant(label),
      significant(before.prediction),
      significant(after.prediction),
      significant(after.prediction - before.prediction),
    ]),
    classes: ["number", "text", "number", "number", "number", "number"],
  });
}

function textCell(row: Row | undefined): Cell {
  if (row === undefined) return "";
  if (row.pair === undefined) return excerpt(row.text);
  return html`${excerpt(row.text)}<br>${excerpt(row.pair)}`;
}

function excerpt(text: string): string {
  const characters = [...text.slice(0, 2 * MOST_CHARACTERS)];
  if (characters.length <= MOST_CHARACTERS && text.length <= 2 * MOST_CHARACTERS) return text;
  return `${characters.slice(0, MOST_CHARACTERS).join("")} …`;
}
