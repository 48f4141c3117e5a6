import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runCaptured, runJson } from "../_io.ts";
import { labelBy, scaleClassifier } from "../eval/_rows.ts";
import { writeTinyAdapter } from "../_tiny_model.ts";
import { makeWorkspace, snapshot } from "../_workspace.ts";

Deno.test("soup writes one adapter that the base takes, and reports on it", async () => {
  await using space = await makeWorkspace();
  await writeTinyAdapter(space.at("other"), { numHeads: 2, seed: 3 });
  const out = space.at("soup");
  const argv = ["soup", space.adapter, space.at("other"), out, "--weights", "3,1"];
  const { code, json } = await runJson([...argv, "--method", "product"]);
  assertEquals([code, json.method, json.headsBefore, json.headsAfter], [0, "product", 6, 4]);
  const sources = json.sources as { adapter: string; heads: number; weight: number }[];
  assertEquals(sources.map(({ adapter, heads, weight }) => [adapter, heads, weight]), [
    [space.adapter, 4, 0.75],
    [space.at("other"), 2, 0.25],
  ]);
  const layers = json.layers as { relativeError: number; groups: number[][] }[];
  assertEquals(layers.map(({ groups }) => groups.flat().length), [6, 6]);
  const config = JSON.parse(await Deno.readTextFile(join(out, "adapter_config.json")));
  assertEquals(config.merged_from.map((source: { weight: number }) => source.weight), [0.75, 0.25]);
  const check = await runJson([
    "check",
    space.base,
    ...["--before", space.adapter, "--after", out, "--data", space.data],
    ...["--device", "reference", "--max-drop", "1"],
  ]);
  assertEquals(check.code, 0);
  const paired = await runCaptured([...argv, "--method", "product", "--force"]);
  const owners = `merged heads: 0 to 3 of ${space.adapter}, 4 to 5 of ${space.at("other")}\n`;
  assertStringIncludes(paired.out, owners);
  const stacked = await runCaptured([...argv, "--force"]);
  assert(!stacked.out.includes("merged heads"), stacked.out);
  assertEquals(stacked.code, 0);
  assertStringIncludes(stacked.out, "stack: 6 heads to 6 heads a layer, exactly the mean");
});

Deno.test("soup of equal adapters computes what they do", async () => {
  await using space = await makeWorkspace();
  for (const method of ["stack", "average", "aligned", "product"]) {
    const out = space.at(method);
    const made = await runCaptured(["soup", space.adapter, space.adapter, out, "--method", method]);
    assertEquals(made.code, 0, made.err);
    const { json } = await runJson([
      "check",
      space.base,
      ...["--before", space.adapter, "--after", out, "--data", space.data],
      ...["--device", "reference"],
    ]);
    assert(json.maxLogitDifference as number < 1e-5, `${method}: ${json.maxLogitDifference}`);
  }
});

const REFUSED: readonly (readonly [string, readonly string[], number, string, string])[] = [
  ["one adapter", ["adapter", "out"], 2, "usage", "two or more"],
  ["no output", ["adapter"], 2, "usage", "Missing OUT"],
  ["too few weights", ["adapter", "wide", "out", "--weights", "1"], 2, "usage", "2 numbers"],
  ["words as weights", ["adapter", "wide", "out", "--weights", "a,1"], 2, "usage", '"a,1"'],
  ["a missing weight", ["adapter", "wide", "out", "--weights", "1,"], 2, "usage", '"1,"'],
  ["a negative weight", ["adapter", "wide", "out", "--weights=-1,2"], 2, "usage", "above 0"],
  ["another size", ["adapter", "wide", "out"], 1, "adapter-mismatch", "hidden size 128"],
  ["another task", ["adapter", "score", "out"], 1, "task-mismatch", "task type"],
  ["an input as output", ["adapter", "adapter", "adapter", "--force"], 1, "output-is-input", ""],
  ["greedy without rows", ["adapter", "wide", "out", "--method=greedy"], 2, "usage", "--data"],
  ["ingredients alone", ["adapter", "wide", "out", "--ingredients=stack"], 2, "usage", "greedy"],
  ["rows without a base", ["adapter", "wide", "out", "--data", "data"], 2, "usage", "give --base"],
  ["a base without rows", ["adapter", "wide", "out", "--base", "base"], 2, "usage", "no file"],
  ["a limit without rows", ["adapter", "wide", "out", "--limit", "5"], 2, "usage", "no rows"],
  ["an unknown adapter", ["adapter", "nowhere", "out"], 1, "not-found", "nowhere"],
];

