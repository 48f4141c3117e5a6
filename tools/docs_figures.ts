/**
 * `deno task docs:figures [--check]`: writes what the documents show of docs/figures/merging.json,
 * the plots beside it and the tables of README.md and docs/merging.md, or says what is not so.
 *
 * @module
 */

import { ROOT } from "./files.ts";
import { headsPlot, lostPlot, type MergeFigures, type MergeResult } from "./docs_plots.ts";

const FIGURES = "docs/figures/merging.json";
const TABLES = ["README.md", "docs/merging.md"];
/** The table that begins with the column of methods; another table may follow at a distance. */
const TABLE = /^\| method +\| heads \|.*\n(?:\|.*\n)+/m;

/**
 * Sets the figures as a Markdown table, as the formatter would.
 *
 * @param figures What was measured.
 * @returns The table's lines.
 */
export function mergingTable({ tasks, ways }: MergeFigures): string {
  const header = [
    "method",
    "heads",
    "parameters",
    ...tasks.map(({ name, metric }) => `${name}, ${metric}`),
    "seconds",
  ];
  const rows = ways.map(({ method, heads, parameters, results, seconds }) => [
    ...[method, String(heads), parameters.toLocaleString("en")],
    ...results.map(cellOf),
    seconds,
  ]);
  const widths = header.map((_title, i) =>
    Math.max(...[header, ...rows].map((cells) => cells[i]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
        .join(" | ")
    } |\n`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [header, rule, ...rows].map(line).join("");
}

/** The metric, what was lost, and how far the outputs are off. */
function cellOf({ metric, lost, low, high, closed, error }: MergeResult): string {
  const gap = closed === undefined ? "" : `${closed} %, `;
  return `${metric.toFixed(1)}<br>${lost.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})` +
    `<br>${gap}${error.toFixed(2)}`;
}

/**
 * Makes every file that shows the figures.
 *
 * @returns Path relative to the checkout's root to content as it should be.
 */
export function figureFiles(): Map<string, string> {
  const figures: MergeFigures = JSON.parse(Deno.readTextFileSync(`${ROOT}/${FIGURES}`));
  const table = mergingTable(figures);
  return new Map([
    ["docs/figures/points-lost.svg", lostPlot(figures)],
    ["docs/figures/heads-left.svg", headsPlot(figures)],
    ...TABLES.map((path) => {
      const text = Deno.readTextFileSync(`${ROOT}/${path}`);
      if (!TABLE.test(text)) throw new Error(`Cannot find the table of methods in ${path}`);
      return [path, text.replace(TABLE, () => table)] as const;
    }),
  ]);
}

/**
 * Compares the files with what is there.
 *
 * @returns One line for each file that differs.
 */
export function staleFigures(): string[] {
  return [...figureFiles()].filter(([path, content]) => readIfThere(path) !== content)
    .map(([path]) => `${path} does not show ${FIGURES}: run deno task docs:figures`);
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${ROOT}/${path}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

if (import.meta.main) {
  if (Deno.args.includes("--check")) {
    const stale = staleFigures();
    for (const fault of stale) console.error(fault);
    if (stale.length > 0) Deno.exit(1);
  } else {
    for (const [path, content] of figureFiles()) {
      Deno.writeTextFileSync(`${ROOT}/${path}`, content);
    }
  }
}
