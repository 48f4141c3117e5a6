import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { compareOutputs, type Comparison } from "../../lib/eval/compare.ts";
import { argmax } from "../../lib/eval/metrics.ts";
import { type CheckReportData, renderCheckReport } from "../../lib/report/check_report.ts";
import { noise } from "../_noise.ts";
import { all, assertSound, tableRows } from "./_page.ts";

/** What a test may set beside the logits. */
interface Changes extends Partial<CheckReportData> {
  readonly maxDrop?: number;
  /** Instead of what `compareOutputs` finds, which takes long for many rows. */
  readonly comparison?: Comparison;
}

/** A check of logits made by hand, row after row. */
function dataOf(
  before: Float32Array,
  after: Float32Array,
  targets: Uint32Array | Float64Array,
  { maxDrop = 0.01, comparison: given, ...changes }: Changes = {},
): CheckReportData {
  const rows = targets.length;
  const cols = before.length / rows;
  const kind = targets instanceof Uint32Array ? "classification" : "regression";
  const metric = kind === "classification" ? "accuracy" : "pearson";
  const alsoReport = kind === "classification" ? [] : ["spearman"] as const;
  const comparison = given ?? compareOutputs(
    { logits: before, rows, cols },
    { logits: after, rows, cols },
    targets,
    { kind, metric, alsoReport },
  );
  const outputs = (logits: Float32Array) => {
    const classes = kind === "classification" ? argmax(logits, rows, cols) : logits;
    return (row: number) => ({
      logits: [...logits.subarray(row * cols, (row + 1) * cols)],
      prediction: classes[row]!,
    });
  };
  const [outputBefore, outputAfter] = [outputs(before), outputs(after)];
  const predictions = Array.from(targets, (label, index) => ({
    index,
    label,
    before: outputBefore(index),
    after: outputAfter(index),
  }));
  return {
    before: "four-heads",
    after: "one-head",
    data: "dev.tsv",
    task: { type: kind, labels: kind === "classification" ? ["bad", "good"] : null },
    result: { ...comparison, maxDrop, passed: comparison.drop <= maxDrop, predictions },
    command: "tinygraft check base",
    environment: [],
    ...changes,
  };
}

// Rows: right and right; lost; lost, surer; won; wrong and wrong.
const BEFORE = Float32Array.of(2, 0, 1, 0, 0, 1, 1, 0, 2, 0);
const AFTER = Float32Array.of(2, 0, 0, 1, 3, 0, 0, 1, 2, 0);
const TARGETS = Uint32Array.of(0, 0, 1, 1, 1);
const ROWS = ["zero", "one", "two", "three", "four"].map((text, i) => ({ text, line: i + 2 }));

Deno.test("renderCheckReport() says failed, by how much, and that it may be chance", async () => {
  const root = await assertSound(await renderCheckReport(dataOf(BEFORE, AFTER, TARGETS)));
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
  const root = await assertSound(await renderCheckReport(dataOf(BEFORE, AFTER, TARGETS)));
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
  const data = dataOf(BEFORE, AFTER, TARGETS, { rows: ROWS });
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
  const data = dataOf(BEFORE, BEFORE, TARGETS, { maxDrop: 0 });
  const root = await assertSound(await renderCheckReport(data));
  const text = all(root, "main")[0]!.text;
  assertStringIncludes(text, "Passed: accuracy stayed the same. A drop of at most 0.00 points");
  assertStringIncludes(text, "No rows get another class than before.");
});

Deno.test("renderCheckReport() shows texts as text, whatever they hold", async () => {
  const hostile = "</td><script>alert(1)</script><!--\u202e";
  const rows = ROWS.map((row) => ({ ...row, text: hostile, pair: "<b>pair</b>" }));
  const labels = ["<i>bad</i>", `"good'`];
  const task = { type: "classification", labels } as const;
  const files = { before: hostile, after: hostile, data: hostile };
  const data = dataOf(BEFORE, AFTER, TARGETS, { rows, task, ...files });
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
  const data = dataOf(before, after, targets, { rows: ROWS.slice(0, 4) });
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
  const page = await renderCheckReport(dataOf(before, after, targets, { task }));
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
  const data = dataOf(before, after, targets, { task, rows: texts, comparison });
  const page = await renderCheckReport(data);
  const root = await assertSound(page);
  assertEquals(tableRows(root, "Predictions with").length, 200);
  assertMatch(all(root, "main")[0]!.text, /[\d,]+ rows of 10,000 get another class than before/);
  assert(page.length < 1_000_000, `${page.length}`);
});

Deno.test("renderCheckReport() stays under 1 MB for a regression of 10,000 rows", async () => {
  const before = noise(10_000, { seed: 1, scale: 2 });
  const after = noise(10_000, { seed: 2, scale: 2 });
  const targets = Float64Array.from(before, (value, i) => value + after[i]!);
  const metrics = { metric: "pearson", before: { pearson: 0.4 }, after: { pearson: 0.3 } } as const;
  const comparison = { ...COMPARISON, ...metrics };
  const page = await renderCheckReport(dataOf(before, after, targets, { comparison }));
  await assertSound(page);
  assert(page.length < 1_000_000, `${page.length}`);
});
