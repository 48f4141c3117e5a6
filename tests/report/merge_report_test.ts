import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { type AdapterMerge, type MergeOptions, planMerge } from "../../lib/merge/merge_adapter.ts";
import { planSoup } from "../../lib/merge/soup_adapters.ts";
import {
  type MergeReportData,
  type MergeSource,
  renderMergeReport,
} from "../../lib/report/merge_report.ts";
import { adapterConfig, withFolder, writeAdapter } from "../merge/_adapters.ts";
import { all, assertSound, tableRows } from "./_page.ts";

async function mergeOf(options: MergeOptions, numHeads: number | number[] = 3) {
  let merge: AdapterMerge | undefined;
  await withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig({ numHeads }));
    using adapter = await openAdapter(`${folder}/a`);
    merge = await planMerge(adapter, `${folder}/b`, options);
  });
  return merge!;
}

function sourceOf(adapter: string, changes: Partial<MergeSource> = {}): MergeSource {
  return { adapter, heads: 3, weight: 1, contentHash: "0123456789abcdef01", ...changes };
}

function dataOf(merge: AdapterMerge, changes: Partial<MergeReportData> = {}): MergeReportData {
  return {
    merge,
    advice: "Ship stack",
    sources: [sourceOf("before")],
    output: "after",
    command: "tinygraft merge before after",
    environment: [["device", "none"]],
    ...changes,
  };
}

const MATRIX = [[1, 0.25, 0.5], [0.25, 1, -0.1875], [0.5, -0.1875, 1]];

const COMPARISON = {
  examples: 872,
  metric: "accuracy",
  before: { accuracy: 0.8578, f1: 0.86 },
  after: { accuracy: 0.8071, f1: 0.8 },
  drop: 0.0507,
  agreement: 0.914,
  maxLogitDifference: 2.313,
  significance: {
    mcnemar: { p: 1.24e-6, onlyBefore: 62, onlyAfter: 18 },
    interval: [0.026, 0.075],
  },
} as const;

Deno.test("renderMergeReport() shows errors, merged heads and likeness of every layer", async () => {
  const merge = await mergeOf({ method: "average" });
  const root = await assertSound(await renderMergeReport(dataOf(merge)));
  assertEquals(all(root, "h1")[0]!.text, "Merge by average");
  assertStringIncludes(all(root, "p").map(({ text }) => text).join("\n"), "Ship stack.");
  const rows = tableRows(root, "Errors are relative");
  assertEquals(rows.map(([layer, error, _spread, heads]) => [layer, error, heads]), [
    ["0", merge.layers[0]!.relativeError.toFixed(3), "all 3"],
    ["1", merge.layers[1]!.relativeError.toFixed(3), "all 3"],
  ]);
  const titles = all(root, "strong").map(({ text }) => text);
  assertEquals(titles.slice(1), [
    "What heads add, on random inputs",
    "Where heads look, by their weights",
    "What heads bring, by their weights",
  ]);
  // Three kinds of two layers, one chart, and two small drawings of keys.
  assertEquals(all(root, "svg").length, 3 * 2 + 1 + 2);
  assert(!all(root, "h2").some(({ text }) => text === "On data"));
});

Deno.test("renderMergeReport() counts the parameters of the heads before and after", async () => {
  const root = await assertSound(
    await renderMergeReport(dataOf(await mergeOf({ method: "average" }))),
  );
  const tile = all(root, "div").find(({ text }) => text.trim().startsWith("parameters"));
  // A layer: norm 12, output bias 6, and (4 * 6 + 3) for each of 3 heads' 2 dimensions, or of 1's.
  assertStringIncludes(tile!.text, `${2 * (18 + 27 * 6)} → ${2 * (18 + 27 * 2)}`);
});

Deno.test("renderMergeReport() adds what was measured on data", async () => {
  const merge = await mergeOf({ method: "product", heads: 2 });
  const layers = merge.layers.map(({ layer }) => ({
    layer,
    relativeError: 0.25,
    relativeErrorOwnInputs: 0.375,
    outputSimilarity: MATRIX,
    attentionSimilarity: MATRIX,
  }));
  const data = dataOf(merge, {
    compute: { before: 0.0043, after: 0.0011 },
    measured: {
      layers,
      data: "dev.tsv",
      comparison: COMPARISON,
      intervals: {
        before: { accuracy: [0.834, 0.88], f1: [0.837, 0.885] },
        after: { accuracy: [0.78, 0.832], f1: [0.769, 0.828] },
      },
    },
  });
  const root = await assertSound(await renderMergeReport(data));
  assertEquals(tableRows(root, "Metrics in points"), [
    ["accuracy", "85.78 (83.40 to 88.00)", "80.71 (78.00 to 83.20)", "−5.07"],
    ["F1", "86.00 (83.70 to 88.50)", "80.00 (76.90 to 82.80)", "−6.00"],
  ]);
  assertEquals(tableRows(root, "The drop"), [
    ["drop", "5.07"],
    ["95 % interval", "2.60 to 7.50"],
    ["McNemar's exact p", "1.2e-6"],
    ["largest difference of a logit", "2.31"],
  ]);
  const [first] = tableRows(root, "Errors are relative");
  assertEquals(first!.slice(2, 4), ["0.375", "0.250"]);
  assertEquals(tableRows(root, "What heads add, on text")[0], [
    "0",
    "−0.19",
    "0.19",
    "0.50",
    "0 and 2",
  ]);
  const tiles = all(root, "dl")[0]!.text;
  for (const part of ["85.78 → 80.71", "rows: 62 lost, 18 won", "91.4 %", "0.43 → 0.11 %"]) {
    assertStringIncludes(tiles, part);
  }
});

