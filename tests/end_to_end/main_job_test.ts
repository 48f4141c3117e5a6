// The main job from the command line on a tiny base: graft, take out, merge, check, predict.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, ROWS, snapshot } from "../_workspace.ts";

async function tensorBytes(location: string): Promise<Map<string, Uint8Array>> {
  using checkpoint = await openCheckpoint(location);
  const bytes = new Map<string, Uint8Array>();
  for (const [name, entry] of checkpoint.tensors) bytes.set(name, await readTensor(entry));
  return bytes;
}

for (const as of ["checkpoint", "shard"]) {
  for (const bert of [{}, { sharded: true }, { prefix: "bert.", dtype: "BF16" }] as const) {
    Deno.test(`inject --as ${as} and extract give everything back: ${JSON.stringify(bert)}`, async () => {
      await using space = await makeWorkspace(bert);
      const injected = space.at("injected");
      const { code, json } = await runJson([
        "inject",
        space.base,
        injected,
        ...["--adapter", space.adapter, "--as", as],
      ]);
      assertEquals(code, 0);
      assertEquals((json.added as string[]).length, 22);

      const before = await tensorBytes(space.base);
      const after = await tensorBytes(injected);
      for (const [name, bytes] of before) assertEquals(after.get(name), bytes, name);
      assertEquals(after.size, before.size + 22);

      const back = [space.at("adapter-back"), "--strip", space.at("base-back")];
      assertEquals((await runCaptured(["extract", injected, ...back])).code, 0);
      for (const file of ["adapter_model.safetensors", "adapter_config.json"]) {
        assertEquals(
          await Deno.readFile(join(space.at("adapter-back"), file)),
          await Deno.readFile(join(space.adapter, file)),
          file,
        );
      }
      assertEquals(await tensorBytes(space.at("base-back")), before);
    });
  }
}

Deno.test("an injected checkpoint predicts as its base with the adapter beside it", async () => {
  await using space = await makeWorkspace();
  const injected = space.at("injected");
  await runCaptured(["inject", space.base, injected, "--adapter", space.adapter]);
  const rows = ["--data", space.data, "--device", "reference"];
  const apart = await runJson(["predict", space.base, "--adapter", space.adapter, ...rows]);
  const together = await runJson(["predict", injected, ...rows]);
  assertEquals(apart.code, 0);
  assertEquals((apart.json.predictions as unknown[]).length, ROWS.length);
  assertEquals(together.json, apart.json);
  const check = await runJson([
    "check",
    injected,
    ...["--before", injected, "--after", space.adapter, ...rows],
  ]);
  assertEquals([check.code, check.json.maxLogitDifference], [0, 0]);
});

Deno.test("merge and check: stack costs nothing, average does, and the exit code says so", async () => {
  await using space = await makeWorkspace();
  const reports = [];
  for (const method of ["stack", "average"]) {
    const { code, json } = await runJson([
      "merge",
      space.adapter,
      space.at(method),
      ...["--method", method],
    ]);
    assertEquals(code, 0);
    reports.push([json.method, json.headsBefore, json.headsAfter, json.exact]);
    const layers = json.layers as {
      layer: number;
      relativeError: number;
      similarity: number[][];
    }[];
    assertEquals(layers.map(({ layer }) => layer), [0, 1]);
    for (const { relativeError, similarity } of layers) {
      assert(method === "stack" ? relativeError === 0 : relativeError > 0.05);
      assertEquals(similarity.map((row, i) => [row.length, Math.round(row[i]! * 1e9)]), [
        ...Array(4).fill([4, 1e9]),
      ]);
    }
  }
  assertEquals(reports, [["stack", 4, 4, true], ["average", 4, 1, false]]);

  const compare = (after: string, ...more: string[]) =>
    runJson([
      "check",
      space.base,
      ...["--before", space.adapter, "--after", space.at(after), "--data", space.data],
      ...["--device", "reference", ...more],
    ]);
  const stacked = await compare("stack");
  assertEquals([stacked.code, stacked.json.maxLogitDifference, stacked.json.passed], [0, 0, true]);
  const predictions = space.at("predictions.jsonl");
  const averaged = await compare("average", "--max-drop", "1", "--predictions", predictions);
  assertEquals(averaged.code, 0);
  assert(averaged.json.maxLogitDifference as number > 1e-3);
  assertEquals(averaged.json.examples, ROWS.length);
  const { metrics } = averaged.json.before as { metrics: Record<string, number> };
  const right = metrics.accuracy! * ROWS.length;
  assert(Math.abs(right - Math.round(right)) < 1e-9 && right <= ROWS.length);
  const lines = (await Deno.readTextFile(predictions)).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).index), ROWS.map((_, index) => index));
  const largest = Math.max(...lines.flatMap((line) => {
    const { before, after } = JSON.parse(line);
    return before.logits.map((logit: number, i: number) => Math.abs(logit - after.logits[i]));
  }));
  assertEquals(largest, averaged.json.maxLogitDifference);
});

