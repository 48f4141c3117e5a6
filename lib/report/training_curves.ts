/**
 * Curves over the steps of training.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import type { Series } from "./charts.ts";
import { draw, GRID } from "./draw.ts";
import type { Html } from "./html.ts";

/** Points of a curve at most: more lie closer together than a screen shows. */
const MOST_POINTS = 120;

/** What some steps in a row came to. */
export interface Span {
  /** The middle of the steps. */
  readonly step: number;
  /** Their mean. */
  readonly mean: number;
  /** The least of them. */
  readonly low: number;
  /** The most of them. */
  readonly high: number;
}

/**
 * Joins neighbouring steps, so that a curve has few enough points to be drawn.
 *
 * @param values One value a step, from step 1 on.
 * @returns At most 120 spans of as many steps each, the last one of what is left.
 */
export function spansOf(values: readonly number[]): Span[] {
  const width = Math.ceil(values.length / MOST_POINTS);
  return Array.from({ length: Math.ceil(values.length / width) }, (_, i) => {
    const part = values.slice(i * width, (i + 1) * width);
    return {
      step: i * width + (part.length + 1) / 2,
      mean: part.reduce((sum, value) => sum + value, 0) / part.length,
      low: Math.min(...part),
      high: Math.max(...part),
    };
  });
}

/** Something measured now and then, drawn as points on a line. */
export interface Points {
  /** Its name, colour and shape. */
  readonly series: Series;
  /** Where and what. */
  readonly values: readonly { readonly step: number; readonly value: number }[];
}

/** What {@linkcode curveChart} draws. */
export interface Curves {
  /** A value of every step: a line through the means, over a band from least to most. */
  readonly spans?: { readonly series: Series; readonly values: readonly Span[] };
  /** What was measured now and then. */
  readonly points?: readonly Points[];
  /** The last step. */
  readonly steps: number;
  /** A step to mark, and its name. */
  readonly mark?: { readonly step: number; readonly name: string } | undefined;
  /** Whether the vertical axis begins at 0. */
  readonly fromZero: boolean;
}

/**
 * Draws values over the steps.
 *
 * @param label The chart's name.
 * @param curves The values.
 * @returns The drawing.
 */
export function curveChart(label: string, curves: Curves): Html {
  const { spans, points = [], steps, mark, fromZero } = curves;
  const dots = points.flatMap(({ series, values }) => values.map((at) => ({ ...at, series })));
  const bands = spans?.values ?? [];
  const values = [
    ...dots.map(({ value }) => value),
    ...bands.flatMap(({ low, high }) => [low, high]),
  ];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = 0.06 * (most - least) || Math.abs(most) || 1;
  const color = spans?.series.color ?? "none";
  const marks = mark === undefined ? [] : [mark];
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: 230,
      marginLeft: 50,
      marginRight: 14,
      marginTop: 22,
      marginBottom: 34,
      x: { domain: [0, steps], ticks: 5, label: "step →" },
      y: {
        domain: [fromZero ? Math.min(0, least) : least - margin, most + margin],
        label: null,
        ticks: 5,
      },
      marks: [
        Plot.gridY(GRID),
        Plot.areaY(bands, { x: "step", y1: "low", y2: "high", fill: color, fillOpacity: 0.18 }),
        Plot.line(bands, { x: "step", y: "mean", stroke: color, strokeWidth: 1.5 }),
        Plot.ruleX(marks, { x: "step", stroke: "var(--good)", strokeDasharray: "4 3" }),
        Plot.text(marks, {
          x: "step",
          frameAnchor: "top",
          text: "name",
          dy: -12,
          textAnchor: mark !== undefined && mark.step > steps / 2 ? "end" : "start",
          fill: "var(--good)",
        }),
        ...points.flatMap(({ series }) => {
          const own = dots.filter((dot) => dot.series === series);
          const at = { x: "step", y: "value" };
          return [
            Plot.line(own, { ...at, stroke: series.color, strokeWidth: 1.5 }),
            Plot.dot(own, { ...at, fill: series.color, symbol: series.symbol, r: 3.5 }),
          ];
        }),
      ],
    }));
}

/**
 * Draws how many rows each class has.
 *
 * @param label The chart's name.
 * @param classes The classes, in the order to show.
 * @returns The drawing.
 */
export function classChart(
  label: string,
  classes: readonly { readonly label: string; readonly rows: number }[],
): Html {
  const bars = classes.map(({ label, rows }) => ({ label: shortened(label), rows }));
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: 26 * bars.length + 34,
      marginLeft: 120,
      marginRight: 44,
      x: { domain: [0, Math.max(...bars.map(({ rows }) => rows))], ticks: 4, label: null },
      y: { domain: bars.map(({ label }) => label), label: null, padding: 0.2 },
      marks: [
        Plot.gridX(GRID),
        Plot.barX(bars, { x: "rows", y: "label", fill: "var(--before)" }),
        Plot.ruleX([0]),
        Plot.text(bars, {
          x: "rows",
          y: "label",
          text: (bar: { rows: number }) => bar.rows.toLocaleString("en-US"),
          textAnchor: "start",
          dx: 5,
          fontSize: 11,
        }),
      ],
    }));
}

/** Long names would leave no room for the bars. */
function shortened(label: string): string {
  const characters = [...label];
  return characters.length > 18 ? `${characters.slice(0, 17).join("")}…` : label;
}
