import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, ROWS, snapshot, type Workspace } from "../_workspace.ts";

/** What a run is like unless its test says otherwise. */
const SHORT = { "--epochs": "2", "--batch": "4", "--seed": "3", "--device": "reference" };

/** A short run on the tiny base, with the flags of one test. */
function training(space: Workspace, out: string, ...flags: string[]): string[] {
  const defaults = Object.entries({ ...SHORT, "--data": space.data })
    .filter(([name]) => !flags.includes(name));
  return ["train", space.base, out, ...defaults.flat(), ...flags];
}

async function configOf(folder: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(join(folder, "adapter_config.json")));
}

async function events(path: string): Promise<Record<string, unknown>[]> {
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

Deno.test("train writes an adapter that check and merge read, and says how good it is", async () => {
  await using space = await makeWorkspace();
  const out = space.at("out");
  const { code, json } = await runJson(training(space, out, "--eval", space.data));
  assertEquals([code, json.steps, json.metric, json.evalRows], [0, 4, "accuracy", ROWS.length]);
  assertEquals(json.labels, ["negative", "positive"]);
  assertEquals(json.classes, [{ label: "negative", rows: 5 }, { label: "positive", rows: 3 }]);
  assert(json.history === undefined && (json.written as unknown[]).length === 2);
  const config = await configOf(out);
  assertEquals(config.num_heads, 4);
  assertEquals(config.task, { labels: ["negative", "positive"], type: "classification" });
  const kept = json.eval as { metrics: { accuracy: number } };
  const check = await runJson([
    ...["check", space.base, "--before", out, "--after", out, "--data", space.data],
    ...["--device", "reference"],
  ]);
  assertEquals(check.json.before, { metrics: { accuracy: kept.metrics.accuracy } });
  assertEquals((await runCaptured(["merge", out, space.at("one"), "--method", "average"])).code, 0);
});

Deno.test("train prints what it reads, each evaluation and the result for people", async () => {
  await using space = await makeWorkspace();
  const argv = training(space, space.at("out"), "--eval", space.data);
  const { code, out, err } = await runCaptured(argv);
  assertEquals(code, 0);
  assertStringIncludes(err, '2 classes, taken from the rows: "negative" 5, "positive" 3');
  assertMatch(err, /8 rows, 71 tokens, 4 steps; 2,586 parameters, .* of the base, on reference/);
  assertMatch(err, /Step 2, epoch 1\.00: loss \d\.\d{4}, accuracy \d+\.\d\d, best so far/);
  assertStringIncludes(out, `Wrote ${space.at("out")}:`);
  assertMatch(out, /accuracy \d+\.\d\d, loss \d\.\d{4} on 8 rows after/);
  assertEquals((await runCaptured([...argv, "--force", "--quiet"])).err, "");
});

Deno.test("train --metrics writes every step and evaluation, --report the curves", async () => {
  await using space = await makeWorkspace();
  const [metrics, report] = [space.at("m.jsonl"), space.at("r.html")];
  const files = ["--eval", space.data, "--metrics", metrics, "--report", report];
  const { code, json } = await runJson(training(space, space.at("out"), ...files));
  assertEquals(code, 0);
  const found = await events(metrics);
  const kinds = ["start", "step", "step", "evaluation", "step", "step", "evaluation"];
  assertEquals(found.map(({ kind }) => kind), kinds);
  const [last] = found.slice(-1);
  assertEquals([last!.step, last!.epoch], [4, 2]);
  assertEquals(json.steps, 4);
  const page = await Deno.readTextFile(report);
  assertStringIncludes(page, "Gradient norm");
  assertStringIncludes(page, "tinygraft train --data");
});

Deno.test("train takes a task's labels, stated ones, and scores", async () => {
  await using space = await makeWorkspace();
  const lines = ROWS.map((row, i) => `${row}\t${i % 3 === 0 ? 1 : 0}\t${i / 2}`);
  const data = space.at("numbers.tsv");
  await Deno.writeTextFile(data, `sentence\tlabel\tscore\n${lines.join("\n")}\n`);
  const tasks: [string[], unknown][] = [
    [["--task", "sst2"], { type: "classification", labels: ["0", "1"], dataset: "glue/sst2" }],
    [["--labels", "bad,good"], { type: "classification", labels: ["bad", "good"] }],
    [["--label", "score", "--regression"], { type: "regression", labels: null }],
  ];
  for (const [flags, task] of tasks) {
    const out = space.at(flags.join(""));
    const { code } = await runJson(training(space, out, "--data", data, "--eval", data, ...flags));
    assertEquals(code, 0);
    assertEquals((await configOf(out)).task, task);
  }
});

Deno.test("train --from goes on from an adapter and keeps its shape", async () => {
  await using space = await makeWorkspace();
  const out = space.at("out");
  const { code } = await runJson(training(space, out, "--from", space.adapter));
  assertEquals(code, 0);
  const [before, after] = [await configOf(space.adapter), await configOf(out)];
  assertEquals(
    [after.num_heads, after.head_dim, after.combine],
    [before.num_heads, before.head_dim, before.combine],
  );
});

Deno.test("train --recipe mergeable leaves heads that average with little loss", async () => {
  await using space = await makeWorkspace();
  const errors: number[] = [];
  const ways = [["plain"], ["mergeable", "--elasticity", "0"], ["mergeable"]];
  for (const [i, flags] of ways.entries()) {
    const out = space.at(`way ${i}`);
    const argv = training(space, out, "--epochs", "8", "--recipe", ...flags);
    assertEquals((await runJson(argv)).code, 0);
    const { json } = await runJson([
      "merge",
      out,
      space.at(`one of ${i}`),
      "--method",
      "average",
    ]);
    const layers = json.layers as { relativeError: number }[];
    errors.push(Math.max(...layers.map(({ relativeError }) => relativeError)));
  }
  assert(errors[1]! < errors[0]! / 2, `${errors}`);
  assert(errors[2]! < errors[1]!, `${errors}`);
});

Deno.test("train called wrongly does nothing and exits with 2", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  for (
    const [flags, says] of [
      [["--patience", "2"], "no rows to judge by"],
      [["--eval-every", "2"], "no rows to judge by"],
      [["--consistency", "mse"], "give --recipe mergeable"],
      [["--elasticity", "1"], "give --recipe mergeable"],
      [["--from", space.adapter, "--heads", "2"], "Cannot use --heads with --from"],
      [["--metrics", space.at("x"), "--report", space.at("x")], "name the same file"],
      [["--recipe", "magic"], "expected one of plain, mergeable"],
      [["--task", "sst3"], 'Unknown task "sst3"'],
      [["--labels", "a,b", "--regression"], "give one of --labels"],
      [["--dropout", "1"], "at most 0.99"],
    ] as const
  ) {
    const { code, json } = await runJson(training(space, space.at("out"), ...flags));
    const { message } = json.error as { message: string };
    assertEquals(code, 2, message);
    assertStringIncludes(message, says);
  }
  const without = await runJson(["train", space.base, space.at("out")]);
  assertEquals(without.code, 2);
  assertStringIncludes((without.json.error as { message: string }).message, "Missing --data");
  assertEquals(await snapshot(space.folder), before);
});