Deno.test("check exits 1 when the metric drops too far, and says by how much", async () => {
  await using space = await makeWorkspace();
  // The labels are what the adapter predicts, so that any change of prediction is a loss.
  const rows = ["--data", space.data, "--device", "reference"];
  const { json } = await runJson(["predict", space.base, "--adapter", space.adapter, ...rows]);
  const labels = (json.predictions as { label: string }[]).map(({ label }) => label);
  const lines = ROWS.map((row, i) => `${row}\t${labels[i]}`);
  await Deno.writeTextFile(space.data, `sentence\tlabel\n${lines.join("\n")}\n`);
  const flipped = space.at("flipped");
  await runCaptured(["merge", space.adapter, flipped]);
  const config = join(flipped, "adapter_config.json");
  const text = await Deno.readTextFile(config);
  // Swapped label names leave the weights alone and turn every answer round.
  await Deno.writeTextFile(
    config,
    text.replace('"negative"', '"x"').replace('"positive"', '"negative"').replace(
      '"x"',
      '"positive"',
    ),
  );
  const refused = await runJson([
    "check",
    space.base,
    ...["--before", space.adapter, "--after", flipped, ...rows],
  ]);
  assertEquals((refused.json.error as { code: string }).code, "label-mismatch");

  await Deno.writeTextFile(config, text);
  await negateClassifier(join(flipped, "adapter_model.safetensors"));
  const argv = ["check", space.base, "--before", space.adapter, "--after", flipped, ...rows];
  const failed = await runJson(argv);
  assertEquals([failed.code, failed.json.passed, failed.json.drop], [1, false, 1]);
  assertStringIncludes((await runCaptured(argv)).out, "Failed: at most 1.00 points allowed");
});

async function negateClassifier(path: string): Promise<void> {
  using checkpoint = await openCheckpoint(path);
  const bytes = await Deno.readFile(path);
  const { header } = checkpoint.files[0]!;
  for (const name of ["classifier.weight", "classifier.bias"]) {
    const [begin, end] = header.tensors.get(name)!.dataOffsets;
    // The top bit of an F32's last byte is its sign.
    for (let i = header.dataStart + begin + 3; i < header.dataStart + end; i += 4) {
      bytes[i]! ^= 0x80;
    }
  }
  await Deno.writeFile(path, bytes);
}

Deno.test("a dry run prints each file and tensor with exact bytes and writes nothing", async () => {
  await using space = await makeWorkspace({ sharded: true });
  const before = await snapshot(space.folder);
  const out = space.at("out");
  const argv = ["inject", space.base, out, "--adapter", space.adapter];
  const dry = await runJson([...argv, "--dry-run"]);
  assertEquals([dry.code, dry.json.written], [0, []]);
  assertEquals(await snapshot(space.folder), before);
  const text = await runCaptured([...argv, "--dry-run"]);
  assertStringIncludes(text.out, "encoder.layer.1.tiny_attn.output.bias");

  assertEquals((await runCaptured(argv)).code, 0);
  const plan = dry.json.plan as { files: { path: string; bytes: number }[] };
  for (const { path, bytes } of plan.files) {
    assertEquals((await Deno.stat(join(out, path))).size, bytes, path);
  }
});

Deno.test("--force replaces an output, and a failed run leaves the old one", async () => {
  await using space = await makeWorkspace();
  const out = space.at("out");
  assertEquals((await runCaptured(["merge", space.adapter, out])).code, 0);
  const stacked = await snapshot(out);
  assertEquals((await runCaptured(["merge", space.adapter, out, "--method", "average"])).code, 1);
  assertEquals(await snapshot(out), stacked);
  const forced = await runCaptured(["merge", space.adapter, out, "--method", "average", "--force"]);
  assertEquals(forced.code, 0);
  assert((await Deno.stat(join(out, "adapter_model.safetensors"))).size < 8000);
});

Deno.test("a file beside its tokenizer can be grafted into a folder that predicts", async () => {
  await using space = await makeWorkspace();
  await Deno.writeTextFile(join(space.base, "notes.txt"), "not a model's file");
  const injected = space.at("injected");
  const file = join(space.base, "model.safetensors");
  assertEquals((await runCaptured(["inject", file, injected, "--adapter", space.adapter])).code, 0);
  const names = (await Array.fromAsync(Deno.readDir(injected))).map(({ name }) => name);
  assert(names.includes("tokenizer.json") && !names.includes("notes.txt"), names.join());
  const argv = ["predict", injected, "the cat", "--device", "reference"];
  assertEquals((await runCaptured(argv)).code, 0);
  const { json } = await runJson(["validate", injected]);
  const paths = (json.files as { path: string }[]).map(({ path }) => path);
  assertEquals([json.ok, new Set(paths).size], [true, paths.length]);
});

Deno.test("inspect recognises base, adapter and injected checkpoint", async () => {
  await using space = await makeWorkspace();
  const injected = space.at("injected");
  await runCaptured(["inject", space.base, injected, "--adapter", space.adapter]);
  const base = (await runJson(["inspect", space.base])).json;
  assertEquals((base.architecture as { modelType: string }).modelType, "bert");
  assertEquals(base.adapter, null);
  const adapter = (await runJson(["inspect", space.adapter])).json;
  assertEquals((adapter.adapter as { numHeads: number }).numHeads, 4);
  const both = (await runJson(["inspect", injected, "--filter", "*.tiny_attn.*"])).json;
  assertEquals((both.tensors as unknown[]).length, 20);
  const found = both.adapter as { parameters: number; share: number };
  const parameters = (adapter.parameters as number) / (base.parameters as number);
  assertEquals(found.parameters, adapter.parameters);
  assert(Math.abs(found.share - parameters) < 1e-3);
});
