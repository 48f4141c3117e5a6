import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runCaptured, runJson } from "../_io.ts";

const MINI = "fixtures/mini";
const INPUTS = [
  ...["check", `${MINI}/encoder`, "--before", `${MINI}/adapter`, "--after", `${MINI}/averaged`],
  ...["--data", `${MINI}/data/dev.tsv`],
];
const ON_WASM = [...INPUTS, "--device", "wasm"];
const FEW = [...ON_WASM, "--limit", "20"];

async function temporary(): Promise<AsyncDisposable & { at(name: string): string }> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-check-" });
  return {
    at: (name) => join(folder, name),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Runs shards and returns the files that they wrote. */
async function runShards(argv: readonly string[], count: number, at: (name: string) => string) {
  const files: string[] = [];
  for (let i = 1; i <= count; i++) {
    files.push(at(`part-${i}.jsonl`));
    const shard = ["--shard", `${i}/${count}`, "--predictions", files.at(-1)!];
    assertEquals((await runCaptured([...argv, ...shard])).code, 0);
  }
  return files;
}

Deno.test("check gives the same JSON unsplit and as seven shards combined, timings aside", async () => {
  await using folder = await temporary();
  const argv = [...ON_WASM, "--limit", "150"];
  const files = await runShards(argv, 7, folder.at);
  const limits = ["--max-drop", "0.2", "--max-drop-upper", "0.3"];
  const whole = await runJson([...argv, ...limits, "--predictions", folder.at("whole.jsonl")]);
  const joined = ["--predictions", folder.at("joined.jsonl")];
  const combined = await runJson(["check", "--combine", ...files.reverse(), ...limits, ...joined]);
  assertEquals([whole.code, combined.code], [1, 1]);
  const { timings: _, ...want } = whole.json;
  const { timings: __, ...found } = combined.json;
  assertEquals(JSON.stringify(found), JSON.stringify(want));
  assertEquals([found.examples, found.passed], [150, false]);
  assertEquals(
    (found.failures as { code: string }[]).map(({ code }) => code),
    ["max-drop", "max-drop-upper"],
  );
  const [one, other] = [folder.at("whole.jsonl"), folder.at("joined.jsonl")];
  assertEquals(await Deno.readTextFile(other), await Deno.readTextFile(one));

  const without = files.filter((path) => !path.endsWith("part-2.jsonl"));
  const missing = await runJson(["check", "--combine", ...without]);
  const { code, message } = missing.json.error as { code: string; message: string };
  assertEquals([missing.code, code], [1, "missing-rows"]);
  assertStringIncludes(message, "22 of 150 rows are missing, rows 1, 8, 15, … of shard 2/7");
});

Deno.test("check --shard says what it ran and judges nothing", async () => {
  await using folder = await temporary();
  const path = folder.at("part.jsonl");
  const argv = [...FEW, "--shard", "3/3", "--predictions", path];
  const { code, json } = await runJson(argv);
  assertEquals([code, json.shard, json.examples, json.rows], [0, { index: 3, count: 3 }, 6, 20]);
  assertEquals([json.passed, json.drop, json.predictions], [undefined, undefined, path]);
  assertStringIncludes((await runCaptured([...argv, "--force"])).out, "shard 3/3 of 20 rows");
  const many = await runJson([...FEW, "--shard", "21/21", "--predictions", folder.at("none")]);
  assertEquals([many.code, (many.json.error as { code: string }).code], [1, "empty-data"]);
});

Deno.test("check --combine --report shows the rows of the data that was run, and of no other", async () => {
  await using folder = await temporary();
  const files = await runShards(FEW, 2, folder.at);
  const page = folder.at("page.html");
  const combine = ["check", "--combine", ...files, "--max-drop", "1", "--report", page, "--data"];
  assertEquals((await runCaptured([...combine, `${MINI}/data/dev.tsv`])).code, 0);
  // A row that only one of the two gets right, and thus is shown.
  assert((await Deno.readTextFile(page)).includes("how can i get a worikng tracking number?"));
  const other = await runJson([...combine, `${MINI}/data/train.tsv`, "--force"]);
  assertEquals([other.code, (other.json.error as { code: string }).code], [1, "shard-mismatch"]);
});

Deno.test("check takes a result from the cache, with predictions, unless --no-cache", async () => {
  await using folder = await temporary();
  const options = { env: { XDG_CACHE_HOME: folder.at("cache") } };
  const run = async (...more: string[]) => (await runJson([...FEW, ...more], options)).json;
  const first = await run("--predictions", folder.at("1.jsonl"));
  const second = await run("--predictions", folder.at("2.jsonl"), "--max-drop", "1");
  const third = await run("--no-cache");
  assertEquals([first.cached, second.cached, third.cached], [false, true, false]);
  assertEquals([first.passed, second.passed], [false, true]);
  assertEquals(
    await Deno.readTextFile(folder.at("2.jsonl")),
    await Deno.readTextFile(folder.at("1.jsonl")),
  );
  assertStringIncludes((await runCaptured(FEW, options)).out, "cached: --no-cache runs it again");
});

Deno.test("check --baseline fails below an earlier check, and refuses one on other data", async () => {
  await using folder = await temporary();
  const kept = { env: { XDG_CACHE_HOME: folder.at("cache") } };
  const baseline = folder.at("before.json");
  const same = FEW.map((arg) => arg === `${MINI}/averaged` ? `${MINI}/stacked` : arg);
  await Deno.writeTextFile(baseline, JSON.stringify((await runJson(same, kept)).json));
  const against = (argv: readonly string[], ...more: string[]) =>
    runJson([...argv, "--baseline", baseline, ...more], kept);
  assertEquals((await against(same)).code, 0);
  const worse = await against(FEW, "--max-drop", "1");
  assertEquals(worse.code, 1);
  assertEquals((worse.json.failures as { code: string }[]).map(({ code }) => code), ["baseline"]);
  assertEquals((await against(FEW, "--max-drop", "1", "--max-regression", "1")).code, 0);
  const fewer = await against([...ON_WASM, "--limit", "10"], "--max-drop", "1");
  assertEquals((fewer.json.error as { code: string }).code, "baseline-mismatch");
});

Deno.test("check writes JUnit and a summary, and tells GitHub what failed", async () => {
  await using folder = await temporary();
  const step = folder.at("step.md");
  await Deno.writeTextFile(step, "before\n");
  const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: step };
  const outputs = ["--junit", folder.at("a.xml"), "--summary", folder.at("a.md")];
  const { code, json, err } = await runJson([...FEW, ...outputs], { env });
  assertEquals([code, json.passed], [1, false]);
  const found = "::error title=tinygraft check dev.tsv::accuracy drops by ";
  assertStringIncludes(err, found);
  assertStringIncludes(await Deno.readTextFile(folder.at("a.xml")), '<failure type="max-drop"');
  const summary = await Deno.readTextFile(folder.at("a.md"));
  assertStringIncludes(summary, "### tinygraft check: failed");
  assertEquals(await Deno.readTextFile(step), `before\n${summary}\n`);
  assertEquals((await runCaptured(FEW)).err, "");

  const absent = ["--data", folder.at("absent.tsv"), "--junit", folder.at("b.xml")];
  const broken = await runJson([...FEW.slice(0, 6), ...absent]);
  assertEquals((broken.json.error as { code: string }).code, "not-found");
  assertStringIncludes(await Deno.readTextFile(folder.at("b.xml")), '<error type="error"');
});

