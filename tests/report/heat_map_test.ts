import { assert, assertEquals } from "@std/assert";
import { heatKey, heatMap } from "../../lib/report/heat_map.ts";
import { all, type Element, parsePage } from "./_page.ts";

function draw(matrix: number[][], groups: number[][]): Element {
  const { markup } = heatMap({ label: "likeness", matrix, groups });
  const page =
    `<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>${markup}</body></html>`;
  return parsePage(page);
}

const MATRIX = [[1, 0.9, -0.5], [0.9, 1, 0], [-0.5, 0, 1]];

Deno.test("heatMap() draws blue above 0, red below, and nothing at 0", () => {
  const filled = all(draw(MATRIX, [[0, 1, 2]]), "path")
    .map(({ attributes }) => [attributes.get("fill"), attributes.get("fill-opacity")]);
  assertEquals(filled, [
    ["var(--panel)", undefined],
    ["var(--line)", undefined],
    ["var(--low)", "0.5"],
    ["var(--high)", "0.9"],
  ]);
});

Deno.test("heatMap() puts rows that belong together side by side and frames them", () => {
  const drawing = draw(MATRIX, [[1], [0, 2]]);
  const names = all(drawing, "text").filter(({ attributes }) => attributes.get("y") === "9");
  assertEquals(names.map(({ text }) => text), ["1", "0", "2"]);
  const frames = all(drawing, "rect");
  assertEquals(frames.length, 1);
  // The second and third of three cells of 29 units, after an edge of 13.
  assertEquals(["x", "y", "width"].map((name) => frames[0]!.attributes.get(name)), [
    "42",
    "42",
    "58",
  ]);
  assertEquals(all(draw(MATRIX, [[0, 1, 2]]), "rect"), []);
});

Deno.test("heatMap() writes numbers into large cells only, without a negative zero", () => {
  const texts = (drawing: Element) => all(drawing, "text").map(({ text }) => text);
  assert(texts(draw(MATRIX, [[0, 1, 2]])).includes("−0.50"));
  assert(!texts(draw([[1, -0.001], [-0.001, 1]], [[0, 1]])).includes("−0.00"));
  const many = Array.from(
    { length: 12 },
    (_, i) => Array.from({ length: 12 }, (_, j) => +(i === j)),
  );
  assertEquals(texts(draw(many, [many.map((_, i) => i)])), []);
});

Deno.test("heatMap() stays small for sixteen heads", () => {
  const matrix = Array.from(
    { length: 16 },
    (_, i) => Array.from({ length: 16 }, (_, j) => i === j ? 1 : Math.sin(i * j + i + j)),
  );
  const groups = [matrix.map((_, i) => i)];
  const { markup } = heatMap({ label: "sixteen", matrix, groups });
  assert(markup.length < 8000, `${markup.length}`);
});

Deno.test("heatKey() names both ends", () => {
  const { markup } = heatKey();
  assert(markup.includes("−1") && markup.includes(">1<"));
});
