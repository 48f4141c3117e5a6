/**
 * Plots of Observable Plot, drawn into SVG without a browser. Colours are the page's own variables, so that
 * a chart follows the page into the dark.
 *
 * @module
 */

import { parseHTML } from "linkedom";
import { Html } from "./html.ts";

/** Wide enough to be read, narrow enough for a phone: charts do not shrink there. */
export const CHART_WIDTH = 352;

/** What lies behind the marks. */
export const GRID = { ticks: 5, stroke: "var(--line)", strokeOpacity: 1 } as const;

/** The part of a browser's elements that is needed here; Deno's types have none of them. */
interface Drawn {
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  readonly outerHTML: string;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelector(selector: string): Drawn | null;
  querySelectorAll(selector: string): Iterable<Drawn>;
  remove(): void;
}

/** What every plot is drawn on: options of Observable Plot's `plot`. */
export interface Canvas {
  /** See {@linkcode CHART_WIDTH}. */
  readonly width: number;
  /** A document without a browser, of a type that Deno does not know. */
  readonly document: never;
}

/** What no still picture needs, since its name and its table say it all. */
const IDLE_ATTRIBUTES = ["aria-label", "aria-hidden", "aria-description", "class"];

/**
 * Draws a plot.
 *
 * @param label The chart's name for screen readers; its numbers are to stand in a table.
 * @param plot Calls Observable Plot with the canvas among its options.
 * @returns SVG, the same for the same plot.
 */
export function draw(label: string, plot: (canvas: Canvas) => unknown): Html {
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as Canvas;
  const svg = plot({ width: CHART_WIDTH, document }) as Drawn;
  // Plot's own rules are in the page's style, as the page's policy allows no other.
  svg.querySelector("style")?.remove();
  for (const element of [svg, ...svg.querySelectorAll("*")]) tidy(element);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  return new Html(svg.outerHTML);
}

/** Drops idle attributes, and digits that no screen shows. */
function tidy(element: Drawn): void {
  for (const name of IDLE_ATTRIBUTES) element.removeAttribute(name);
  for (const { name, value } of [...element.attributes]) {
    const short = value.replace(
      /-?\d+\.\d{3,}(?:e-?\d+)?/g,
      (digits) => String(Math.round(100 * Number(digits)) / 100 + 0),
    );
    if (short !== value) element.setAttribute(name, short);
  }
}
