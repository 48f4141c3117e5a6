import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { basename } from "@std/path";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, ROWS, snapshot, type Workspace } from "../_workspace.ts";

Deno.test("merge leaves as many heads as asked and says which became one", async () => {
  await using space = await makeWorkspace();
  for (const method of ["average", "aligned", "product"]) {
    const out = space.at(method);
    const argv = ["merge", space.adapter, out, "--method", method, "--heads", "2"];
    const { code, json } = await runJson(argv);
    assertEquals([code, json.headsBefore, json.headsAfter, json.exact], [0, 4, 2, false]);
    for (const { groups, spread } of json.layers as { groups: number[][]; spread: number }[]) {
      assertEquals([groups.length, groups.flat().sort().join("")], [2, "0123"]);
      assert(spread > 0);
    }
    assertStringIncludes(json.advice as string, "Predicted without data");
    const text = await runCaptured([...argv, "--dry-run", "--force"]);
    assertStringIncludes(text.out, `${method}: 4 heads to 2 heads a layer, not exact`);
    assertStringIncludes(text.out, "merged heads");
    assertStringIncludes(text.out, json.advice as string);
  }
});

Deno.test("merge --fold computes the same in other tensors", async () => {
  await using space = await makeWorkspace();
  const out = space.at("folded");
  const { json } = await runJson(["merge", space.adapter, out, "--fold"]);
  assertEquals([json.method, json.headsAfter, json.exact], ["stack", 4, true]);
  const check = await runJson([
    "check",
    space.base,
    ...["--before", space.adapter, "--after", out, "--data", space.data],
    ...["--device", "reference"],
  ]);
  assertEquals(check.code, 0);
  const difference = check.json.maxLogitDifference as number;
  assert(difference > 0 && difference < 1e-5, `${difference}`);
});

Deno.test("merge refuses a number of heads that makes no sense", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  for (
    const [flags, says] of [
      [["--method", "product", "--heads", "5"], "5 heads a layer: it has 4"],
      [["--method", "product", "--heads", "0"], "at least 1"],
      [["--heads", "2"], "stack keeps every head"],
    ] as const
  ) {
    const { code, json } = await runJson(["merge", space.adapter, space.at("out"), ...flags]);
    const error = json.error as Record<string, string>;
    assertEquals([code, error.code], [2, "usage"]);
    assertStringIncludes(error.message!, says);
    assertEquals(await snapshot(space.folder), before);
  }
});

/** A merge's arguments with rows to measure on. */
function measuredMerge(space: Workspace, out: string, ...more: string[]): string[] {
  const rows = ["--base", space.base, "--data", space.data, "--device", "reference"];
  return ["merge", space.adapter, out, ...rows, ...more];
}

Deno.test("merge --data tells the metric before and after, as check does", async () => {
  await using space = await makeWorkspace();
  const out = space.at("out");
  const argv = measuredMerge(space, out, "--method", "product", "--heads", "2");
  const { code, json } = await runJson(argv);
  assertEquals(code, 0);
  const measured = json.measured as Record<string, unknown>;
  const check = await runJson([
    "check",
    space.base,
    ...["--before", space.adapter, "--after", out, "--data", space.data],
    ...["--device", "reference", "--max-drop", "1"],
  ]);
  const comparison = measured.comparison as Record<string, unknown>;
  for (const field of Object.keys(comparison)) {
    assertEquals(comparison[field], check.json[field], field);
  }
  assertEquals(Object.keys(comparison).length, 8);
  assertEquals([measured.device, check.json.device], ["reference", "reference"]);
  const layers = measured.layers as { relativeError: number; outputSimilarity: number[][] }[];
  assertEquals(layers.map(({ outputSimilarity }) => outputSimilarity.length), [4, 4]);
  assertMatch(
    json.advice as string,
    /^product (loses|gains) .* points of accuracy .* against stack/,
  );

  const text = await runCaptured([...argv, "--force"]);
  for (const part of ["own inputs", "accuracy", "drop of accuracy", json.advice as string]) {
    assertStringIncludes(text.out, part);
  }
});

Deno.test("merge --dry-run measures and writes nothing", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  const report = ["--report", space.at("report.html")];
  const argv = measuredMerge(space, space.at("out"), "--method", "average", "--dry-run", ...report);
  const { code, json } = await runJson(argv);
  assertEquals([code, json.written, json.dryRun], [0, [], true]);
  assert((json.measured as Record<string, unknown>).comparison !== undefined);
  assertEquals(await snapshot(space.folder), before);
});

Deno.test("merge --report writes one page beside the adapter", async () => {
  await using space = await makeWorkspace();
  const report = space.at("report.html");
  for (const argv of [measuredMerge(space, space.at("out")), ["merge", space.adapter, "out"]]) {
    argv[2] = space.at(`out-${argv.length}`);
    const { code, err } = await runJson([
      ...argv,
      ...["--method", "average", "--report", report, "--force"],
    ]);
    assertEquals([code, err], [0, ""]);
    const page = await Deno.readTextFile(report);
    assertStringIncludes(page, "</html>");
    assertStringIncludes(page, "--method average");
  }
});

