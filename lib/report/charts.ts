/**
 * Charts of what a merge costs: metrics, their drop, and errors of layers.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { draw, GRID } from "./draw.ts";
import { type Html, html } from "./html.ts";

/** A series of a chart: its name in the key, its colour and the shape of its points. */
export interface Series {
  /** What the key calls it. */
  readonly name: string;
  /** A colour of the page. */
  readonly color: string;
  /** The shape of its points: colour alone does not tell series apart for everyone. */
  readonly symbol: "circle" | "square" | "triangle";
}

/** Before and after a merge, in every chart. */
export const BEFORE: Series = { name: "before", color: "var(--before)", symbol: "circle" };

/** See {@linkcode BEFORE}. */
export const AFTER: Series = { name: "after", color: "var(--after)", symbol: "square" };

/**
 * Sets the key of a chart.
 *
 * @param series The series that it shows.
 * @returns A list of names, each beside its mark.
 */
export function keyOf(series: readonly Series[]): Html {
  const shapes = {
    circle: "M1 6a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
    square: "M2 2h8v8h-8Z",
    triangle: "M6 1L11 10H1Z",
  };
  return html`
    <ul class="key">${series.map(({ name, color, symbol }) =>
      html`<li><svg width="12" height="12" aria-hidden="true"><path fill="${color}" d="${
        shapes[symbol]
      }"/></svg>${name}</li>`
    )}</ul>
  `;
}

/** One bar: a metric of one model. */
export interface Bar {
  /** The metric. */
  readonly group: string;
  /** Which model. */
  readonly series: Series;
  /** Its value, in points. */
  readonly value: number;
  /** What is written at its end. */
  readonly text: string;
  /** How sure it is, in points. */
  readonly interval?: readonly [low: number, high: number] | undefined;
}

/**
 * Draws bars that lie, a group a metric, with whiskers for their intervals.
 *
 * @param label The chart's name.
 * @param bars The bars, in order from the top.
 * @returns The drawing, with 0 at the foot of the bars.
 */
export function barChart(label: string, bars: readonly Bar[]): Html {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const whiskers = bars.flatMap((bar) =>
    bar.interval === undefined ? [] : [{ ...bar, low: bar.interval[0], high: bar.interval[1] }]
  );
  const ends = bars.flatMap(({ value, interval }) => [value, ...(interval ?? [])]);
  const y = { fy: "group", y: (bar: Bar) => bar.series.name };
  const rowHeight = 22;
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: groups.length * (2 * rowHeight + 14) + 36,
      marginLeft: 78,
      marginRight: 44,
      x: { domain: [Math.min(0, ...ends), Math.max(100, ...ends)], ticks: 5, label: null },
      y: { domain: [BEFORE.name, AFTER.name], axis: null, padding: 0.15 },
      fy: { domain: groups, label: null, axis: "left", padding: 0.12 },
      marks: [
        Plot.gridX(GRID),
        Plot.barX(bars, { x: "value", ...y, fill: (bar: Bar) => bar.series.color }),
        Plot.ruleY(whiskers, { x1: "low", x2: "high", ...y, strokeWidth: 1.5 }),
        Plot.tickX(whiskers, { x: "low", ...y, insetTop: 5, insetBottom: 5, strokeWidth: 1.5 }),
        Plot.tickX(whiskers, { x: "high", ...y, insetTop: 5, insetBottom: 5, strokeWidth: 1.5 }),
        Plot.ruleX([0]),
        Plot.text(bars, {
          x: (bar: Bar) => Math.max(0, bar.value, bar.interval?.[1] ?? 0),
          ...y,
          text: "text",
          textAnchor: "start",
          dx: 5,
          fontSize: 11,
          fontVariant: "tabular-nums",
        }),
      ],
    }));
}

/** What {@linkcode dropChart} shows, all in points. */
export interface Drop {
  /** The drop, negative for a gain. */
  readonly drop: number;
  /** Its interval. */
  readonly interval: readonly [low: number, high: number];
  /** The largest drop that passes, where there is such a limit. */
  readonly limit?: number | undefined;
}

/**
 * Draws a drop with its interval, against nothing lost and the largest drop that passes.
 *
 * @param label The chart's name.
 * @param drop The numbers.
 * @returns The drawing.
 */
export function dropChart(label: string, { drop, interval, limit }: Drop): Html {
  const [low, high] = interval;
  const ends = [0, drop, low, high, ...(limit === undefined ? [] : [limit])];
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const margin = 0.08 * (most - least) || 1;
  const limits = limit === undefined ? [] : [limit];
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: 92,
      marginTop: 24,
      marginBottom: 34,
      marginLeft: 16,
      marginRight: 16,
      x: {
        domain: [least - margin, most + margin],
        ticks: 5,
        label: "points lost →",
        labelAnchor: "right",
      },
      y: { axis: null, domain: [0, 1] },
      marks: [
        Plot.gridX(GRID),
        Plot.ruleX([0]),
        Plot.ruleX(limits, { stroke: "var(--bad)", strokeDasharray: "4 3" }),
        Plot.text(limits, {
          x: (at: number) => at,
          y: 1,
          text: () => "allowed",
          dy: -8,
          fill: "var(--bad)",
          textAnchor: limit !== undefined && limit > (least + most) / 2 ? "end" : "start",
        }),
        Plot.link([{ low, high }], {
          x1: "low",
          x2: "high",
          y1: 0.5,
          y2: 0.5,
          strokeWidth: 3,
          stroke: AFTER.color,
        }),
        Plot.dot([drop], {
          x: (at: number) => at,
          y: 0.5,
          r: 5.5,
          fill: AFTER.color,
          symbol: "square",
        }),
      ],
    }));
}

/** A line of a chart over layers. */
export interface LayerLine {
  /** Its name, colour and shape. */
  readonly series: Series;
  /** One value a layer. */
  readonly values: readonly number[];
}

/**
 * Draws a value of each layer.
 *
 * @param label The chart's name.
 * @param lines The lines, from layer 0 on; those drawn later lie on top.
 * @param mark A value to compare with, and its name; drawn where the lines come near it.
 * @returns The drawing, with 0 at its foot.
 */
export function layerChart(
  label: string,
  lines: readonly LayerLine[],
  mark: { readonly value: number; readonly name: string },
): Html {
  const dots = lines.flatMap(({ series, values }) =>
    values.map((value, layer) => ({ series, layer, value }))
  );
  const most = Math.max(...dots.map(({ value }) => value));
  const layers = Math.max(...dots.map(({ layer }) => layer)) + 1;
  const marks = most > mark.value / 2 ? [mark] : [];
  const step = Math.ceil(layers / 13);
  return draw(label, (canvas) =>
    Plot.plot({
      ...canvas,
      height: 230,
      marginLeft: 46,
      marginRight: 14,
      marginBottom: 34,
      x: {
        domain: [-0.4, layers - 0.6],
        ticks: Array.from({ length: Math.ceil(layers / step) }, (_, i) => i * step),
        tickFormat: String,
        label: "layer →",
      },
      y: {
        domain: [0, 1.06 * Math.max(most, ...marks.map(({ value }) => value))],
        label: null,
        ticks: 5,
      },
      marks: [
        Plot.gridY(GRID),
        Plot.ruleY([0]),
        Plot.ruleY(marks, { y: "value", stroke: "var(--bad)", strokeDasharray: "4 3" }),
        Plot.text(marks, {
          x: () => layers - 0.6,
          y: "value",
          text: "name",
          textAnchor: "end",
          dy: -6,
          fill: "var(--bad)",
        }),
        ...lines.flatMap(({ series }) => {
          const own = dots.filter((dot) => dot.series === series);
          const at = { x: "layer", y: "value" };
          return [
            Plot.line(own, { ...at, stroke: series.color, strokeWidth: 1.5 }),
            Plot.dot(own, { ...at, fill: series.color, symbol: series.symbol, r: 3.5 }),
          ];
        }),
      ],
    }));
}
