import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Comparison } from "../../lib/eval/compare.ts";
import type { CheckedLayer } from "../../lib/report/check_layers.ts";
import { unit } from "../../lib/report/numbers.ts";
import { renderCheckReport } from "../../lib/report/check_report.ts";
import { noise } from "../_noise.ts";
import { checkOf } from "./_check.ts";
import { all, assertSound, tableRows } from "./_page.ts";

// Rows: right and right; lost; lost, surer; won; wrong and wrong.
const BEFORE = Float32Array.of(2, 0, 1, 0, 0, 1, 1, 0, 2, 0);
const AFTER = Float32Array.of(2, 0, 0, 1, 3, 0, 0, 1, 2, 0);
const TARGETS = Uint32Array.of(0, 0, 1, 1, 1);
const ROWS = ["zero", "one", "two", "three", "four"].map((text, i) => ({ text, line: i + 2 }));

Deno.test("renderCheckReport() says failed, by how much, and that it may be chance", async () => {
  const root = await assertSound(await renderCheckReport(checkOf(BEFORE, AFTER, TARGETS)));
  assertEquals(all(root, "h1")[0]!.text, "Check failed");
  const verdict = all(root, "p").find(({ attributes }) =>
    attributes.get("class") === "verdict bad"
  );
  assertEquals(
    verdict!.text,
    "Failed: accuracy dropped by 20.00 points, which may be chance. " +
      "A drop of at most 1.00 points is allowed.",
  );
});

Deno.test("renderCheckReport() counts outcomes and confusion", async () => {
  const root = await assertSound(await renderCheckReport(checkOf(BEFORE, AFTER, TARGETS)));
  assertEquals(tableRows(root, "What became of the rows").map(([, rows]) => rows), [
    "1",
    "2",
    "1",
    "1",
    "0",
  ]);
  assertEquals(tableRows(root, "Confusion before"), [
    ["bad", "2", "0", "100 %"],
    ["good", "2", "1", "33.3 %"],
  ]);
  assertEquals(tableRows(root, "Confusion after"), [
    ["bad", "1", "1", "50.0 %"],
    ["good", "2", "1", "33.3 %"],
  ]);
});

Deno.test("renderCheckReport() lists flipped examples, lost ones first", async () => {
  const data = checkOf(BEFORE, AFTER, TARGETS, { rows: ROWS });
  const root = await assertSound(await renderCheckReport(data));
  assertEquals(tableRows(root, "Predictions with"), [
    ["2", "two", "good", "✓ good 73.1 %", "✗ bad 95.3 %"],
    ["1", "one", "bad", "✓ bad 73.1 %", "✗ good 73.1 %"],
    ["3", "three", "good", "✗ bad 73.1 %", "✓ good 73.1 %"],
  ]);
  assertMatch(
    all(root, "main")[0]!.text,
    /3 rows of 5 get another class than before\. All are shown/,
  );
});

Deno.test("renderCheckReport() passes the same adapter and shows no example", async () => {
  const data = checkOf(BEFORE, BEFORE, TARGETS, { maxDrop: 0 });
  const root = await assertSound(await renderCheckReport(data));
  const text = all(root, "main")[0]!.text;
  assertStringIncludes(text, "Passed: accuracy stayed the same. A drop of at most 0.00 points");
  assertStringIncludes(text, "No rows get another class than before.");
  assertEquals(all(root, "script").length, 0, "there is nothing to search");
});

Deno.test("renderCheckReport() shows texts as text, whatever they hold", async () => {
  const hostile = "</td><script>alert(1)</script><!--\u202e";
  const rows = ROWS.map((row) => ({ ...row, text: hostile, pair: "<b>pair</b>" }));
  const labels = ["<i>bad</i>", `"good'`];
  const task = { type: "classification", labels } as const;
  const files = { before: hostile, after: hostile, data: hostile };
  const data = checkOf(BEFORE, AFTER, TARGETS, { rows, task, ...files });
  const page = await renderCheckReport(data);
  const root = await assertSound(page);
  const [first] = tableRows(root, "Predictions with");
  assertEquals(first!.slice(0, 3), [
    "2",
    "</td><script>alert(1)</script><!--\ufffd<b>pair</b>",
    `"good'`,
  ]);
  assertEquals(await renderCheckReport(data), page);
});