Deno.test("soup refuses what cannot be mixed and leaves everything as it was", async () => {
  await using space = await makeWorkspace();
  await writeTinyAdapter(space.at("wide"), { hidden: 128 });
  const score = ["init", space.base, space.at("score"), "--regression"];
  assertEquals((await runCaptured(score)).code, 0);
  const before = await snapshot(space.folder);
  for (const [name, words, exit, code, says] of REFUSED) {
    const argv = words.map((word) => /^[a-z]+$/.test(word) ? space.at(word) : word);
    const result = await runJson(["soup", ...argv]);
    const error = result.json.error as Record<string, string>;
    assertEquals([result.code, error?.code], [exit, code], `${name}: ${JSON.stringify(error)}`);
    assertStringIncludes(error.message!, says, name);
    assertEquals(await snapshot(space.folder), before);
  }
});

Deno.test("soup --method greedy keeps what does no harm and reports every step", async () => {
  await using space = await makeWorkspace();
  await labelBy(space, space.adapter);
  await writeTinyAdapter(space.at("bad"), { numHeads: 2 });
  await scaleClassifier(space.at("bad"), -9);
  const run = ["--base", space.base, "--data", space.data, "--device", "reference"];
  const adapters = [space.at("bad"), space.adapter, space.adapter];
  const argv = ["soup", ...adapters, space.at("out"), "--method", "greedy", ...run];
  const { code, json } = await runJson(argv);
  assertEquals([code, json.method, json.ingredients], [0, "greedy", "aligned"]);
  const steps = json.steps as { adapter: string; kept: boolean }[];
  assertEquals(steps.map(({ adapter, kept }) => [adapter, kept]), [
    [space.adapter, true],
    [space.adapter, true],
    [space.at("bad"), false],
  ]);
  assertStringIncludes(json.advice as string, "it was chosen by these rows");
  const sources = json.sources as { adapter: string; weight: number; metric: number }[];
  assertEquals(sources.map(({ adapter, weight }) => [adapter, weight]), [
    [space.adapter, 0.5],
    [space.adapter, 0.5],
    [space.at("bad"), 0],
  ]);
  assert(sources[0]!.metric > sources[2]!.metric);
  const config = JSON.parse(await Deno.readTextFile(join(space.at("out"), "adapter_config.json")));
  assertEquals(config.merged_from.length, 2);
  const text = await runCaptured([...argv, "--force", "--ingredients", "stack"]);
  assertEquals(text.code, 0, text.err);
  for (const part of ["greedy, stack: 8 heads to 8", "left out", "(best)", "the soup"]) {
    assertStringIncludes(text.out, part);
  }
  const weighed = await runJson([...argv, "--weights", "1,1,1"]);
  assertEquals(weighed.code, 2);
});

Deno.test("soup --data measures any method beside its adapters", async () => {
  await using space = await makeWorkspace();
  await writeTinyAdapter(space.at("other"), { seed: 3 });
  const run = ["--base", space.base, "--data", space.data, "--device", "reference"];
  const argv = ["soup", space.adapter, space.at("other"), space.at("out"), ...run, "--dry-run"];
  const { code, json } = await runJson([...argv, "--method", "average"]);
  assertEquals(code, 0);
  const measured = json.measured as Record<string, unknown>;
  assertEquals((measured.ingredients as unknown[]).length, 2);
  const { comparison } = measured.best as { comparison: Record<string, unknown> };
  assertEquals(Object.keys(comparison.before as object), ["metrics"]);
  assertStringIncludes(json.advice as string, "the best of its adapters");
});
