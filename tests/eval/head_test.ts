import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { checkMerge } from "../../lib/eval/check.ts";
import type { HeadChoice } from "../../lib/eval/head.ts";
import { type PredictResult, predictRows } from "../../lib/eval/predict.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { assertClose } from "../_close.ts";
import { runCaptured } from "../_io.ts";
import { writeTinyAdapter } from "../_tiny_model.ts";
import { makeWorkspace } from "../_workspace.ts";
import { FOLDER } from "../runtime/_architectures.ts";
import { dropClassifier } from "./_rows.ts";

/**
 * One pair of texts by transformers 5.23 in f32: the words' logits at the mask, and those of the
 * head for sequence classification.
 */
const EXPECTED: Readonly<Record<string, [masked: number[], classification: number[]]>> = {
  albert: [[-1.00343, 0.89918, -0.4502], [-0.55698, -0.62862, -1.58804]],
  bert: [[0.38909, -0.51466, 0.33595], [0.87271, -0.6448, 0.84967]],
  distilbert: [[-0.18358, -0.729, -1.0614], [-0.34574, -0.22579, -0.24525]],
  electra: [[-0.4025, 0.91293, 3.34311], [-0.26041, -1.18517, -1.18429]],
  roberta: [[-0.66213, -1.42096, -1.71723], [-1.23896, -0.8364, -0.02462]],
  "xlm-roberta": [[-0.53292, -1.22299, 0.01291], [0.05023, 0.55604, 0.08566]],
};
const TOLERANCE = { atol: 1e-4, rtol: 1e-4 };
const CLOZE: HeadChoice = {
  kind: "cloze",
  pattern: "{pair}? || [MASK], {text}",
  verbalizer: ["order", "not", "you"],
};
const SINGLE: HeadChoice = { ...CLOZE, pattern: "{text} It was [MASK]." };
const DEVICE = { device: "reference" } as const;

const logitsOf = ({ predictions }: PredictResult) => predictions.flatMap(({ logits }) => logits);
const adapterOf = (name: string) => `${FOLDER}${name}/adapter`;

async function withFolder(test: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    await test((name) => join(folder, name));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyAdapter(name: string, to: string): Promise<string> {
  await Deno.mkdir(to);
  for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
    await Deno.copyFile(`${adapterOf(name)}/${file}`, join(to, file));
  }
  return to;
}

async function patchJson(path: string, change: Record<string, unknown>): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...json, ...change }));
}

for (const [name, [masked, classification]] of Object.entries(EXPECTED)) {
  Deno.test(`predictRows() runs the heads of a base as transformers does: ${name}`, async () => {
    await withFolder(async (at) => {
      const data = at("rows.jsonl");
      const row = { text: "Where is my order?", pair: "I want to return it" };
      await Deno.writeTextFile(data, JSON.stringify(row));
      const options = { ...DEVICE, base: FOLDER + name, data, text: "text", textPair: "pair" };
      const asked = await predictRows({ ...options, head: CLOZE });
      assertClose(logitsOf(asked), masked, TOLERANCE, "masked tokens");
      assertEquals([asked.head, asked.labels], ["cloze", ["order", "not", "you"]]);
      const own = await predictRows(options);
      assertClose(logitsOf(own), classification, TOLERANCE, "classification");
      assertEquals([own.head, own.labels], ["base", null]);
    });
  });
}

Deno.test("predictRows() runs the base's heads under an adapter that has no classifier", async () => {
  await withFolder(async (at) => {
    const options = { ...DEVICE, base: `${FOLDER}bert`, texts: ["Where is it?"] };
    const adapter = await copyAdapter("bert", at("headless"));
    await dropClassifier(adapter);
    const warnings: string[] = [];
    const onWarning = (line: string) => void warnings.push(line);
    for (const head of [{ kind: "base" }, SINGLE] as const) {
      const bare = logitsOf(await predictRows({ ...options, head }));
      const whole = await predictRows({ ...options, head, adapter: adapterOf("bert"), onWarning });
      const headless = await predictRows({ ...options, head, adapter });
      assertEquals(logitsOf(headless), logitsOf(whole));
      assertEquals(headless.labels, ["a", "b", "c"]);
      assert(Math.abs(logitsOf(whole)[0]! - bare[0]!) > 1e-3, "the modules change nothing");
    }
    assertEquals(warnings.map((line) => line.split("head for ")[1]), [
      "sequence classification",
      "masked tokens",
    ]);
    const error = await assertRejects(
      () => predictRows({ ...options, adapter }),
      TinygraftError,
      "--head base",
    );
    assertEquals([error.code, error.tensor], ["missing-tensor", "classifier.weight"]);
  });
});

Deno.test("checkMerge() compares adapters under the base's heads, with or without classifiers", async () => {
  await withFolder(async (at) => {
    const data = at("rows.tsv");
    await Deno.writeTextFile(data, "sentence\tlabel\nWhere is it?\ta\nnot you\tb\nmy order\tc\n");
    const [before, after] = [adapterOf("roberta"), await copyAdapter("roberta", at("headless"))];
    await dropClassifier(after);
    const task = { type: "classification", labels: null };
    await patchJson(join(after, "adapter_config.json"), { task });
    const options = { ...DEVICE, base: `${FOLDER}roberta`, before, after, data, maxDrop: 0 };
    for (const head of [{ kind: "base" }, SINGLE] as const) {
      const result = await checkMerge({ ...options, head });
      assertEquals([result.head, result.maxLogitDifference, result.passed], [head.kind, 0, true]);
      assertEquals(result.task.labels, ["a", "b", "c"]);
    }
  });
});

