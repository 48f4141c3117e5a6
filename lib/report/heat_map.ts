/**
 * Heat maps of square matrices, small enough to stand side by side by the dozen: each shade is one
 * path, where a chart library would draw thousands of rectangles.
 *
 * @module
 */

import { Html, html } from "./html.ts";
import { unit } from "./numbers.ts";

/** How many shades there are from none to full. */
const SHADES = 20;

/** Up to so many rows each cell holds its number. */
const MOST_NUMBERS = 4;

/** Up to so many rows the heads are numbered along the edges. */
const MOST_NAMES = 8;

/** What {@linkcode heatMap} shows. */
export interface HeatMap {
  /** Its name for screen readers. */
  readonly label: string;
  /** Values in [-1, 1], square and symmetric, 1 on the diagonal. */
  readonly matrix: readonly (readonly number[])[];
  /** Rows that belong together; rows are shown in this order, and parts of several are framed. */
  readonly groups: readonly (readonly number[])[];
}

/**
 * Draws a matrix of similarities: blue above 0, red below, the stronger the farther from it.
 *
 * @param map The values and how rows belong together.
 * @returns The drawing.
 */
export function heatMap({ label, matrix, groups }: HeatMap): Html {
  const order = groups.flat();
  const rows = order.length;
  const cell = rows <= MOST_NUMBERS ? 29 : rows <= MOST_NAMES ? 14 : 7;
  const edge = rows <= MOST_NAMES ? 13 : 1;
  const size = edge + rows * cell + 1;
  const valueAt = (row: number, col: number) => matrix[order[row]!]![order[col]!]!;
  return html`
    <svg viewBox="0 0 ${size} ${size}" width="${size}" height="${size}" role="img"
      aria-label="${label}" font-size="9" text-anchor="middle"
      fill="currentColor">${shades(rows, cell, edge, valueAt)}${rows <= MOST_NUMBERS
        ? numbers(rows, cell, edge, valueAt)
        : undefined}${rows <= MOST_NAMES ? names(order, cell, edge) : undefined}${groups.length > 1
        ? frames(groups, cell, edge)
        : undefined}</svg>
  `;
}

type ValueAt = (row: number, col: number) => number;

/** One path a shade, over a ground that shows where nothing is alike. */
function shades(rows: number, cell: number, edge: number, valueAt: ValueAt): Html {
  const paths = new Map<number, string>();
  let diagonal = "";
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < rows; col++) {
      const square = `M${edge + col * cell} ${edge + row * cell}h${cell}v${cell}h-${cell}z`;
      const shade = Math.round(SHADES * Math.max(-1, Math.min(1, valueAt(row, col))));
      if (row === col) diagonal += square;
      else if (shade !== 0) paths.set(shade, (paths.get(shade) ?? "") + square);
    }
  }
  const side = rows * cell;
  const filled = [...paths].sort(([a], [b]) => a - b).map(([shade, path]) =>
    html`
      <path fill="${shade > 0 ? "var(--high)" : "var(--low)"}" fill-opacity="${Math.abs(shade) /
        SHADES}" d="${path}" />
    `
  );
  return html`
    <path fill="var(--panel)" d="M${edge} ${edge}h${side}v${side}h-${side}z" /><path
      fill="var(--line)" d="${diagonal}" />${filled}
  `;
}

function numbers(rows: number, cell: number, edge: number, valueAt: ValueAt): Html[] {
  const texts: Html[] = [];
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < rows; col++) {
      if (row === col) continue;
      const value = valueAt(row, col);
      // Dark ink on pale shades, paper on full ones.
      const fill = Math.abs(value) > 0.65
        ? html`
          fill="var(--paper)"
        `
        : undefined;
      const [x, y] = [edge + (col + 0.5) * cell, edge + (row + 0.5) * cell + 3];
      texts.push(html`
        <text x="${x}" y="${y}" ${fill}>${unit(value)}</text>
      `);
    }
  }
  return texts;
}

function names(order: readonly number[], cell: number, edge: number): Html[] {
  return order.map((head, i) => {
    const middle = edge + (i + 0.5) * cell;
    return html`
      <text x="${middle}" y="9" fill="var(--quiet)">${head}</text>
      <text x="5" y="${middle + 3}" fill="var(--quiet)">${head}</text>
    `;
  });
}

/** A frame around each part of more than one row: what became one. */
function frames(groups: readonly (readonly number[])[], cell: number, edge: number): Html[] {
  let start = edge;
  return groups.map(({ length }) => {
    const side = length * cell;
    const frame = html`
      <rect x="${start}" y="${start}" width="${side}" height="${side}" fill="none"
        stroke="currentColor" stroke-width="1.5" />
    `;
    start += side;
    return length > 1 ? frame : new Html("");
  });
}

/**
 * Draws the scale of shades.
 *
 * @returns A strip from -1 to 1 with its ends named.
 */
export function heatKey(): Html {
  const steps = Array.from({ length: 9 }, (_, i) => (i - 4) / 4);
  return html`
    <svg viewBox="0 0 200 30" width="200" height="30" role="img"
      aria-label="Shades from minus 1, red, over 0, none, to 1, blue" font-size="11"
      text-anchor="middle"
      fill="currentColor">${steps.map((value, i) =>
        html`
          <rect x="${10 + 20 * i}" y="2" width="20" height="11" fill="${value === 0
            ? "var(--panel)"
            : value > 0
            ? "var(--high)"
            : "var(--low)"}" fill-opacity="${Math.abs(value) || 1}" />
        `
      )}<text x="20" y="26">−1</text><text x="100" y="26">0</text><text x="180" y="26">1</text></svg>
  `;
}
