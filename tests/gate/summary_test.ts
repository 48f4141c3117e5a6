import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { renderSummary } from "../../lib/gate/summary.ts";
import { BROKEN, FAILED, OUTCOMES, PASSED } from "./_outcomes.ts";

Deno.test("renderSummary() puts verdict, figures and reasons first", () => {
  assertEquals(renderSummary([PASSED, FAILED]).split("\n").slice(0, 9), [
    "### tinygraft check: 1 of 2 failed",
    "",
    "| check | metric | before | after | drop | 95 % interval | limit | rows | result |",
    "| :-- | :-- | --: | --: | --: | --: | --: | --: | :-- |",
    "| stack | accuracy | 89.17 | 89.17 | 0.00 | 0.00 to 0.00 | 1.00 | 360 | ✅ passed (cached) |",
    "| average | accuracy | 89.17 | 36.94 | 52.22 | 47.00 to 57.50 | 1.00 | 360 | ❌ failed |",
    "",
    "- **average:** accuracy fell by 52.22 points, at most 1.00 allowed",
    "",
  ]);
});

Deno.test("renderSummary() says how it ended in the heading", () => {
  const heading = (...outcomes: Parameters<typeof renderSummary>[0]) =>
    renderSummary(outcomes).split("\n")[0];
  assertEquals(heading(), "### tinygraft check: nothing was checked");
  assertEquals(heading(PASSED), "### tinygraft check: passed");
  assertEquals(heading(FAILED), "### tinygraft check: failed");
  assertEquals(heading(PASSED, PASSED), "### tinygraft check: all 2 passed");
  assertEquals(heading(FAILED, BROKEN), "### tinygraft check: 2 of 2 failed");
});

Deno.test("renderSummary() shows both limits where there are two", () => {
  const result = { ...FAILED.result!, maxDropUpper: 0.025 };
  const row = renderSummary([{ ...FAILED, result }]).split("\n")[4];
  assertStringIncludes(row!, "| 47.00 to 57.50 | 1.00, interval to 2.50 | 360 |");
});

Deno.test("renderSummary() folds what was compared and where", () => {
  const summary = renderSummary([FAILED]);
  assertStringIncludes(summary, "<details><summary>average</summary>\n\n- base: encoder\n");
  assertStringIncludes(summary, "- f1: 50.00 before, 25.00 after\n- agreement: 40.0 %\n");
  assertStringIncludes(summary, "- device: wasm \\(WebAssembly on 2 threads\\)\n- time: 1.5 s\n");
});

Deno.test("renderSummary() keeps hostile text text, and a row's cells their number", () => {
  const summary = renderSummary(OUTCOMES);
  assert(!summary.includes("<script>"));
  assert(!/[\p{Cc}\p{Cs}]/u.test(summary.replaceAll("\n", "")));
  assertStringIncludes(
    summary,
    "a\\|b &lt;script&gt;&amp;\"'\\`\\*\\_\\[x\\]\\(y\\) &#64;user \\#1",
  );
  const rows = summary.split("\n").filter((line) => line.startsWith("|"));
  // A separator is a bar that no backslash escapes.
  assertEquals(rows.map((row) => row.match(/(?<!\\)\|/g)?.length), [10, 10, 10, 10, 10]);
  assertStringIncludes(rows.at(-1)!, "| – | – | – | – | – | – | – | ⚠️ not run |");
});
