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
