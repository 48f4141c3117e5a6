// Heads of the base from the command line: FewGLUE as cloze questions, and a base as fine-tuned.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runCaptured, runJson } from "../_io.ts";
import { FOLDER } from "../runtime/_architectures.ts";

const BASE = `${FOLDER}roberta`;
const BOTH = ["--before", `${BASE}/adapter`, "--after", `${BASE}/adapter`];
const CLOZE = ["--cloze", "{pair}? || [MASK], {text}", "--verbalizer", "order,not,you"];
const RUN = ["--device", "reference", "--task", "cb"];

/** Rows as FewGLUE spells them. */
async function withRows(test: (data: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const labels = ["contradiction", "entailment", "neutral", "entailment"];
  const rows = labels.map((label, idx) => ({
    premise: `I want my order ${"now ".repeat(40 * idx)}`,
    hypothesis: "It is not here",
    label,
    idx,
  }));
  const data = join(folder, "val.jsonl");
  await Deno.writeTextFile(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await test(data, folder).finally(() => Deno.remove(folder, { recursive: true }));
}

Deno.test("check asks FewGLUE's rows as cloze questions, and says which head answers", () =>
  withRows(async (data, folder) => {
    const predictions = join(folder, "predictions.jsonl");
    const argv = ["check", BASE, ...BOTH, "--data", data, ...RUN, ...CLOZE];
    const { code, json, err } = await runJson([...argv, "--predictions", predictions]);
    assertEquals([code, json.head, json.examples, json.drop], [0, "cloze", 4, 0]);
    const { metrics } = json.before as { metrics: Record<string, number> };
    assertEquals(Object.keys(metrics), ["accuracy", "macroF1"]);
    assertStringIncludes(err, "classifiers are not used");
    assertEquals(err.split("classifiers are not used").length, 2, "said more than once");
    const lines = (await Deno.readTextFile(predictions)).trim().split("\n");
    const [first] = lines.map((line) => JSON.parse(line));
    assertEquals([first.label, first.before.logits.length], [1, 3]);

    // A head of its own on the same rows: other outputs, and the adapter's again.
    const heads = await Promise.all(["base", "adapter"].map(async (head) => {
      const run = await runJson(["predict", BASE, "--data", data, ...RUN, "--head", head, ...WITH]);
      const found = run.json.predictions as { logits: number[] }[];
      return [run.json.head, found[0]!.logits[0]!] as const;
    }));
    assertEquals(heads.map(([head]) => head), ["base", "adapter"]);
    const values = new Set([first.before.logits[0], ...heads.map(([, logit]) => logit)]);
    assertEquals(values.size, 3, "two heads gave the same");
  }));

const WITH = ["--adapter", `${BASE}/adapter`];

Deno.test("predict runs a base as it was fine-tuned, and as a cloze question without an adapter", async () => {
  const own = await runJson(["predict", BASE, "my order", "--device", "reference"]);
  assertEquals([own.code, own.json.head, own.json.labels], [0, "base", null]);
  const asked = [...CLOZE.with(1, "{text} It is [MASK]."), "--device", "reference"];
  const { code, out } = await runCaptured(["predict", BASE, "my order", ...asked]);
  assertEquals(code, 0);
  assert(/^(order|not|you) .*my order$/m.test(out), out);
});

Deno.test("cloze questions that cannot be asked are refused as wrong calls", () =>
  withRows(async (data) => {
    const rows = ["check", BASE, ...BOTH, "--data", data, ...RUN];
    const cases = [
      [[...rows, ...CLOZE.with(1, "{text} [MASK]")], 2, "invalid-cloze", "no {pair}"],
      [[...rows, ...CLOZE.with(1, "{text} {pair}")], 2, "invalid-cloze", "no [MASK]"],
      [[...rows, ...CLOZE.with(3, "order,not,zebra")], 2, "invalid-cloze", '"zebra"'],
      [[...rows, ...CLOZE.with(3, "order,not")], 1, "label-mismatch", "expected 3"],
      [[...rows, ...CLOZE, "--max-length", "6"], 2, "invalid-cloze", "--max-length"],
      [[...rows, ...CLOZE, "--head", "base"], 2, "usage", "--head"],
      [[...rows, "--cloze", "{text} [MASK]"], 2, "usage", "--verbalizer"],
    ] as const;
    for (const [argv, exit, code, found] of cases) {
      const { code: exitCode, json } = await runJson([...argv]);
      const error = json.error as Record<string, string>;
      assertEquals([exitCode, error?.code], [exit, code], JSON.stringify(json));
      assertStringIncludes(error.message!, found);
    }
  }));

/** Rows that a little model can learn: the answer is in the text. */
async function writeLearnable(path: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => {
    const says = ["my order is here", "my order is not here", "you have it"][i % 3]!;
    const label = ["entailment", "contradiction", "neutral"][i % 3];
    return JSON.stringify({ premise: `I want it ${i}`, hypothesis: says, label, idx: i });
  });
  await Deno.writeTextFile(path, `${rows.join("\n")}\n`);
}

const AMONG_ALL = ["--cloze-loss", "vocabulary"];
const FEW_SHOT = ["--epochs", "8", "--batch", "4", "--lr", "0.03", "--heads", "2", "--seed", "1"];

Deno.test("train asks a cloze question, and check, merge and predict take what it learnt", () =>
  withRows(async (_, folder) => {
    const [data, out, one] = ["rows.jsonl", "out", "one"].map((name) => join(folder, name)) as [
      ...[string, string, string],
    ];
    await writeLearnable(data, 24);
    const flags = ["--data", data, "--eval", data, ...RUN, ...CLOZE, ...FEW_SHOT];
    const { code, json, err } = await runJson(["train", BASE, out, ...flags]);
    assertEquals([code, json.head, json.rows, json.labels], [0, "cloze", 24, [
      "entailment",
      "contradiction",
      "neutral",
    ]], err);
    const { metrics } = json.eval as { metrics: { accuracy: number; macroF1: number } };
    assert(metrics.accuracy > 0.6, `accuracy ${metrics.accuracy}, a third of the rows by chance`);
    const shown = await runJson(["inspect", out]);
    assert(!JSON.stringify(shown.json).includes("classifier."), "it has a classifier");
    const asked = ["--data", data, ...RUN, ...CLOZE];
    const check = ["check", BASE, "--before", out, ...asked];
    const { json: same } = await runJson([...check, "--after", out]);
    assertEquals(same.before, { metrics });
    assertEquals((await runCaptured(["merge", out, one, "--method", "average"])).code, 0);
    assertEquals((await runJson([...check, "--after", one, "--max-drop", "1"])).code, 0);
    const predicted = await runJson(["predict", BASE, "--adapter", out, ...asked]);
    assertEquals([predicted.code, predicted.json.head], [0, "cloze"]);
    const [grafted, back] = [join(folder, "grafted"), join(folder, "back")];
    assertEquals((await runCaptured(["inject", BASE, grafted, "--adapter", out])).code, 0);
    assertEquals((await runCaptured(["extract", grafted, back])).code, 0);
    assertEquals((await runJson(["diff", out, back, "--values"])).json.equal, true);
    const carried = await runJson(["predict", grafted, "--adapter", grafted, ...asked]);
    assertEquals(carried.json.predictions, predicted.json.predictions);
    assertEquals((await runCaptured(["card", out])).code, 0);
    const card = await Deno.readTextFile(join(out, "README.md"));
    assertStringIncludes(card, "The base's own head answers");
    const more = ["--from", out, "--recipe", "mergeable", "--epochs", "1", "--eval", data];
    for (const [name, flags] of [["more", more], ["all", [...more, ...AMONG_ALL]]] as const) {
      const again = await runJson(["train", BASE, join(folder, name), ...asked, ...flags]);
      assertEquals([again.code, again.json.head], [0, "cloze"], JSON.stringify(again.json));
      // Among 300 tokens a word is far less likely than among three.
      assertEquals((again.json.loss as number) > 2 * Math.log(3) + 1, name === "all");
    }
  }));

Deno.test("train resumes a cloze question's run with its own question only", () =>
  withRows(async (_, folder) => {
    const data = join(folder, "rows.jsonl");
    await writeLearnable(data, 24);
    const run = ["--data", data, ...RUN, ...CLOZE, ...FEW_SHOT];
    const argv = (name: string) => ["train", BASE, join(folder, name), ...run];
    const metrics = join(folder, "m.jsonl");
    const stop = new AbortController();
    const timer = setInterval(() => {
      const written = statSync(metrics);
      if (written !== undefined && written.size > 2000) stop.abort();
    }, 1);
    const stopped = await runCaptured([...argv("parts"), "--metrics", metrics], {
      signal: stop.signal,
    });
    clearInterval(timer);
    assertEquals(stopped.code, 130);
    const other = argv("parts").map((arg) => arg === "order,not,you" ? "not,order,you" : arg);
    const refused = await runJson([...other, "--resume"]);
    assertEquals((refused.json.error as { code: string }).code, "state-mismatch");
    for (const name of ["parts", "whole"]) {
      assertEquals((await runCaptured([...argv(name), "--resume"])).code, 0);
    }
    const [one, two] = ["parts", "whole"].map((name) =>
      Deno.readFile(join(folder, name, "adapter_model.safetensors"))
    );
    assertEquals(await one, await two);
  }));

/** What is known of a file; undefined where there is none. */
function statSync(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

Deno.test("train refuses cloze questions that it cannot learn from, and writes nothing", () =>
  withRows(async (data, folder) => {
    const out = join(folder, "out");
    const plain = `${FOLDER}../mini/encoder`;
    const rows = ["--data", data, "--device", "reference"];
    const texts = ["--data", join(folder, "rows.tsv"), "--device", "reference"];
    await Deno.writeTextFile(texts[1]!, "sentence\tlabel\nmy order\tgood\nnot you\tbad\n");
    const words = ["--cloze", "{text} [MASK]", "--verbalizer", "order,not"];
    const cases = [
      [[BASE, ...rows, "--task", "cb", ...CLOZE, "--dropout", "0.1"], 2, "usage", "dropout"],
      [[BASE, ...rows, "--task", "cb", ...CLOZE, "--export-torch", "x"], 2, "usage", "--cloze"],
      [[BASE, ...rows, "--task", "cb", "--cloze-loss", "words"], 2, "usage", "--cloze PATTERN"],
      [[BASE, ...rows, "--task", "cb", ...words], 1, "label-mismatch", "one each for"],
      [[BASE, ...rows, "--task", "cb", "--verbalizer", "a,b"], 2, "usage", "--cloze"],
      [[BASE, ...texts, ...words], 1, "label-mismatch", "--labels"],
      [[BASE, ...texts, "--regression", ...words], 1, "label-mismatch", "scores"],
      [[plain, ...rows, "--task", "cb", ...CLOZE, "--dry-run"], 1, "missing-tensor", "pretraining"],
    ] as const;
    for (const [[base, ...argv], exit, code, found] of cases) {
      const { code: exitCode, json } = await runJson(["train", base, out, ...argv]);
      const error = json.error as Record<string, string>;
      assertEquals([exitCode, error?.code], [exit, code], JSON.stringify(json));
      assertStringIncludes(error.message!, found);
    }
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(names.sort(), ["rows.tsv", "val.jsonl"]);
  }));