Deno.test("check refuses flags that do not go together, before any work", async () => {
  const cases: [string[], string][] = [
    [[], "Missing BASE of check"],
    [["a", "b", "--before", "x"], 'Unexpected argument "b"'],
    [["--config", "c", "a"], 'Unexpected argument "a"'],
    [["a", "--shard", "1/2", "--combine", "x"], "--shard with --combine"],
    [["a", "--config", "c", "--combine", "x"], "--combine with --config"],
    [["a", "--shard", "1/2", "--max-drop", "0"], "Cannot use --max-drop here: a shard"],
    [["a", "--shard", "1/2", "--junit", "x"], "Cannot use --junit here: a shard"],
    [["a", "--shard", "1/2"], "Missing --predictions"],
    [[...INPUTS.slice(1), "--shard", "0/2", "--predictions", "x"], 'Bad value "0/2" of --shard'],
    [["--combine", "x", "--device", "wasm"], "Cannot use --device here: the predictions say"],
    [["--combine", "x", "--data", "y"], "give both, or neither"],
    [["--config", "x", "--before", "y"], "Cannot use --before here: with --config it stands"],
    [["a", "--only", "y"], "Cannot use --only here"],
    [["a", "--max-regression", "0"], "give --baseline with it"],
    [["a", "--junit", "x", "--summary", "x"], "--junit and --summary name the same file"],
  ];
  for (const [argv, found] of cases) {
    const { code, err } = await runCaptured(["check", ...argv]);
    assertEquals(code, 2, err);
    assert(err.includes(found), `${err} lacks ${found}`);
  }
});
