/**
 * The examples that a merge changed, as a part of a page.
 *
 * @module
 */

import type { CheckPrediction } from "../eval/check.ts";
import type { Row } from "../text/dataset.ts";
import type { CheckReportData } from "./check_data.ts";
import script from "./filter_rows.js" with { type: "text" };
import { type Html, html } from "./html.ts";
import { count, counted, percent, significant } from "./numbers.ts";
import { confidence, flippedRows, movedRows, outcomeOf, type Side } from "./outcomes.ts";
import { type Cell, type Section, type Table, tableOf } from "./page.ts";
import { classNames } from "./prediction_sections.ts";

/** Examples shown at most: more would make a page that opens slowly on a phone. */
const MOST_EXAMPLES = 500;

/** Bytes in the cells of all examples at most. */
const MOST_BYTES = 350_000;

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
  const first = changed.slice(0, MOST_EXAMPLES);
  const table = classes ? flippedTable(data, first) : movedTable(data, first);
  const shown = first.slice(0, fitting(table));
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
    } ${what} than before. ${part}${
      shown.some((row) => isLong(data.rows?.[row.index]))
        ? ` Texts are cut after ${MOST_CHARACTERS} characters.`
        : undefined
    }</p>
${finder(classes ? kindsOf(shown) : [])}${
      tableOf({ ...table, rows: table.rows.slice(0, shown.length) })
    }`,
    script,
  };
}

/** How many rows leave the page small. */
function fitting({ rows }: Table): number {
  const encoder = new TextEncoder();
  let bytes = 0;
  const tooMany = rows.findIndex((cells) => {
    bytes += encoder.encode(html`${cells}`.markup).length;
    return bytes > MOST_BYTES;
  });
  return tooMany < 0 ? rows.length : tooMany;
}

/** What each kind of flipped row is called. */
const KINDS: Readonly<Partial<Record<ReturnType<typeof outcomeOf>, string>>> = {
  lost: "lost: right before, wrong after",
  won: "won: wrong before, right after",
  otherWrong: "wrong before and after",
};

function kindsOf(shown: readonly CheckPrediction[]): string[] {
  const found = new Set(shown.map(outcomeOf));
  return Object.keys(KINDS).filter((kind) => found.has(kind as keyof typeof KINDS));
}

/** Hidden until a script is there to make it work. */
function finder(kinds: readonly string[]): Html {
  const options = kinds.map((kind) =>
    html`<option value="${kind}">${KINDS[kind as keyof typeof KINDS]}</option>`
  );
  return html`
    <div id="find" role="search" aria-label="Examples" hidden>
      <label>Words to find <input type="search" autocomplete="off" spellcheck="false"></label>${kinds
          .length < 2
        ? undefined
        : html`
          <label>Outcome <select><option value="">any</option>${options}</select></label>
        `}
      <output></output>
    </div>
  `;
}

function flippedTable(data: CheckReportData, shown: readonly CheckPrediction[]): Table {
  const names = classNames(data);
  const cell = (row: CheckPrediction, side: Side): Cell => {
    const { prediction, logits } = row[side];
    const right = prediction === row.label;
    return html`<span class="${right ? "right" : "wrong"}">${
      right ? "✓" : "✗"
    } ${names[prediction]!}</span> <span class="whole">${percent(confidence(logits))}</span>`;
  };
  return {
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
    kinds: shown.map(outcomeOf),
  };
}

function movedTable({ rows }: CheckReportData, shown: readonly CheckPrediction[]): Table {
  return {
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
  };
}

function textCell(row: Row | undefined): Cell {
  if (row === undefined) return "";
  if (row.pair === undefined) return excerpt(row.text);
  return html`${excerpt(row.text)}<br>${excerpt(row.pair)}`;
}

function isLong({ text, pair = "" }: Row = { text: "", line: 0 }): boolean {
  return excerpt(text) !== text || excerpt(pair) !== pair;
}

function excerpt(text: string): string {
  const characters = [...text.slice(0, 2 * MOST_CHARACTERS)];
  if (characters.length <= MOST_CHARACTERS && text.length <= 2 * MOST_CHARACTERS) return text;
  return `${characters.slice(0, MOST_CHARACTERS).join("")} …`;
}
