import { assert, assertEquals, assertRejects } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { DataError, TinygraftError } from "../../lib/errors.ts";
import { readTrainingData } from "../../lib/train/data.ts";
import { makeWorkspace, ROWS, type Workspace } from "../_workspace.ts";

async function writeRows(workspace: Workspace, name: string, labels: readonly string[]) {
  const lines = labels.map((label, i) => `${ROWS[i % ROWS.length]}\t${label}`);
  await Deno.writeTextFile(workspace.at(name), `sentence\tlabel\n${lines.join("\n")}\n`);
  return workspace.at(name);
}

Deno.test("readTrainingData() draws rows by the seed and keeps their order", async () => {
  await using workspace = await makeWorkspace();
  const read = async (limit: number, seed: number) => {
    const { train } = await readTrainingData({ data: workspace.data, limit, seed }, undefined);
    return train.rows.map(({ line }) => line);
  };
  const lines = await read(6, 1);
  assertEquals(lines.length, 6);
  assertEquals(lines, [...lines].sort((a, b) => a - b));
  assertEquals(lines, await read(6, 1));
  const seeds = await Promise.all([2, 3, 4].map((seed) => read(6, seed)));
  assert(seeds.some((other) => other.join() !== lines.join()));
  assertEquals((await read(99, 1)).length, ROWS.length);
});

Deno.test("readTrainingData() takes classes from the rows and applies them to the others", async () => {
  await using workspace = await makeWorkspace();
  const data = await writeRows(workspace, "train.tsv", ["10", "9", "10", "9", "9"]);
  const evalData = await writeRows(workspace, "dev.tsv", ["9", "10"]);
  const read = await readTrainingData({ data, evalData, seed: 0 }, undefined);
  assertEquals(read.classifier, {
    task: { type: "classification", labels: ["9", "10"] },
    numLabels: 2,
  });
  assertEquals([read.inferred, read.metric], [true, "accuracy"]);
  assertEquals([...read.train.targets], [1, 0, 1, 0, 0]);
  assertEquals([...read.eval!.targets], [0, 1]);
  assertEquals(read.classes.map(({ rows }) => rows), [3, 2]);
});

Deno.test("readTrainingData() keeps the labels of an adapter that decides the same", async () => {
  await using workspace = await makeWorkspace({}, { labels: ["positive", "neutral", "negative"] });
  using from = await openAdapter(workspace.adapter);
  const some = await readTrainingData({ data: workspace.data, seed: 0 }, from);
  assertEquals([some.keepsClassifier, some.inferred], [true, false]);
  assertEquals(some.classifier.task.labels, ["positive", "neutral", "negative"]);
  const data = await writeRows(workspace, "other.tsv", ["red", "blue", "red", "blue"]);
  const other = await readTrainingData({ data, seed: 0 }, from);
  assertEquals([other.keepsClassifier, other.classifier.numLabels], [false, 2]);
});

Deno.test("readTrainingData() reads a task's labels as those of the adapter, in order", async () => {
  await using workspace = await makeWorkspace(); // negative, positive
  using from = await openAdapter(workspace.adapter);
  const data = await writeRows(workspace, "sst.tsv", ["1", "0", "1"]);
  const read = await readTrainingData({ data, task: "sst2", seed: 0 }, from);
  assertEquals([read.keepsClassifier, [...read.train.targets]], [true, [1, 0, 1]]);
  assertEquals(read.classifier.task, {
    type: "classification",
    labels: ["negative", "positive"],
    dataset: "glue/sst2",
  });
});

Deno.test("readTrainingData() refuses scores for a task of classes, and constant scores", async () => {
  await using workspace = await makeWorkspace();
  const data = await writeRows(workspace, "scores.tsv", ["1.5", "2.5"]);
  const task = { type: "regression", labels: null } as const;
  const scores = { data, seed: 0, classifier: { task, numLabels: 1 } };
  const read = await readTrainingData(scores, undefined);
  assertEquals([[...read.train.targets], read.metric, read.alsoReport], [
    [1.5, 2.5],
    "pearson",
    ["spearman"],
  ]);
  const mixed = () => readTrainingData({ ...scores, task: "sst2" }, undefined);
  assertEquals((await assertRejects(mixed, TinygraftError)).code, "label-mismatch");
  const evalData = await writeRows(workspace, "flat.tsv", ["1.5", "1.5"]);
  const flat = () => readTrainingData({ ...scores, evalData }, undefined);
  assertEquals((await assertRejects(flat, DataError)).code, "undefined-metric");
});

Deno.test("readTrainingData() wants to know which word of a cloze question is for which class", async () => {
  await using workspace = await makeWorkspace();
  const { data } = workspace;
  const ask = (...verbalizer: string[]) => ({ kind: "cloze", pattern: "", verbalizer }) as const;
  const refuse = async (options: object, says: string, location?: string) => {
    using from = location === undefined ? undefined : await openAdapter(location);
    const read = () => readTrainingData({ data, seed: 0, ...options }, from);
    assertEquals((await assertRejects(read, TinygraftError, says)).code, "label-mismatch");
  };
  await refuse({ head: ask("bad", "good") }, 'classes "negative", "positive", which were taken');
  await refuse({ head: ask("a", "b", "c") }, 'one each for "negative", "positive"');
  const scores = { task: { type: "regression", labels: null }, numLabels: 1 };
  await refuse({ head: ask("bad", "good"), classifier: scores }, "instead of scores");
  const labels = ["positive", "negative"];
  const classifier = { task: { type: "classification", labels }, numLabels: 2 } as const;
  const stated = { data, seed: 0, head: ask("good", "bad"), classifier };
  const [first] = (await readTrainingData(stated, undefined)).train.targets;
  assertEquals(first, 0); // positive
  using from = await openAdapter(workspace.adapter);
  const kept = await readTrainingData({ data, seed: 0, head: ask("bad", "good") }, from);
  assertEquals(kept.classifier.task.labels, ["negative", "positive"]);
});
