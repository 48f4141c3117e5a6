import { assertEquals, assertStringIncludes } from "@std/assert";
import { mergingTable, staleFigures } from "../../tools/docs_figures.ts";
import { lostPlot, type MergeFigures } from "../../tools/docs_plots.ts";

const FIGURES: MergeFigures = {
  model: "m",
  madeBy: "hand",
  tasks: [{ name: "T", metric: "accuracy" }],
  ways: [
    {
      method: "stack",
      heads: 4,
      parameters: 43_848,
      seconds: "< 0.5",
      results: [{ metric: 85.8, lost: 0, low: 0, high: 0, error: 0 }],
    },
    {
      method: "aligned",
      heads: 1,
      parameters: 16_146,
      seconds: "2",
      results: [{ metric: 81.8, lost: 4, low: 1.9, high: 6.1, closed: 20, error: 0.75 }],
    },
  ],
};

Deno.test("mergingTable() sets columns as the formatter does", () => {
  assertEquals(mergingTable(FIGURES).split("\n"), [
    "| method  | heads | parameters |                            T, accuracy | seconds |",
    "| ------- | ----: | ---------: | -------------------------------------: | ------: |",
    "| stack   |     4 |     43,848 |       85.8<br>0.0 (0.0 to 0.0)<br>0.00 |   < 0.5 |",
    "| aligned |     1 |     16,146 | 81.8<br>4.0 (1.9 to 6.1)<br>20 %, 0.75 |       2 |",
    "",
  ]);
});

Deno.test("lostPlot() says its numbers in text, and brings colours for the dark", () => {
  const svg = lostPlot(FIGURES);
  assertStringIncludes(svg, "T (accuracy): aligned loses 4.0 (1.9 to 6.1)");
  assertStringIncludes(svg, "prefers-color-scheme: dark");
  assertEquals(svg.includes("stack loses"), false);
});

Deno.test("The documents' tables and plots show the kept figures", () => {
  assertEquals(staleFigures(), []);
});
