/**
 * The shell of a report: one HTML page that loads nothing, needs no script and reads well on paper,
 * in the dark, on a phone, by keyboard and aloud.
 *
 * @module
 */

import { VERSION } from "../version.ts";
import { Html, html } from "./html.ts";
import pageStyle from "./page.css" with { type: "text" };
import type { RunDetails } from "./run_details.ts";
import themeStyle from "./theme.css" with { type: "text" };

const style = `${themeStyle}${pageStyle}`;

/** One part of a page, below a heading of its own. */
export interface Section {
  /** The heading. */
  readonly title: string;
  /** What follows it. */
  readonly body: Html;
  /** A script that adds to a body which is whole without it. */
  readonly script?: string;
}

/** Whether a page brings good news: the colour beside its verdict, which says so in words too. */
export type Mood = "good" | "bad" | "neutral";

/** What {@linkcode renderPage} sets. */
export interface Page {
  /** The page's title and heading. */
  readonly title: string;
  /** One sentence that says it all. */
  readonly verdict: string;
  /** See {@linkcode Mood}. */
  readonly mood: Mood;
  /** What stands between the verdict and the first section. */
  readonly lead: Html;
  /** The parts, in order. */
  readonly sections: readonly Section[];
  /** How the numbers came to be, for the last section. */
  readonly details: RunDetails;
}

/**
 * Sets a page. Its policy forbids whatever is not in the page itself: requests, forms, any style but
 * this one, and any script but those of its sections, all known by their hashes.
 *
 * @param page The content.
 * @returns A whole HTML document, the same for the same content.
 */
export async function renderPage(page: Page): Promise<string> {
  const { title, verdict, mood, lead, sections, details } = page;
  const scripts = sections.flatMap(({ script }) => script ?? []);
  const allowed = await Promise.all(scripts.map(hashSource));
  const policy = `default-src 'none'; style-src ${await hashSource(style)}; ` +
    (allowed.length === 0 ? "" : `script-src ${allowed.join(" ")}; `) +
    "base-uri 'none'; form-action 'none'";
  const parts = [...sections, reproduction(details)];
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="no-referrer">
        <title>${title}</title>
        <style>${new Html(style)}</style>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <p class="maker">tinygraft ${VERSION}</p>
          <h1>${title}</h1>
          <nav aria-label="Parts of this report">
            <ul>${parts.map(({ title }, i) =>
              html`<li><a href="#part-${i}">${title}</a></li>`
            )}</ul>
          </nav>
        </header>
        <main id="content" tabindex="-1">
    <p class="verdict ${mood}">${verdict}</p>
    ${lead}
    ${parts.map(({ title, body }, i) =>
      html`
        <section aria-labelledby="part-${i}">
        <h2 id="part-${i}">${title}</h2>
        ${body}
        </section>
      `
    )}</main>
    ${scripts.map((script) => html`<script>${new Html(script)}</script>`)}
      </body>
    </html>
  `.markup + "\n";
}

function reproduction({ command, environment }: RunDetails): Section {
  const rows = environment.map(([name, value]) => [name, value]);
  return {
    title: "How to reproduce this",
    body: html`<pre><code>${command}</code></pre>
${tableOf({ caption: "Environment", header: ["what", "which"], rows })}`,
  };
}

/** What a policy calls a text by. */
async function hashSource(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}

/** What a cell shows; numbers are set right-aligned as they are given. */
export type Cell = string | Html;

/** Characters of a cell's text at most. */
const MOST_CHARACTERS = 2000;

/** A table's content. */
export interface Table {
  /** What the table shows. */
  readonly caption: string;
  /** Column titles. */
  readonly header: readonly string[];
  /** Rows; the first cell of each is its title. */
  readonly rows: readonly (readonly Cell[])[];
  /** A class for each column, such as `number`; none where missing. */
  readonly classes?: readonly (string | undefined)[];
  /** What kind of row each is, for a script that shows some kinds only. */
  readonly kinds?: readonly string[];
}

/**
 * Sets a table that scrolls by itself where the page is too narrow for it.
 *
 * @param table The content.
 * @returns The table; its first column holds the rows' titles.
 */
export function tableOf({ caption, header, rows, classes = [], kinds = [] }: Table): Html {
  const classOf = (column: number) => {
    const name = classes[column];
    return name === undefined ? undefined : html`class="${name}"`;
  };
  const headerCells = header.map((title, i) =>
    html`
      <th scope="col" ${classOf(i)}>${title}</th>
    `
  );
  const rowOf = (cells: readonly Cell[], row: number) =>
    html`
      <tr ${kinds[row] === undefined ? undefined : html`data-kind="${kinds[row]}"`}>${cells.map((
        cell,
        i,
      ) =>
        i === 0
          ? html`
            <th scope="row" ${classOf(i)}>${cut(cell)}</th>
          `
          : html`<td ${classOf(i)}>${cut(cell)}</td>`
      )}</tr>
    `;
  return html`
    <div class="scroll" role="group" aria-label="${caption}" tabindex="0">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${headerCells}</tr>
        </thead>
        <tbody>
    ${rows.map(rowOf)}</tbody>
      </table>
    </div>
  `;
}

/** Browsers take minutes to find where endless words break in a table. */
function cut(cell: Cell): Cell {
  const isLong = typeof cell === "string" && cell.length > MOST_CHARACTERS;
  return isLong ? `${cell.slice(0, MOST_CHARACTERS)}…` : cell;
}

/** A chart with what belongs to it. */
export interface Figure {
  /** What it shows, in a few words. */
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  /** The drawing, or several. */
  readonly chart: Html;
  /** The same numbers, for who cannot see the drawing or wants them exact. */
  readonly tables: readonly Table[];
}

/**
 * Sets a figure: title and caption, the chart, and its numbers folded away below.
 *
 * @param figure The content.
 * @returns The figure.
 */
export function figureOf({ title, caption, chart, tables }: Figure): Html {
  return html`
    <figure>
    <figcaption><strong>${title}</strong>${caption}</figcaption>
    ${chart}
    <details><summary>The numbers</summary>
    ${tables.map(tableOf)}
    </details>
    </figure>
  `;
}

/** One number that matters, set large. */
export interface Tile {
  /** What it is. */
  readonly name: string;
  /** The number. */
  readonly value: string;
  /** What to know beside it. */
  readonly detail?: string;
}

/**
 * Sets numbers as tiles side by side.
 *
 * @param tiles The numbers, the most important first.
 * @returns A list of names with values.
 */
export function tilesOf(tiles: readonly Tile[]): Html {
  return html`
    <dl class="tiles">
    ${tiles.map(({ name, value, detail }) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd><span class="value">${value}</span>${detail === undefined
            ? undefined
            : html`<br><span class="detail">${detail}</span>`}</dd>
        </div>
      `
    )}</dl>
  `;
}