Deno.test("an adapter without a classifier is merged, and checked with a head of the base's", async () => {
  await withFolder(async (at) => {
    const before = await copyAdapter("roberta", at("headless"));
    await dropClassifier(before);
    const [after, stacked] = [at("one-head"), at("stacked")];
    for (const [output, method] of [[after, "average"], [stacked, "stack"]] as const) {
      const { code, err } = await runCaptured(["merge", before, output, "--method", method]);
      assertEquals(code, 0, err);
      using merged = await openAdapter(output, { withoutClassifier: true });
      assertEquals([merged.numLabels, merged.tensors.has("classifier.bias")], [0, false]);
    }
    const data = at("rows.tsv");
    await Deno.writeTextFile(data, "sentence\tlabel\nWhere is it?\ta\nnot you\tb\n");
    const options = { ...DEVICE, base: `${FOLDER}roberta`, before, data, maxDrop: 1, head: SINGLE };
    const changed = await checkMerge({ ...options, after });
    assert(changed.maxLogitDifference > 0);
    assertEquals((await checkMerge({ ...options, after: stacked })).maxLogitDifference, 0);
  });
});

Deno.test("the base's own labels win over the adapter's", async () => {
  await withFolder(async (at) => {
    await Deno.mkdir(at("base"));
    for (const file of ["model.safetensors", "config.json", "tokenizer.json"]) {
      await Deno.copyFile(`${FOLDER}bert/${file}`, at(`base/${file}`));
    }
    const id2label = { 0: "no", 1: "yes", 2: "maybe" };
    await patchJson(at("base/config.json"), { id2label });
    const options = { ...DEVICE, base: at("base"), texts: ["my order"] };
    const own = await predictRows(options);
    assertEquals(own.labels, ["no", "yes", "maybe"]);
    const adapter = adapterOf("bert");
    const adapted = await predictRows({ ...options, adapter, head: { kind: "base" } });
    assertEquals(adapted.labels, ["no", "yes", "maybe"]);
  });
});

Deno.test("a base's head is refused where it does not decide what the adapter does", async () => {
  await withFolder(async (at) => {
    const options = { ...DEVICE, base: `${FOLDER}bert`, texts: ["my order"] };
    const refuse = async (task: Record<string, unknown>, head: HeadChoice, found: string) => {
      const adapter = await copyAdapter("bert", at(crypto.randomUUID()));
      await dropClassifier(adapter);
      await patchJson(join(adapter, "adapter_config.json"), { task });
      const run = () => predictRows({ ...options, adapter, head });
      assertEquals((await assertRejects(run, TinygraftError, found)).code, "label-mismatch");
    };
    const two = { type: "classification", labels: ["a", "b"] };
    await refuse(two, { kind: "base" }, "3 outputs");
    await refuse(two, SINGLE, "expected 2, one for each of a, b");
    const score = { type: "regression", labels: null };
    await refuse(score, { kind: "base" }, "regression");
    await refuse(score, SINGLE, "the adapter's task is regression");
    await refuse({ type: "classification", labels: null }, SINGLE, "the adapter names none");
  });
});

Deno.test("a base without the head asked for is refused, with what to do", async () => {
  await using space = await makeWorkspace();
  const { base, adapter, data } = space;
  const options = { ...DEVICE, base, data, text: "sentence" };
  const words = { ...SINGLE, verbalizer: ["good", "bad"] } as const;
  for (
    const [head, wanted, tensor] of [
      [{ kind: "base" }, undefined, "classifier.weight"],
      [{ kind: "base" }, adapter, "classifier.weight"],
      [words, adapter, "cls.predictions.transform.dense.weight"],
    ] as const
  ) {
    const run = () => predictRows({ ...options, head, adapter: wanted });
    const error = await assertRejects(run, TinygraftError, "take ");
    assertEquals([error.code, error.tensor], ["missing-tensor", tensor]);
  }
});

Deno.test("the classifier of an injected adapter is not taken for a head of the base's", async () => {
  await withFolder(async (at) => {
    await using space = await makeWorkspace();
    await writeTinyAdapter(at("adapter"), { labels: ["a", "b"] });
    const injected = at("injected");
    await runCaptured(["inject", space.base, injected, "--adapter", at("adapter")]);
    const options = { ...DEVICE, base: injected, texts: ["a film"] };
    assertEquals((await predictRows(options)).head, "adapter");
    const run = () => predictRows({ ...options, head: { kind: "base" } });
    const error = await assertRejects(run, TinygraftError, "none for sequence classification");
    assertEquals(error.code, "missing-tensor");
  });
});

Deno.test("a cloze question's words are checked before anything runs", async () => {
  const options = { ...DEVICE, base: `${FOLDER}roberta`, texts: ["my order"] };
  for (const verbalizer of [["order"], ["order", "zoo"], ["order", "order"]]) {
    const run = () => predictRows({ ...options, head: { ...SINGLE, verbalizer } as HeadChoice });
    assertEquals((await assertRejects(run, UsageError)).code, "invalid-cloze");
  }
});