Deno.test("merge --calibrate fits to text and says so", async () => {
  await using space = await makeWorkspace();
  const text = space.at("text.tsv");
  await Deno.writeTextFile(text, `sentence\n${ROWS.join("\n")}\n`);
  const run = ["--base", space.base, "--calibrate", text, "--device", "reference"];
  const argv = ["merge", space.adapter, space.at("out"), "--method", "distil", ...run];
  const { code, json } = await runJson([...argv, "--calibration-rows", "5"]);
  assertEquals([code, json.method, json.headsAfter, json.exact], [0, "distil", 1, false]);
  const measured = json.measured as Record<string, Record<string, unknown>>;
  assertEquals([measured.calibration?.rows, measured.comparison], [5, undefined]);
  assertStringIncludes(json.advice as string, "Measured on text without labels: distil");
  const shown = await runCaptured([...argv, "--force"]);
  assertStringIncludes(shown.out, `fitted to ${ROWS.length} rows`);
  assert(!shown.err.includes("one file"), shown.err);
  const same = ["merge", space.adapter, space.at("other"), "--base", space.base, "--dry-run"];
  const files = ["--calibrate", space.data, "--data", `${space.folder}/./${basename(space.data)}`];
  const warned = await runCaptured([...same, ...files, "--device", "reference"]);
  assertStringIncludes(warned.err, "--calibrate and --data name one file");
  const check = ["check", space.base, "--before", space.adapter, "--after", space.at("out")];
  const rows = ["--data", space.data, "--device", "reference", "--max-drop", "1"];
  assertEquals((await runJson([...check, ...rows])).code, 0);
});

Deno.test("merge refuses flags that do not fit together before any work", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  const merge = ["merge", space.adapter, space.at("out")];
  for (
    const [flags, says] of [
      [["--data", space.data], "give --base"],
      [["--calibrate", space.data], "give --base"],
      [["--base", space.base], "Cannot use --base here"],
      [["--task", "sst2"], "Cannot use --task here"],
      [["--device", "reference"], "Cannot use --device here"],
      [["--base", space.base, "--calibrate", space.data, "--limit", "3"], "Cannot use --limit"],
      [["--base", space.base, "--data", space.data, "--calibration-rows", "3"], "--calibrate with"],
      [["--method", "distil"], "give --base and --calibrate"],
      [["--method", "distil", "--base", space.base, "--data", space.data], "and --calibrate"],
      [["--base", space.base, "--data", space.data, "--task", "nothing"], "Unknown task"],
    ] as const
  ) {
    const { code, json } = await runJson([...merge, ...flags]);
    assertEquals(code, 2, flags.join(" "));
    assertStringIncludes((json.error as Record<string, string>).message!, says);
    assertEquals(await snapshot(space.folder), before);
  }
});

Deno.test("merge finds an output that cannot be written before it runs anything", async () => {
  await using space = await makeWorkspace();
  await Deno.writeTextFile(space.at("page.html"), "kept");
  const before = await snapshot(space.folder);
  const empty = space.at("empty.tsv");
  for (
    const [argv, expected] of [
      [measuredMerge(space, space.adapter), "output-is-input"],
      [measuredMerge(space, space.base, "--force"), "output-is-input"],
      [measuredMerge(space, space.at("x"), "--report", space.at("page.html")), "output-exists"],
      [measuredMerge(space, space.at("x"), "--report", space.data, "--force"), "output-is-input"],
    ] as const
  ) {
    // Rows that are not there are missed only once the outputs are found good.
    const { code, json } = await runJson([...argv]);
    assertEquals([code, (json.error as { code: string }).code], [1, expected]);
  }
  assertEquals(await snapshot(space.folder), before);
  assertEquals((await runJson(measuredMerge({ ...space, data: empty }, space.at("x")))).code, 1);
});

Deno.test("merge leaves nothing behind when it is interrupted while measuring", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  const signal = AbortSignal.abort();
  const argv = measuredMerge(space, space.at("out"), "--method", "average");
  assertEquals((await runJson(argv, { signal })).code, 130);
  assertEquals(await snapshot(space.folder), before);
});

Deno.test("merge --force takes a base of other content, and warns", async () => {
  await using space = await makeWorkspace({}, { baseSha256: "0".repeat(64) });
  const argv = measuredMerge(space, space.at("out"), "--method", "average");
  const refused = await runJson(argv);
  assertEquals([refused.code, (refused.json.error as { code: string }).code], [1, "base-mismatch"]);
  const { code, err } = await runJson([...argv, "--force"]);
  assertEquals(code, 0);
  assertStringIncludes(err, "by force");
});
