import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { AFTER, barChart, BEFORE, dropChart, keyOf, layerChart } from "../../lib/report/charts.ts";
import type { Html } from "../../lib/report/html.ts";
import { reliabilityChart, scatterChart } from "../../lib/report/prediction_charts.ts";
import { noise } from "../_noise.ts";
import { all, type Element, parsePage } from "./_page.ts";

function read({ markup }: Html): Element {
  return parsePage(
    `<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>${markup}</body></html>`,
  );
}

const number = ({ attributes }: Element, name: string) => Number(attributes.get(name));

function bars(before: number, after: number): Html {
  return barChart("bars", [
    { group: "accuracy", series: BEFORE, value: before, text: "b", interval: [before - 5, before] },
    { group: "accuracy", series: AFTER, value: after, text: "a", interval: [after - 5, after] },
  ]);
}

Deno.test("barChart() draws lengths in proportion, from 0, in the page's colours", () => {
  const drawing = read(bars(80, 40));
  const [first, second] = all(drawing, "rect");
  assertEquals(first!.attributes.get("fill"), "var(--before)");
  assertEquals(second!.attributes.get("fill"), "var(--after)");
  assertAlmostEquals(number(first!, "width") / number(second!, "width"), 2, 0.01);
  assertEquals(number(first!, "x"), number(second!, "x"));
  assert(number(first!, "y") < number(second!, "y"), "before is above after");
});

Deno.test("barChart() draws a negative metric to the left of 0", () => {
  const [first, second] = all(read(bars(20, -10)), "rect");
  const zero = number(first!, "x");
  assertAlmostEquals(number(second!, "x") + number(second!, "width"), zero, 0.05);
});

Deno.test("charts say what they are, hold no style of their own and are the same every time", () => {
  const drawings = () => [
    bars(80, 40),
    dropChart("drop", { drop: 5, interval: [2, 8], limit: 1 }),
    layerChart("layers", [{ series: BEFORE, values: [0.1, 0.5] }], { value: 1, name: "all" }),
    reliabilityChart("curve", [{ series: AFTER, points: [{ x: 0.6, y: 0.5, rows: 3 }] }]),
    scatterChart("dots", BEFORE, { targets: [0, 1], outputs: [0.5, 0.7], domain: [0, 1] }),
  ];
  const [first, second] = [drawings(), drawings()];
  assertEquals(first, second);
  for (const drawing of first) {
    const [svg] = all(read(drawing), "svg");
    assertEquals(svg!.attributes.get("role"), "img");
    assert(svg!.attributes.get("aria-label"));
    assert(!/<style|class=|id=|style=|#[0-9a-f]{3}/.test(drawing.markup), drawing.markup);
    assert(!/\d\.\d{3}/.test(drawing.markup.replace(/>[^<]*</g, "><")), "digits that nobody sees");
  }
});

Deno.test("dropChart() draws a drop of nothing, and a limit only where there is one", () => {
  const without = dropChart("none", { drop: 0, interval: [0, 0] });
  assert(!/NaN|allowed/.test(without.markup));
  assert(dropChart("limit", { drop: 0, interval: [0, 0], limit: 0.5 }).markup.includes("allowed"));
});

Deno.test("layerChart() shows what it is compared with only where lines come near it", () => {
  const chart = (most: number) =>
    layerChart("layers", [{ series: BEFORE, values: [0, most] }], { value: 1, name: "as bad" });
  assert(chart(0.9).markup.includes("as bad"));
  assert(!chart(0.1).markup.includes("as bad"));
});

Deno.test("layerChart() numbers every layer where there are few, some where there are many", () => {
  const ticks = (layers: number) => {
    const values = Array.from({ length: layers }, () => 0.3);
    const drawing = read(layerChart("l", [{ series: AFTER, values }], { value: 1, name: "x" }));
    return all(drawing, "text").map(({ text }) => text).filter((text) => /^\d+$/.test(text));
  };
  assertEquals(ticks(3), ["0", "1", "2"]);
  assertEquals(ticks(24), Array.from({ length: 12 }, (_, i) => String(2 * i)));
});

Deno.test("scatterChart() counts many rows in cells, so that the page stays small", () => {
  const of = (rows: number) => {
    const targets = [...noise(rows, { seed: 1, scale: 1 })];
    const outputs = [...noise(rows, { seed: 2, scale: 1 })];
    return scatterChart("dots", BEFORE, { targets, outputs, domain: [-1, 1] }).markup;
  };
  assert(!of(800).includes("<rect"));
  const many = of(5000);
  assert(many.includes("<rect") && many.length < 150_000, `${many.length}`);
});

Deno.test("keyOf() tells series apart by more than colour", () => {
  const shapes = all(read(keyOf([BEFORE, AFTER])), "path").map(({ attributes }) =>
    attributes.get("d")
  );
  assertEquals(new Set(shapes).size, 2);
});