Deno.test("renderCheckReport() shows a regression's outputs and what moved most", async () => {
  const targets = Float64Array.of(0, 1, 2, 3);
  const before = Float32Array.of(0, 1, 2, 3);
  const after = Float32Array.of(0.5, 1, 1.5, -3);
  const data = checkOf(before, after, targets, { rows: ROWS.slice(0, 4) });
  const root = await assertSound(await renderCheckReport(data));
  assertEquals(tableRows(root, "Outputs: "), [
    ["3", "three", "3.00", "3.00", "−3.00", "−6.00"],
    ["0", "zero", "0.00", "0.00", "0.500", "0.500"],
    ["2", "two", "2.00", "2.00", "1.50", "−0.500"],
  ]);
  const text = all(root, "main")[0]!.text;
  assertStringIncludes(text, "Root mean squared error: 0.00, over 4 rows.");
  assertStringIncludes(text, `Root mean squared error: ${Math.sqrt(36.5 / 4).toPrecision(3)}`);
});

Deno.test("renderCheckReport() lists the commonest confusions of many classes", async () => {
  const cols = 30;
  const rows = 300;
  const targets = Uint32Array.from({ length: rows }, (_, row) => row % cols);
  const logits = (wrong: (row: number) => boolean) => {
    const values = new Float32Array(rows * cols);
    for (let row = 0; row < rows; row++) {
      values[row * cols + ((row % cols) + (wrong(row) ? 1 : 0)) % cols] = 5;
    }
    return values;
  };
  const before = logits((row) => row === 7);
  const after = logits((row) => row % cols === 7);
  const labels = Array.from({ length: cols }, (_, i) => `class ${i}`);
  const task = { type: "classification", labels } as const;
  const page = await renderCheckReport(checkOf(before, after, targets, { task }));
  const root = await assertSound(page);
  assertEquals(tableRows(root, "The commonest confusions, at most 40 of 1"), [
    ["class 7", "class 8", "1", "10"],
  ]);
});

/** Made up: what is tested with it is the size of the page. */
const COMPARISON: Omit<Comparison, "metric" | "before" | "after"> = {
  examples: 10_000,
  drop: 0.1,
  agreement: 0.4,
  maxLogitDifference: 4,
  significance: { interval: [0.09, 0.11] },
};

/** A layer whose heads all differ. */
function layerOf(layer: number, heads: number): CheckedLayer {
  const values = noise(heads * heads, { seed: layer, scale: 0.4 });
  const matrix = Array.from(
    { length: heads },
    (_, m) =>
      Array.from(
        { length: heads },
        (_, n) => m === n ? 1 : values[heads * Math.min(m, n) + Math.max(m, n)]!,
      ),
  );
  return {
    ...{ layer, relativeError: 0.4 + layer / 100, spread: 1.5, ranks: [] },
    ...{ similarity: matrix, attentionSimilarity: matrix, valueSimilarity: matrix },
    groups: [Array.from({ length: heads }, (_, head) => head)],
    heads: { before: heads, after: 1 },
  };
}

Deno.test("renderCheckReport() shows the layers where they are known", async () => {
  const layers = [layerOf(0, 3), layerOf(1, 3)];
  const root = await assertSound(
    await renderCheckReport(checkOf(BEFORE, AFTER, TARGETS, { layers })),
  );
  assertEquals(tableRows(root, "Errors are relative"), [
    ["0", "0.400", "1.500", "3 → 1"],
    ["1", "0.410", "1.500", "3 → 1"],
  ]);
  const [first] = tableRows(root, "What heads add, on random inputs");
  const pairs = [[0, 1], [0, 2], [1, 2]].map(([m, n]) => layers[0]!.similarity[m!]![n!]!);
  assertEquals(first![3], unit(Math.max(...pairs)));
  assertEquals(all(root, "ol").map((list) => all(list, "svg").length), [2, 2, 2]);
});