Deno.test("train names what is wrong with rows, and leaves nothing", async () => {
  await using space = await makeWorkspace();
  const texts = {
    empty: "",
    header: "sentence\tlabel\n",
    same: "sentence\tlabel\nno\tbad\nthe end\tbad\n",
    other: "sentence\tlabel\nno\tpositive\nthe end\tmaybe\n",
    scores: "sentence\tlabel\nno\t0.5\nthe end\t1.5\n",
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(space.at(`${name}.tsv`), text);
  }
  const before = await snapshot(space.folder);
  for (
    const [flags, code, says] of [
      [["--data", space.at("empty.tsv")], "empty-data", "it has no rows"],
      [["--data", space.at("header.tsv")], "empty-data", "it has no rows"],
      [["--data", space.at("same.tsv")], "one-class", 'every row has the label "bad"'],
      [["--data", space.at("scores.tsv")], "label-mismatch", "give --regression"],
      [["--eval", space.at("other.tsv")], "unknown-label", 'line 3: label "maybe"'],
      [
        ["--data", space.at("other.tsv"), "--labels", "positive,negative"],
        "unknown-label",
        "line 3",
      ],
      [["--data", space.at("gone.tsv")], "not-found", "gone.tsv"],
      [["--text", "nowhere"], "missing-column", "nowhere"],
    ] as const
  ) {
    const { code: exit, json } = await runJson(training(space, space.at("out"), ...flags));
    const error = json.error as { code: string; message: string };
    assertEquals([exit, error.code], [1, code], error.message);
    assertStringIncludes(error.message, says);
    assertEquals(await snapshot(space.folder), before);
  }
});

Deno.test("train refuses an output that is there before any work, and replaces it with --force", async () => {
  await using space = await makeWorkspace();
  for (
    const flags of [[space.adapter], [
      space.at("out"),
      "--report",
      space.data,
      "--eval",
      space.data,
    ]]
  ) {
    const { code, json, err } = await runJson(training(space, flags[0]!, ...flags.slice(1)));
    assertEquals(code, 1);
    assertMatch((json.error as { code: string }).code, /^output-(exists|is-input)$/);
    assert(!err.includes("classes"), err);
  }
  const forced = await runJson(training(space, space.adapter, "--force"));
  assertEquals([forced.code, (await configOf(space.adapter)).num_heads], [0, 4]);
});

