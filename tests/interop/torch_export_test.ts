// What `train --export-torch` writes, run by PyTorch: the losses and the adapter are ours.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { assertClose } from "../_close.ts";
import { runCaptured, runJson } from "../_io.ts";
import { readValues } from "../_values.ts";
import { makeWorkspace, ROWS, type Workspace } from "../_workspace.ts";

/** F32 on one side, f64 with f32 values on the other, over some steps of AdamW. */
const TOLERANCE = { atol: 1e-5, rtol: 1e-5 };

/** What the script prints at its end. */
interface Printed {
  readonly steps: number;
  readonly kept: Record<string, number> | null;
  readonly losses: readonly { readonly step: number; readonly loss: number }[];
}

async function runScript(
  script: string,
  output: string,
  processes: number,
): Promise<{ code: number; printed: Printed | undefined; err: string }> {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  assert(python, "no Python environment: run these tests with deno task test:real");
  const several = ["-m", "torch.distributed.run", "--nproc_per_node", String(processes)];
  const { code, stdout, stderr } = await new Deno.Command(python, {
    args: [...(processes > 1 ? several : []), script, "--output", output, "--logging-steps", "1"],
    env: { HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
  }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  const last = lines.findLast((line) => line.startsWith('{"steps"'));
  return {
    code,
    printed: last === undefined ? undefined : JSON.parse(last),
    err: new TextDecoder().decode(stderr),
  };
}

/** Trains by both to the same losses. */
async function trainBoth(space: Workspace, processes: number, flags: readonly string[]) {
  const { losses, ...trained } = await runBoth(space, processes, flags);
  assertClose(losses.theirs, losses.ours, TOLERANCE);
  return trained;
}

/** Trains by both, on all rows in each step: their order then makes no difference. */
async function runBoth(space: Workspace, processes: number, flags: readonly string[]) {
  const [ours, run, theirs, metrics] = ["ours", "run", "theirs", "m.jsonl"].map(space.at) as [
    ...[string, string, string, string],
  ];
  const argv = ["train", space.base, ours, "--data", space.data, "--batch", String(ROWS.length)];
  argv.push("--epochs", "5", "--dropout", "0", "--device", "reference", ...flags);
  if (!flags.includes("--lr")) argv.push("--lr", "0.01");
  const trained = await runCaptured([...argv, "--metrics", metrics]);
  assertEquals(trained.code, 0, trained.err);
  const exported = await runJson([...argv, "--export-torch", run]);
  assertEquals([exported.code, exported.json.steps], [0, 5], exported.err);
  const { code, printed, err } = await runScript(`${run}/train.py`, theirs, processes);
  assertEquals(code, 0, err);
  const events = (await Deno.readTextFile(metrics)).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  const losses = {
    ours: Float64Array.from(events.filter(({ kind }) => kind === "step"), ({ loss }) => loss),
    theirs: Float64Array.from(printed!.losses, ({ loss }) => loss),
  };
  return { ours, theirs, kept: printed!.kept, events, losses };
}

Deno.test("two processes of the exported script train the adapter that train does", async () => {
  await using space = await makeWorkspace();
  const flags = ["--from", space.adapter, "--eval", space.data, "--warmup", "2"];
  const { ours, theirs, kept, events } = await trainBoth(space, 2, flags);
  const best = events.findLast(({ kind, best }) => kind === "evaluation" && best);
  assertEquals(kept, { step: best.step, accuracy: best.metrics.accuracy });
  const { code, json } = await runJson([
    ...["check", space.base, "--before", ours, "--after", theirs, "--data", space.data],
    ...["--device", "reference"],
  ]);
  assertEquals([code, json.drop, json.agreement], [0, 0, 1]);
  assert((json.maxLogitDifference as number) < 1e-4, `${json.maxLogitDifference}`);
  const merge = ["merge", theirs, space.at("one"), "--method", "average"];
  assertEquals((await runCaptured(merge)).code, 0);
});

Deno.test("the exported script follows the mergeable recipe, clipping, decay and placement", async () => {
  await using space = await makeWorkspace();
  // With one head both passes are the same whatever is drawn.
  const flags = ["--recipe", "mergeable", "--heads", "1", "--head-dim", "3", "--clip", "0.5"];
  flags.push("--combine", "mean", "--weight-decay", "0.1", "--decay-all", "--schedule", "cosine");
  flags.push("--placement", "s0");
  await trainBoth(space, 1, flags);
});

Deno.test("the exported script draws heads together as train does", async () => {
  await using space = await makeWorkspace({}, { numHeads: 3, headDim: 2 });
  // The rate is too small for gradients to matter, and the pull is not: any heads may be drawn.
  const flags = ["--from", space.adapter, "--recipe", "mergeable", "--elasticity", "3e7"];
  flags.push("--lr", "1e-8", "--schedule", "constant", "--warmup", "2");
  const { ours, theirs } = await runBoth(space, 1, flags);
  const [drawn, byScript, started] = [
    await valuesOf(ours),
    await valuesOf(theirs),
    await valuesOf(space.adapter),
  ];
  for (const [name, array] of drawn) {
    assertClose(byScript.get(name)!, array, { atol: 1e-6, rtol: 0 });
    const before = started.get(name)!;
    const moved = array.some((value, i) => Math.abs(value - before[i]!) > 1e-4);
    assertEquals(moved, /\.(query|key|value)\.|output\.weight/.test(name), name);
  }
});

async function valuesOf(path: string): Promise<Map<string, Float32Array>> {
  using adapter = await openAdapter(path);
  return await readValues(adapter);
}

Deno.test("the exported script learns scores of pairs", async () => {
  await using space = await makeWorkspace();
  const data = space.at("pairs.csv");
  const lines = ROWS.map((row, i) => `"${row}","${ROWS[(3 * i) % ROWS.length]}",${i / 2}`);
  await Deno.writeTextFile(data, `one,other,score\n${lines.join("\n")}\n`);
  const columns = ["--text", "one", "--text-pair", "other", "--label", "score", "--regression"];
  columns.push("--placement", "parallel_feed_forward");
  const pairs = { ...space, data };
  const { kept, events } = await trainBoth(pairs, 1, [...columns, "--eval", data]);
  const best = events.findLast(({ kind, best }) => kind === "evaluation" && best);
  assertEquals(kept?.step, best.step);
  assertClose([kept!.pearson!], [best.metrics.pearson], TOLERANCE);
});

Deno.test("the exported script refuses to split a batch unevenly", async () => {
  await using space = await makeWorkspace();
  const run = space.at("run");
  const argv = ["train", space.base, space.at("out"), "--data", space.data, "--batch", "7"];
  assertEquals((await runCaptured([...argv, "--export-torch", run])).code, 0);
  const { code, err } = await runScript(`${run}/train.py`, space.at("theirs"), 2);
  assertEquals(code, 1);
  assertStringIncludes(err, "A batch of 7 rows cannot be split 2 ways");
});