Deno.test("renderCheckReport() sums up heads that are too many to draw", async () => {
  const layers = Array.from({ length: 9 }, (_, layer) => layerOf(layer, 32));
  const page = await renderCheckReport(checkOf(BEFORE, AFTER, TARGETS, { layers }));
  const root = await assertSound(page);
  assertEquals(all(root, "ol").length, 0);
  assertEquals(tableRows(root, "What heads add, on random inputs").length, 9);
  assertStringIncludes(page, "Too many heads to draw");
});

Deno.test("renderCheckReport() gives rows what its search needs, and cuts names that never end", async () => {
  const labels = ["<b>".repeat(40), "good"];
  const task = { type: "classification", labels } as const;
  const root = await assertSound(
    await renderCheckReport(checkOf(BEFORE, AFTER, TARGETS, { rows: ROWS, task })),
  );
  const kinds = all(root, "tr").flatMap(({ attributes }) => attributes.get("data-kind") ?? []);
  assertEquals(kinds, ["lost", "lost", "won"]);
  const finder = root.inside.find(({ attributes }) => attributes.get("id") === "find");
  assert(finder?.attributes.has("hidden"), "without its script the search is not shown");
  assertEquals(
    all(finder!, "option").map(({ attributes }) => attributes.get("value")),
    ["", "lost", "won"],
  );
  assertEquals(tableRows(root, "Confusion before")[0]![0], `${"<b>".repeat(20)}…`);
});

Deno.test("renderCheckReport() stays under 1 MB for 10,000 long examples", async () => {
  const rows = 10_000;
  const before = noise(rows * 3, { seed: 1, scale: 2 });
  const after = noise(rows * 3, { seed: 2, scale: 2 });
  const targets = Uint32Array.from({ length: rows }, (_, row) => row % 3);
  const text = "long & <long> ".repeat(300);
  const task = { type: "classification", labels: ["a", "b", "c"] } as const;
  const texts = Array.from({ length: rows }, (_, i) => ({ text, pair: text, line: i + 1 }));
  const metrics = {
    metric: "accuracy",
    before: { accuracy: 0.4 },
    after: { accuracy: 0.3 },
  } as const;
  const comparison = { ...COMPARISON, ...metrics };
  const layers = Array.from({ length: 24 }, (_, layer) => layerOf(layer, 16));
  const data = checkOf(before, after, targets, { task, rows: texts, comparison, layers });
  const page = await renderCheckReport(data);
  const root = await assertSound(page);
  const shown = tableRows(root, "Predictions with").length;
  assert(shown > 200 && shown < 500, `${shown}`);
  assertMatch(
    all(root, "main")[0]!.text,
    new RegExp(
      `[\\d,]+ rows of 10,000 get another class than before. The first ${shown} are .* after 320`,
    ),
  );
  const short = texts.map((row) => ({ ...row, text: "short", pair: "文".repeat(10) }));
  const other = await renderCheckReport({ ...data, rows: short });
  assertEquals(tableRows(await assertSound(other), "Predictions with").length, 500);
  for (const { length } of [page, other].map((text) => new TextEncoder().encode(text))) {
    assert(length < 1_000_000, `${length}`);
  }
});

Deno.test("renderCheckReport() stays under 1 MB for a regression of 10,000 rows", async () => {
  const before = noise(10_000, { seed: 1, scale: 2 });
  const after = noise(10_000, { seed: 2, scale: 2 });
  const targets = Float64Array.from(before, (value, i) => value + after[i]!);
  const metrics = { metric: "pearson", before: { pearson: 0.4 }, after: { pearson: 0.3 } } as const;
  const comparison = { ...COMPARISON, ...metrics };
  const page = await renderCheckReport(checkOf(before, after, targets, { comparison }));
  await assertSound(page);
  assert(page.length < 1_000_000, `${page.length}`);
});
