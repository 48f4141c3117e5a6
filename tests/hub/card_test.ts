import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parse } from "yaml";
import { TinygraftError } from "../../lib/errors.ts";
import { GENERATED_BEGIN, GENERATED_END, writeCard } from "../../lib/hub/card.ts";
import { readCheck } from "../../lib/hub/card_check.ts";
import type { CardFacts } from "../../lib/hub/card_facts.ts";
import { splitCard } from "../../lib/hub/front_matter.ts";
import { validateCard } from "../_fake_hub/card_rules.ts";

const FACTS: CardFacts = {
  name: "my-adapter",
  baseModel: "org/base",
  baseContentHash: "b".repeat(64),
  contentHash: "a".repeat(64),
  numHeads: 1,
  headDim: 2,
  numLayers: 3,
  hasClassifier: true,
  parameters: 12_345,
  task: { type: "classification", labels: ["no", "yes"], dataset: "glue/sst2" },
  isCheckpoint: false,
  mergedFrom: [{ contentHash: "c".repeat(64), heads: [4, 2, 4], method: "product", weight: 1 }],
};

const CHECK = readCheck({
  examples: 872,
  metric: "accuracy",
  before: { metrics: { accuracy: 0.858 } },
  after: { metrics: { accuracy: 0.825688, f1: 0.8 } },
  drop: 0.032312,
  agreement: 0.9,
  significance: { mcnemar: { p: 0.012345 }, interval: [0.01, 0.05] },
}, "check.json");

function write(before: string, more: Partial<CardFacts> = {}): Promise<string> {
  return writeCard(before, { ...FACTS, ...more }, "README.md");
}

function front(text: string): Record<string, unknown> {
  return parse(splitCard(text).yaml) as Record<string, unknown>;
}

Deno.test("writeCard() writes the front matter that the Hub wants", async () => {
  const text = await write("", { check: CHECK, license: "apache-2.0" });
  assertEquals(front(text), {
    "base_model": "org/base",
    "base_model_relation": "adapter",
    "library_name": "tinygraft",
    license: "apache-2.0",
    "pipeline_tag": "text-classification",
    tags: ["tiny-attention", "adapter"],
    datasets: ["nyu-mll/glue"],
    metrics: ["accuracy", "f1"],
    "model-index": [{
      name: "my-adapter",
      results: [{
        task: { type: "text-classification" },
        dataset: { type: "nyu-mll/glue", name: "sst2", config: "sst2" },
        metrics: [{ type: "accuracy", value: 0.825688 }, { type: "f1", value: 0.8 }],
      }],
    }],
  });
  assertEquals(validateCard(text), { errors: [], warnings: [] });
});

Deno.test("writeCard() says what the adapter is, what it was merged from and what that cost", async () => {
  const { body } = splitCard(await write("", { check: CHECK }));
  for (
    const part of [
      "1 head of width 2 in each of 3 layers and a classifier, 12,345 parameters",
      "[org/base](https://huggingface.co/org/base)",
      "Labels: `no`, `yes`.",
      "| `cccccccccccc` | 2 to 4 | product | 1 |",
      "| accuracy | 85.80 | 82.57 | -3.23 |",
      "Over 872 rows the accuracy went down by 3.23 points (95 % interval of the drop 1.00 to 5.00,",
      "p = 0.0123; predictions agree on 90.00 %.",
      "tinygraft predict hf://org/base --adapter my-adapter",
      "a".repeat(64),
    ]
  ) assertStringIncludes(body, part);
});

Deno.test("writeCard() twice is writeCard() once", async () => {
  const once = await write("", { check: CHECK });
  assertEquals(await write(once, { check: CHECK }), once);
  const twice = await write("# Mine\n\ntext\n");
  assertEquals(await write(twice), twice);
});

Deno.test("writeCard() keeps the user's text and keys", async () => {
  const before = "---\n# note\nmine: &a [1, 2]\nlicense: mit\nlibrary_name: other\ntags: solo\n" +
    "base_model: org/old\n---\n# Title\n\nMy own words.\n";
  const text = await write(before, { license: "apache-2.0" });
  const metadata = front(text);
  assertEquals(metadata["mine"], [1, 2]);
  assertEquals(metadata["license"], "mit");
  assertEquals(metadata["library_name"], "tinygraft");
  assertEquals(metadata["base_model"], "org/base");
  assertEquals(metadata["tags"], ["solo", "tiny-attention", "adapter"]);
  assertStringIncludes(text, "# note\n");
  assertStringIncludes(text, "# Title\n\nMy own words.\n");
  const more = text.replace("My own words.", "Changed.")
    .replace(GENERATED_END, `${GENERATED_END}\nbelow`);
  const again = await write(more, { name: "renamed" });
  for (const part of ["# Title\n\nChanged.", "\nbelow", "# renamed", "mine: &a [ 1, 2 ]"]) {
    assertStringIncludes(again, part);
  }
  assert(!again.includes("# my-adapter"));
  assertEquals(again.split(GENERATED_BEGIN).length, 2);
});

