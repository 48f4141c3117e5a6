import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { readFloats } from "../../lib/checkpoint/open.ts";
import { DataError, InterruptedError, TinygraftError, UsageError } from "../../lib/errors.ts";
import { predictRows } from "../../lib/eval/predict.ts";
import type { TrainEvent, TrainOptions } from "../../lib/train/options.ts";
import { hasState, statePath } from "../../lib/train/state.ts";
import { train } from "../../lib/train/train.ts";
import { ROWS, type Workspace } from "../_workspace.ts";
import { makeWorkspace } from "../_workspace.ts";

/** A base small enough for a step to take milliseconds, and rows for it. */
async function makeTrainingSpace(): Promise<Workspace> {
  const sizes = { hidden: 16, heads: 2, intermediate: 24 };
  const workspace = await makeWorkspace(sizes, { hidden: 16 });
  return workspace;
}

/** Options of a quick run. */
function quick(workspace: Workspace, name: string, more: Partial<TrainOptions> = {}): TrainOptions {
  return {
    base: workspace.base,
    output: workspace.at(name),
    data: workspace.data,
    evalData: workspace.data,
    device: "reference",
    batch: 3,
    epochs: 4,
    learningRate: 0.01,
    ...more,
  };
}

/** The bytes of a written adapter. */
async function bytesOf({ output }: TrainOptions): Promise<Uint8Array[]> {
  const names = ["adapter_config.json", "adapter_model.safetensors"];
  return await Promise.all(names.map((name) => Deno.readFile(`${output}/${name}`)));
}

Deno.test("train() learns rows by heart and writes what judged them best", async () => {
  await using workspace = await makeTrainingSpace();
  const options = quick(workspace, "out", { epochs: 60, learningRate: 0.02, dropout: 0 });
  const result = await train(options);
  assertEquals([result.steps, result.history.steps.length], [180, 180]);
  assert(result.loss < 0.05, `${result.loss}`);
  assertEquals(result.eval?.metrics.accuracy, 1);
  assertEquals(result.labels, ["negative", "positive"]);
  assertEquals(result.classes, [{ label: "negative", rows: 5 }, { label: "positive", rows: 3 }]);
  const { predictions } = await predictRows({
    base: options.base,
    adapter: options.output,
    texts: ROWS,
    device: "reference",
  });
  const wanted = ROWS.map((_, i) => i % 3 === 0 ? "positive" : "negative");
  assertEquals(predictions.map(({ label }) => label), wanted);
  assertEquals(hasState(options.output), false);
});

Deno.test("train() reproduces a run from its seed, and another seed gives another", async () => {
  await using workspace = await makeTrainingSpace();
  const [first, again, other] = [
    quick(workspace, "first"),
    quick(workspace, "again"),
    quick(workspace, "other", { seed: 1 }),
  ];
  const results = [await train(first), await train(again), await train(other)];
  const record = ({ history, loss }: typeof results[number]) => ({ history, loss });
  assertEquals(record(results[0]!), record(results[1]!));
  assertEquals(await bytesOf(first), await bytesOf(again));
  assertNotEquals(await bytesOf(first), await bytesOf(other));
});

for (const recipe of ["plain", "mergeable"] as const) {
  for (const stopAt of [1, 5, 9]) {
    Deno.test(`train() resumes ${recipe} after step ${stopAt} to the same bytes`, async () => {
      await using workspace = await makeTrainingSpace();
      const settings = { recipe, evalEvery: 3, patience: 9 };
      const whole = quick(workspace, "whole", settings);
      const broken = quick(workspace, "broken", settings);
      const unbroken = await train(whole);
      const stop = new AbortController();
      const onEvent = (event: TrainEvent) => {
        if (event.kind === "step" && event.step === stopAt) stop.abort();
      };
      await assertRejects(
        () => train({ ...broken, signal: stop.signal, onEvent }),
        InterruptedError,
      );
      assert(hasState(broken.output));
      const events: TrainEvent[] = [];
      const resumed = await train({ ...broken, resume: true, onEvent: (e) => events.push(e) });
      assertEquals(events[0]?.kind === "start" && events[0].resumedFrom, stopAt);
      assertEquals(resumed.history, unbroken.history);
      assertEquals(resumed.eval, unbroken.eval);
      assertEquals(await bytesOf(broken), await bytesOf(whole));
      assertEquals(hasState(broken.output), false);
    });
  }
}

Deno.test("train() goes on from the last saved state where a run was killed", async () => {
  await using workspace = await makeTrainingSpace();
  const whole = quick(workspace, "whole");
  await train(whole);
  const killed = quick(workspace, "killed", { saveEvery: 4 });
  const crash = new Error("killed");
  const onEvent = (event: TrainEvent) => {
    if (event.kind === "step" && event.step === 7) throw crash;
  };
  assertEquals(await train({ ...killed, onEvent }).catch((error) => error), crash);
  const events: TrainEvent[] = [];
  await train({ ...killed, resume: true, onEvent: (event) => events.push(event) });
  assertEquals(events[0]?.kind === "start" && events[0].resumedFrom, 4);
  assertEquals(await bytesOf(killed), await bytesOf(whole));
});