Deno.test("train stops at a loss that is no number and names the step", async () => {
  await using space = await makeWorkspace();
  const flags = ["--lr", "1e38", "--clip", "0", "--warmup", "0", "--schedule", "constant"];
  const { code, json } = await runJson(training(space, space.at("out"), ...flags));
  const error = json.error as { code: string; message: string };
  assertEquals([code, error.code], [1, "diverged"], error.message);
  assertMatch(error.message, /step \d.*lower the learning rate/);
});

Deno.test("train says which classes are rare", async () => {
  await using space = await makeWorkspace();
  const data = space.at("rare.csv");
  const rows = Array.from({ length: 40 }, (_, i) => `the cat ${i},${i === 7 ? "yes" : "no"}`);
  await Deno.writeTextFile(data, `text,label\n${rows.join("\n")}\n`);
  const { code, err } = await runCaptured(training(space, space.at("out"), "--data", data));
  assertEquals(code, 0);
  assertStringIncludes(err, 'Warning: Rare classes among 40 rows: "yes" 1');
  assertStringIncludes(err, "97.5 %");
});

/** Stops a run from outside when its metrics tell of some step. */
async function stopAt(step: number, argv: readonly string[], metrics: string) {
  const stop = new AbortController();
  const timer = setInterval(() => {
    try {
      if (Deno.readTextFileSync(metrics).includes(`"step":${step},`)) stop.abort();
    } catch {
      // Not begun yet.
    }
  }, 1);
  try {
    return await runCaptured([...argv, "--metrics", metrics], { signal: stop.signal });
  } finally {
    clearInterval(timer);
  }
}

Deno.test("train stopped and resumed ends with the bytes of an unbroken run", async () => {
  await using space = await makeWorkspace();
  const flags = ["--eval", space.data, "--eval-every", "3", "--save-every", "2"];
  const whole = training(space, space.at("whole"), ...flags);
  assertEquals((await runCaptured(whole)).code, 0);
  const argv = training(space, space.at("parts"), ...flags);
  const metrics = space.at("m.jsonl");
  const stopped = await stopAt(2, argv, metrics);
  assertEquals(stopped.code, 130);
  assertMatch(stopped.err, /Stopped after step \d: the same command with --resume goes on/);
  const resumed = await runJson([...argv, "--metrics", metrics, "--resume"]);
  assertEquals([resumed.code, resumed.json.steps], [0, 4]);
  for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
    const [one, other] = ["whole", "parts"].map((folder) =>
      Deno.readFile(join(space.at(folder), file))
    );
    assertEquals(await one, await other, file);
  }
  const steps = (await events(metrics)).flatMap(({ kind, step }) => kind === "step" ? [step] : []);
  assertEquals(steps, [1, 2, 3, 4]);
  const names = (await Array.fromAsync(Deno.readDir(space.folder), ({ name }) => name)).sort();
  assertEquals(names, ["adapter", "base", "data.tsv", "m.jsonl", "parts", "whole"]);
});

Deno.test("train --resume without a state starts anew and says so", async () => {
  await using space = await makeWorkspace();
  const { code, err } = await runCaptured(training(space, space.at("out"), "--resume"));
  assertEquals(code, 0);
  assertMatch(err, /Warning: .*no state/i);
});

Deno.test("train --dry-run and --export-torch train nothing and say what would be", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  const dry = await runJson(training(space, space.at("out"), "--dry-run"));
  assertEquals([dry.code, dry.json.dryRun, dry.json.steps, dry.json.rows], [0, true, 4, 8]);
  assertEquals(await snapshot(space.folder), before);
  const run = space.at("run");
  const { code, out } = await runCaptured(training(space, space.at("out"), "--export-torch", run));
  assertEquals(code, 0);
  assertStringIncludes(out, `Wrote ${run}`);
  assertStringIncludes(out, "4 steps on 8 rows, judged by 0 rows");
  const files = await Array.fromAsync(Deno.readDir(run), ({ name }) => name);
  assertEquals(files.sort(), [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "options.json",
    "train.jsonl",
    "train.py",
  ]);
  const report = ["--report", space.at("r.html")];
  const wrong = await runJson(training(space, space.at("out"), "--dry-run", ...report));
  assertEquals(wrong.code, 2);
  assertStringIncludes((wrong.json.error as { message: string }).message, "nothing is trained");
});
