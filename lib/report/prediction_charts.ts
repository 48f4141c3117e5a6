/**
 * Charts of predictions: how far their confidence is deserved, and outputs against true values.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import type { Series } from "./charts.ts";
import { CHART_WIDTH, draw, GRID } from "./draw.ts";
import type { Html } from "./html.ts";

/** A bin of a reliability curve. */
export interface CurvePoint {
  /** Mean confidence, in [0, 1]. */
  readonly x: number;
  /** Share of right rows, in [0, 1]. */
  readonly y: number;
  /** Rows in the bin. */
  readonly rows: number;
}

/**
 * Draws how often predictions are right against how sure they are.
 *
 * @param label The chart's name.
 * @param curves One curve a model; points grow with their rows.
 * @returns The drawing, with the diagonal on which confidence is deserved.
 */
export function reliabilityChart(
  label: string,
  curves: readonly { readonly series: Series; readonly points: readonly CurvePoint[] }[],
): Html {
  const least = Math.min(...curves.flatMap(({ points }) => points.map(({ x }) => x)));
  const from = Math.floor(10 * least) / 10;
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: 300,
      marginLeft: 42,
      marginBottom: 36,
      marginRight: 14,
      x: { domain: [from, 1], ticks: 5, label: "mean confidence →", tickFormat: "%" },
      y: { domain: [0, 1], ticks: 5, label: "↑ share right", tickFormat: "%" },
      r: { range: [0, 9] },
      marks: [
        Plot.gridY(GRID),
        Plot.ruleY([0]),
        Plot.link([0], {
          x1: () => from,
          y1: () => from,
          x2: () => 1,
          y2: () => 1,
          stroke: "var(--quiet)",
          strokeDasharray: "4 3",
        }),
        ...curves.flatMap(({ series, points }) => [
          Plot.line(points, { x: "x", y: "y", stroke: series.color, strokeWidth: 1.5 }),
          Plot.dot(points, {
            x: "x",
            y: "y",
            r: "rows",
            fill: series.color,
            fillOpacity: 0.75,
            symbol: series.symbol,
          }),
        ]),
      ],
    }));
}

/** More points than this are counted in cells instead of drawn. */
const MOST_DOTS = 800;

/**
 * Draws outputs against true values; many of them as counts in cells.
 *
 * @param label The chart's name.
 * @param series Which model: the colour.
 * @param targets True values.
 * @param outputs One output a true value.
 * @param domain The least and the largest value of either axis.
 * @returns The drawing, with the diagonal on which outputs are right.
 */
export function scatterChart(
  label: string,
  series: Series,
  { targets, outputs, domain }: {
    readonly targets: readonly number[];
    readonly outputs: readonly number[];
    readonly domain: readonly [low: number, high: number];
  },
): Html {
  const dots = targets.map((target, row) => ({ target, output: outputs[row]! }));
  const [low, high] = domain;
  const at = { x: "target", y: "output" };
  const step = (high - low) / 36;
  const thresholds = Array.from({ length: 37 }, (_, i) => low + i * step);
  const marks = dots.length <= MOST_DOTS
    ? [
      Plot.dot(dots, { ...at, r: 2, fill: series.color, fillOpacity: 0.45, symbol: series.symbol }),
    ]
    : [
      Plot.rect(dots, {
        ...Plot.bin({ fillOpacity: "count" }, {
          x: { value: "target", thresholds },
          y: { value: "output", thresholds },
        }),
        fill: series.color,
        inset: 0,
      }),
    ];
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: CHART_WIDTH,
      marginLeft: 42,
      marginBottom: 36,
      marginRight: 14,
      x: { domain: [low, high], ticks: 5, label: "true value →" },
      y: { domain: [low, high], ticks: 5, label: `↑ output ${series.name}` },
      opacity: { type: "sqrt", range: [0.08, 1] },
      marks: [
        Plot.gridX(GRID),
        Plot.gridY(GRID),
        ...marks,
        Plot.link([0], {
          x1: () => low,
          y1: () => low,
          x2: () => high,
          y2: () => high,
          stroke: "var(--quiet)",
          strokeDasharray: "4 3",
        }),
      ],
    }));
}