Deno.test("train() refuses to go on from a state of other options, naming the first", async () => {
  await using workspace = await makeTrainingSpace();
  const options = quick(workspace, "out");
  const stop = new AbortController();
  const onEvent = () => stop.abort();
  await assertRejects(() => train({ ...options, signal: stop.signal, onEvent }), InterruptedError);
  const error = await assertRejects(
    () => train({ ...options, resume: true, learningRate: 0.02 }),
    TinygraftError,
    "made with learningRate 0.01, expected 0.02",
  );
  assertEquals([error.code, error.path], ["state-mismatch", statePath(options.output)]);
  const warnings: string[] = [];
  await train({ ...options, onWarning: (line) => warnings.push(line) });
  assert(warnings.some((line) => line.includes("saved state")), `${warnings}`);
});

Deno.test("train() stops early and keeps the best where nothing gets better", async () => {
  await using workspace = await makeTrainingSpace();
  const options = quick(workspace, "out", {
    epochs: 40,
    evalEvery: 1,
    patience: 3,
    learningRate: 1e-9,
  });
  const { steps, stoppedEarly, eval: kept, history } = await train(options);
  assertEquals([steps, stoppedEarly, kept?.step], [4, true, 1]);
  assertEquals(history.evaluations.map(({ best }) => best), [true, false, false, false]);
});

Deno.test("train() writes what the best evaluation judged, not what came after", async () => {
  await using workspace = await makeTrainingSpace();
  const options = quick(workspace, "out", { evalEvery: 1, epochs: 8, learningRate: 0.3 });
  const { eval: kept, history, steps } = await train(options);
  assert(kept!.step < steps && history.evaluations.at(-1)!.metrics.accuracy! < 1);
  const { predictions } = await predictRows({
    base: options.base,
    adapter: options.output,
    texts: ROWS,
    device: "reference",
  });
  const right = predictions.filter(({ label }, i) => (label === "positive") === (i % 3 === 0));
  assertEquals(right.length / ROWS.length, kept!.metrics.accuracy);
});

Deno.test("train() goes on from an adapter and keeps a classifier of the same labels", async () => {
  await using workspace = await makeTrainingSpace();
  const options = quick(workspace, "out", {
    from: workspace.adapter,
    epochs: 1,
    learningRate: 1e-6,
  });
  const { labels } = await train(options);
  assertEquals(labels, ["negative", "positive"]);
  using before = await openAdapter(workspace.adapter);
  using after = await openAdapter(options.output);
  for (const [name, entry] of before.tensors) {
    const [old, fresh] = [await readFloats(entry), await readFloats(after.tensors.get(name)!)];
    const moved = Math.max(...old.map((value, i) => Math.abs(value - fresh[i]!)));
    assert(moved < 1e-4, `${name} moved by ${moved}`);
  }
});

Deno.test("train() gives an adapter for other labels a new classifier", async () => {
  await using workspace = await makeTrainingSpace();
  const data = workspace.at("three.tsv");
  const lines = ROWS.map((row, i) => `${row}\t${["red", "green", "blue"][i % 3]}`);
  await Deno.writeTextFile(data, `sentence\tlabel\n${lines.join("\n")}\n`);
  const options = quick(workspace, "out", { from: workspace.adapter, data, evalData: data });
  const { labels } = await train(options);
  assertEquals(labels, ["blue", "green", "red"]);
});

Deno.test("train() learns scores by squared error and judges by correlation", async () => {
  await using workspace = await makeTrainingSpace();
  const data = workspace.at("scores.tsv");
  const lines = ROWS.map((row) => `${row}\t${row.length / 10}`);
  await Deno.writeTextFile(data, `sentence\tlabel\n${lines.join("\n")}\n`);
  const task = { type: "regression", labels: null } as const;
  for (const recipe of ["plain", "mergeable"] as const) {
    const { metric, eval: kept, classes, labels } = await train(quick(workspace, recipe, {
      data,
      evalData: data,
      recipe,
      classifier: { task, numLabels: 1 },
      epochs: 40,
      learningRate: 0.03,
      dropout: 0,
    }));
    assertEquals([metric, classes, labels], ["pearson", [], null]);
    assert(kept!.metrics.pearson! > 0.95, `${kept!.metrics.pearson}`);
  }
});

Deno.test("train() names the step at which the loss is lost", async () => {
  await using workspace = await makeTrainingSpace();
  const options = quick(workspace, "out", { learningRate: 1e30, warmup: 0, evalEvery: 100 });
  const error = await assertRejects(() => train(options), TinygraftError, "at step ");
  assertEquals(error.code, "diverged");
});

Deno.test("train() refuses what makes no sense before it does any work", async () => {
  await using workspace = await makeTrainingSpace();
  const refuse = (more: Partial<TrainOptions>, kind: typeof UsageError | typeof DataError) =>
    assertRejects(() => train(quick(workspace, "out", more)), kind);
  await refuse({ batch: 0 }, UsageError);
  await refuse({ dropout: 1 }, UsageError);
  await refuse({ patience: 0 }, UsageError);
  const adapter = { heads: 1, headDim: 1, combine: "sum", sharedInit: false } as const;
  await refuse({ from: workspace.adapter, adapter }, UsageError);
  const one = workspace.at("one.tsv");
  await Deno.writeTextFile(one, "sentence\tlabel\nno\tbad\nthe end\tbad\n");
  await refuse({ data: one }, DataError);
  const more = workspace.at("more.tsv");
  await Deno.writeTextFile(more, "sentence\tlabel\nno\tpositive\nthe end\tunheard\n");
  const unknown = await refuse({ evalData: more }, DataError);
  assertEquals([unknown.code, unknown.message.includes("line 3")], ["unknown-label", true]);
  const taken = await assertRejects(
    () => train({ ...quick(workspace, "adapter"), force: false }),
    TinygraftError,
  );
  assertEquals(taken.code, "output-exists");
});