Deno.test("renderMergeReport() says that an exact merge is off by rounding alone", async () => {
  const root = await assertSound(
    await renderMergeReport(dataOf(await mergeOf({ method: "stack", fold: true }))),
  );
  assertStringIncludes(all(root, "main")[0]!.text, "rounding");
  assertEquals(tableRows(root, "Errors are relative")[0]!.at(-1), "none");
  assert(!all(root, "strong").some(({ text }) => text.startsWith("Relative error")));
});

Deno.test("renderMergeReport() takes layers of one head and of several", async () => {
  const one = await mergeOf({ method: "aligned" }, 1);
  const alone = await assertSound(await renderMergeReport(dataOf(one)));
  assert(!all(alone, "h2").some(({ text }) => text === "How alike the heads were"));
  const mixed = await mergeOf({ method: "aligned" }, [1, 4]);
  const root = await assertSound(await renderMergeReport(dataOf(mixed)));
  assertEquals(tableRows(root, "Errors are relative").map((row) => row.at(-1)), ["none", "all 4"]);
  assertStringIncludes(all(root, "dl")[0]!.text, "1 to 4 → 1");
  assertEquals(tableRows(root, "What heads add")[0]!.at(-1), "one head");
});

Deno.test("renderMergeReport() lists the adapters of a soup with their weights", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig());
    using adapter = await openAdapter(`${folder}/a`);
    const options = { method: "stack", weights: [3, 1] } as const;
    const merge = await planSoup([adapter, adapter], `${folder}/b`, options);
    const notes = ["b was kept"];
    const sources = [sourceOf("a", { weight: 0.75 }), sourceOf("b", { weight: 0.25 })];
    const data = dataOf(merge, { sources, notes });
    const root = await assertSound(await renderMergeReport(data));
    assertEquals(all(root, "h1")[0]!.text, "Soup of 2 adapters by stack");
    const rows = tableRows(root, "Adapters").map((row) => row.slice(0, 4));
    assertEquals(rows, [
      ["source 1", "a", "3", "0.75"],
      ["source 2", "b", "3", "0.25"],
      ["soup", "after", "6", ""],
    ]);
    assertStringIncludes(all(root, "main")[0]!.text, "b was kept.");
  }));

Deno.test("renderMergeReport() sets a greedy soup beside each adapter that it tried", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig());
    using adapter = await openAdapter(`${folder}/a`);
    const merge = await planSoup([adapter, adapter], `${folder}/b`, { method: "aligned" });
    const sources = [
      sourceOf("a", { weight: 0.5, metric: 0.85 }),
      sourceOf("b", { weight: 0, heads: 1, metric: 0.7, contentHash: "fedcba98765432100" }),
      sourceOf("c", { weight: 0.5, metric: 0.8 }),
    ];
    const measured = { data: "dev.tsv", comparison: COMPARISON };
    const data = dataOf(merge, { sources, greedy: "aligned", measured });
    const root = await assertSound(await renderMergeReport(data));
    assertEquals(all(root, "h1")[0]!.text, "Greedy soup by aligned: 2 of 3 adapters");
    assertEquals(tableRows(root, "Adapters"), [
      ["source 1", "a", "3", "0.5", "85.00", "0123456789abcdef"],
      ["source 2", "b", "1", "left out", "70.00", "fedcba9876543210"],
      ["source 3", "c", "3", "0.5", "80.00", "0123456789abcdef"],
      ["soup", "after", "3", "", "80.71", ""],
    ]);
    assertStringIncludes(all(root, "main")[0]!.text, "Before: the exact mean of the adapters");
    const [kept, left] = [sources[0]!, sources[1]!];
    const one = dataOf(merge, { sources: [kept, left], greedy: "aligned", measured });
    const alone = await assertSound(await renderMergeReport(one));
    assertStringIncludes(all(alone, "main")[0]!.text, "Before and after: the one adapter");
  }));

Deno.test("renderMergeReport() escapes names and is the same for the same data", async () => {
  const merge = await mergeOf({ method: "average" });
  const hostile = `x"><img src=x onerror=alert(1)>&'`;
  const data = dataOf(merge, {
    advice: hostile,
    sources: [sourceOf(hostile)],
    output: hostile,
    command: hostile,
    environment: [[hostile, hostile]],
    notes: [hostile],
    measured: { text: hostile, data: hostile, comparison: COMPARISON },
  });
  const page = await renderMergeReport(data);
  const root = await assertSound(page);
  assertEquals(tableRows(root, "Adapters")[0]![1], hostile);
  assertEquals(await renderMergeReport(data), page);
});

Deno.test("renderMergeReport() stays readable and small for 24 layers of 16 heads", async () => {
  const merge = await mergeOf({ method: "average" });
  const matrix = Array.from(
    { length: 16 },
    (_, i) => Array.from({ length: 16 }, (_, j) => i === j ? 1 : Math.sin(1 + i * j + i + j)),
  );
  const groups = [[0, 3, 5, 6, 9, 11, 12], [1, 2, 4, 7, 8, 10, 13, 14, 15]];
  const layers = Array.from({ length: 24 }, (_, layer) => ({
    ...merge.layers[0]!,
    layer,
    similarity: matrix,
    attentionSimilarity: matrix,
    valueSimilarity: matrix,
    groups,
  }));
  const page = await renderMergeReport(dataOf({ ...merge, layers, headsBefore: 16 }));
  const root = await assertSound(page);
  assertEquals(all(root, "li").filter(({ text }) => text.startsWith("layer ")).length, 3 * 24);
  assert(page.length < 700_000, `${page.length}`);
});
