import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../../lib/errors.ts";
import type { TrainOptions } from "../../../lib/train/options.ts";
import { planTorchExport } from "../../../lib/train/torch/export.ts";
import { FOLDER } from "../../runtime/_architectures.ts";
import { makeWorkspace, ROWS } from "../../_workspace.ts";

/** The texts of the files that hold text. */
async function textsOf(options: TrainOptions): Promise<Map<string, string>> {
  const { plan } = await planTorchExport(options, "run");
  return new Map(
    plan.files.flatMap((file) =>
      file.kind === "bytes" ? [[file.path, new TextDecoder().decode(file.bytes)]] : []
    ),
  );
}

Deno.test("planTorchExport() writes rows with the classifier's rows as labels, and the settings", async () => {
  await using space = await makeWorkspace();
  const { base, data } = space;
  const output = space.at("mine");
  const texts = await textsOf({ base, data, output, evalData: data, epochs: 2, batch: 4, seed: 7 });
  const rows = texts.get("train.jsonl")!.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ text }) => text), ROWS);
  assertEquals(rows.map(({ label }) => label), [1, 0, 0, 1, 0, 0, 1, 0]);
  assertEquals(texts.get("eval.jsonl"), texts.get("train.jsonl"));
  const run = JSON.parse(texts.get("options.json")!);
  assertEquals(
    [run.output, run.steps, run.evalEvery, run.patience, run.metric, run.alsoReport],
    ["mine", 4, 2, null, "accuracy", []],
  );
  assertEquals([run.settings.seed, run.settings.learningRate], [7, 1e-3]);
  assertStringIncludes(texts.get("train.py")!, '"accelerate==');
});

Deno.test("planTorchExport() names where modules stand, one for all of ALBERT's layers", async () => {
  await using space = await makeWorkspace();
  const { data } = space;
  const sitesOf = async (name: string) => {
    const texts = await textsOf({ base: `${FOLDER}${name}`, data, output: space.at("mine") });
    const { modules } = JSON.parse(texts.get("options.json")!);
    const { path, reads, joins } = modules[0];
    assertEquals(reads, joins);
    return [joins, path, modules.length > 1];
  };
  const shared = "encoder.albert_layer_groups.0.albert_layers.0";
  assertEquals(
    await sitesOf("albert"),
    [`${shared}.attention.LayerNorm`, `${shared}.tiny_attn`, false],
  );
  assertEquals(
    await sitesOf("distilbert"),
    ["transformer.layer.0.sa_layer_norm", "transformer.layer.0.tiny_attn", true],
  );
});

Deno.test("planTorchExport() refuses a cloze question, which the script cannot ask", async () => {
  const head = { kind: "cloze", pattern: "{text} [MASK]", verbalizer: ["no", "yes"] } as const;
  const options = { base: "base", data: "rows.tsv", output: "mine", head };
  await assertRejects(() => planTorchExport(options, "run"), UsageError, "without --cloze");
});
