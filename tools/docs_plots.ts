/**
 * The plots of the documentation: what merging costs, drawn from the figures that were measured.
 *
 * A plot is a file of its own, which pages show as a picture; so it brings its colours along, for
 * light and for dark.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { draw, GRID } from "../lib/report/draw.ts";
import { escapeHtml } from "../lib/report/html.ts";

/** What one way to merge cost on one task. */
export interface MergeResult {
  /** The metric after merging, in points. */
  readonly metric: number;
  /** Points lost against all heads. */
  readonly lost: number;
  /** The lower end of the 95 % interval of what was lost. */
  readonly low: number;
  /** Its upper end. */
  readonly high: number;
  /** Percent of the gap between `average` and `stack` that is closed; absent for these two. */
  readonly closed?: number;
  /** Mean relative error of the layers' outputs. */
  readonly error: number;
}

/** One way to merge. */
export interface MergeWay {
  /** The method. */
  readonly method: string;
  /** Heads left in a layer. */
  readonly heads: number;
  /** Parameters of the modules. */
  readonly parameters: number;
  /** How long it took, as text. */
  readonly seconds: string;
  /** What it cost, a task each, in their order. */
  readonly results: readonly MergeResult[];
}

/** The figures of docs/figures/merging.json. */
export interface MergeFigures {
  /** The base model. */
  readonly model: string;
  /** The command that measures them. */
  readonly madeBy: string;
  /** The tasks. */
  readonly tasks: readonly { readonly name: string; readonly metric: string }[];
  /** The ways, `stack` first and `average` second. */
  readonly ways: readonly MergeWay[];
}

const COLORS = `
:root { --line: #d5dae0; --ink: #1c2024; --first: #2f6bb2; --second: #c2580a; }
@media (prefers-color-scheme: dark) {
  :root { --line: #363d45; --ink: #e6e9ec; --first: #6ea8ea; --second: #f19b52; }
}
svg { color: var(--ink); font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
text { white-space: pre; }
`;
const WIDTH = 640;

/**
 * Draws the points that one head instead of four loses, a method each, with their intervals.
 *
 * @param figures What was measured.
 * @returns An SVG file.
 */
export function lostPlot({ tasks, ways }: MergeFigures): string {
  const points = ways.filter(({ heads }) => heads === 1).flatMap(({ method, results }) =>
    results.map((result, i) => ({ ...result, method, task: titleOf(tasks[i]!) }))
  );
  return drawFile(
    "Points lost by merging four heads into one, by task and method",
    describe(
      points,
      ({ task, method, lost, low, high }) =>
        `${task}: ${method} loses ${lost.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`,
    ),
    (canvas) =>
      Plot.plot({
        ...canvas,
        width: WIDTH,
        height: 560,
        marginLeft: 150,
        marginRight: 20,
        marginTop: 8,
        marginBottom: 40,
        x: { label: "points lost against all four heads, with the 95 % interval →", nice: true },
        y: { domain: [...new Set(points.map(({ method }) => method))], label: null },
        fy: { domain: tasks.map(titleOf), axis: null, padding: 0.22 },
        marks: [
          Plot.gridX(GRID),
          Plot.ruleX([0]),
          Plot.ruleY(points, { x1: "low", x2: "high", y: "method", fy: "task", strokeWidth: 1.5 }),
          Plot.dot(points, { x: "lost", y: "method", fy: "task", fill: "var(--first)", r: 4 }),
          Plot.text(tasks.map(titleOf), {
            fy: (task: string) => task,
            text: (task: string) => task,
            frameAnchor: "bottom-right",
            fontWeight: 600,
            fontSize: 12,
          }),
        ],
      }),
  );
}

/**
 * Draws how much of the gap is closed by the heads that are left.
 *
 * @param figures What was measured.
 * @returns An SVG file.
 */
export function headsPlot({ tasks, ways }: MergeFigures): string {
  const methods = ["product, weighted by text", "distil, closed form"];
  const points = ways.filter(({ method }) => methods.includes(method)).flatMap((way) =>
    way.results.slice(0, PLAIN_TASKS).map((result, i) => ({
      task: titleOf(tasks[i]!),
      method: way.method,
      heads: way.heads,
      closed: result.closed!,
    }))
  );
  const color = ({ method }: { readonly method: string }) =>
    method === methods[0] ? "var(--second)" : "var(--first)";
  const facets = tasks.slice(0, PLAIN_TASKS).map(titleOf);
  const place = { x: "heads", y: "closed", fx: "task" };
  return drawFile(
    "Share of the gap closed with one, two and three heads",
    describe(
      points,
      ({ task, method, heads, closed }) => `${task}, ${method}: ${heads} heads close ${closed} %`,
    ),
    (canvas) =>
      Plot.plot({
        ...canvas,
        width: WIDTH,
        height: 260,
        marginLeft: 44,
        marginTop: 34,
        marginBottom: 40,
        x: { domain: [1, 2, 3], type: "point", label: "heads left" },
        y: { domain: [40, 110], label: "↑ % of the gap closed" },
        fx: { domain: facets, label: null, axis: "top", padding: 0.12 },
        marks: [
          Plot.gridY(GRID),
          Plot.ruleY([100], { strokeDasharray: "4 3" }),
          Plot.line(points, { ...place, z: "method", stroke: color, strokeWidth: 1.75 }),
          Plot.dot(points, {
            ...place,
            fill: color,
            symbol: ({ method }: { readonly method: string }) =>
              method === methods[0] ? "square" : "circle",
            r: 3.5,
          }),
          ...methods.map((method, i) =>
            Plot.text([facets.at(-1)!], {
              fx: (task: string) => task,
              text: () => `${i === 0 ? "■" : "●"} ${method.replace(/,/, "\n   ")}`,
              frameAnchor: "bottom-left",
              fill: color({ method }),
              dx: 4,
              dy: -8 - 36 * i,
              fontSize: 11,
            })
          ),
        ],
      }),
  );
}

/** The tasks before the mergeable recipe, whose gap of half a point leaves nothing to close. */
const PLAIN_TASKS = 4;

function titleOf({ name, metric }: { readonly name: string; readonly metric: string }): string {
  return `${name} (${metric})`;
}

function describe<T>(points: readonly T[], line: (point: T) => string): string {
  return points.map(line).join("; ");
}

/** A picture of its own, with a name and all its numbers for those who cannot see it. */
function drawFile(
  title: string,
  description: string,
  plot: (canvas: Parameters<Parameters<typeof draw>[1]>[0]) => unknown,
): string {
  const { markup } = draw(title, plot);
  const head = `<title>${escapeHtml(title)}</title><desc>${escapeHtml(description)}</desc>` +
    `<style>${COLORS}</style>`;
  return markup.replace(
    /<svg([^>]*)>/,
    (_all, attributes: string) =>
      `<svg${attributes.includes("xmlns=") ? "" : ' xmlns="http://www.w3.org/2000/svg"'}` +
      `${attributes}>${head}`,
  ) + "\n";
}