Deno.test("writeCard() keeps what stands between the marks for the user's text", async () => {
  const text = (await write("")).replace("begin -->\n\n<!--", "begin -->\nHello.\n<!--");
  assertStringIncludes(
    await write(text, { name: "x" }),
    "begin -->\nHello.\n<!-- your text: end -->",
  );
});

Deno.test("writeCard() keeps an old model-index where no check is given", async () => {
  const text = await write("", { check: CHECK });
  assertEquals(front(await write(text))["model-index"], front(text)["model-index"]);
});

Deno.test("writeCard() names only bases and data sets that the Hub could have", async () => {
  const task = { ...FACTS.task, dataset: "my/private/files/dev.tsv" };
  const text = await write("", { baseModel: "bert-on-disk", task, check: CHECK });
  const metadata = front(text);
  for (const key of ["base_model", "base_model_relation", "datasets", "model-index"]) {
    assertEquals(metadata[key], undefined);
  }
  const own = front(await write("", { task, check: CHECK, dataset: "org/data" }));
  assertEquals(own["datasets"], ["org/data"]);
  assertEquals(front(await write("", { isCheckpoint: true }))["base_model_relation"], "finetune");
});

Deno.test("writeCard() quotes what some reader of YAML would take for something else", async () => {
  const text = await write("---\nlanguage: 'no'\n---\n", { license: "1e3" });
  assertEquals([front(text)["language"], front(text)["license"]], ["no", "1e3"]);
  assertStringIncludes(text, 'license: "1e3"');
  assert(/language: ["']no["']/.test(text));
});

Deno.test("writeCard() lets names from files write no Markdown and no front matter", async () => {
  const name = "x\n---\nevil: 1\n---\n# <script>alert(1)</script> [a](b) | c";
  const text = await write("", { name, check: CHECK });
  assertEquals(front(text)["evil"], undefined);
  assert(!splitCard(text).body.includes("<script>") && !/^evil: 1$/m.test(text));
  const labels = ["a`b\n# c"];
  assertStringIncludes(await write("", { task: { ...FACTS.task, labels } }), "Labels: `a b # c`.");
});

Deno.test("writeCard() refuses front matter that it cannot keep", async () => {
  for (
    const yaml of ["a: [1", "- a\n- b", "x: 1\nx: 2", "base_model: 7\nlicense: [", "just text"]
  ) {
    const error = await assertRejects(() => write(`---\n${yaml}\n---\n`), TinygraftError);
    assertEquals(error.code, "card-invalid");
  }
  await assertRejects(() => write("---\nlicense: 7\n---\n"), TinygraftError, "license");
});

Deno.test("writeCard() shows training settings where the config records some", async () => {
  const text = await write("", { training: { epochs: 3, recipe: "mergeable", lr: 1e-3 } });
  assertStringIncludes(text, "## Training\n\n| setting | value |\n| --- | --- |\n| epochs | 3 |");
});

Deno.test("readCheck() refuses what is no check", () => {
  for (const json of [{}, { examples: 1, metric: "accuracy", before: {}, after: {}, drop: 0 }]) {
    const error = assertThrows(() => readCheck(json, "c.json"), TinygraftError);
    assertEquals(error.code, "invalid-json");
  }
});

Deno.test("splitCard() finds front matter only at the start", () => {
  assertEquals(splitCard("---\na: 1\n---\nbody\n"), { yaml: "a: 1", body: "body\n" });
  assertEquals(splitCard("\ufeff---\r\na: 1\r\n---\r\nbody"), { yaml: "a: 1", body: "body" });
  assertEquals(splitCard("---\n---\nbody"), { yaml: "", body: "body" });
  assertEquals(splitCard("text\n---\na: 1\n---\n"), { yaml: "", body: "text\n---\na: 1\n---\n" });
});
