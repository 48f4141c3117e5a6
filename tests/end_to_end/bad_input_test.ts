// Bad input from the command line: a coded error, the right exit code, inputs unchanged, no output.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { serialize, type TensorSpec } from "../../lib/safetensors/writer.ts";
import { runCaptured, runJson } from "../_io.ts";
import { writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";

/** One bad call: what is prepared, what is run, and what must come of it. */
interface Case {
  readonly name: string;
  readonly prepare?: (space: Workspace) => Promise<unknown>;
  readonly argv: (space: Workspace) => readonly string[];
  readonly exit: 1 | 2;
  readonly code: string;
  readonly says: readonly string[];
}

const check = (space: Workspace, ...more: string[]) => [
  "check",
  space.base,
  ...["--before", space.adapter, "--after", space.adapter, "--data", space.data],
  ...["--device", "reference", ...more],
];
const inject = (space: Workspace, adapter: string) => [
  "inject",
  space.base,
  space.at("out"),
  ...["--adapter", space.at(adapter)],
];

async function patchConfig(folder: string, change: Record<string, unknown>): Promise<void> {
  const path = join(folder, "adapter_config.json");
  const config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, ...change }));
}

const CASES: readonly Case[] = [
  {
    name: "a truncated base",
    prepare: async ({ base }) => {
      const path = join(base, "model.safetensors");
      const bytes = await Deno.readFile(path);
      await Deno.writeFile(path, bytes.subarray(0, bytes.length - 100));
    },
    argv: (space) => inject(space, "adapter"),
    exit: 1,
    code: "metadata-incomplete-buffer",
    says: ["model.safetensors", "truncated", "100"],
  },
  {
    name: "a Git LFS pointer instead of the base",
    prepare: ({ base }) =>
      Deno.writeTextFile(
        join(base, "model.safetensors"),
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab".repeat(32) +
          "\nsize 90868376\n",
      ),
    argv: (space) => inject(space, "adapter"),
    exit: 1,
    code: "header-too-large",
    says: ["Git LFS pointer", "90868376", "abab"],
  },
  {
    name: "an adapter of another hidden size",
    prepare: (space) => writeTinyAdapter(space.at("wide"), { hidden: 128 }),
    argv: (space) => inject(space, "wide"),
    exit: 1,
    code: "adapter-mismatch",
    says: ["128", "64"],
  },
  {
    name: "an adapter of another layer count",
    prepare: (space) => writeTinyAdapter(space.at("deep"), { layers: 3 }),
    argv: (space) => inject(space, "deep"),
    exit: 1,
    code: "adapter-mismatch",
    says: ["3", "2"],
  },
  {
    name: "an adapter made for another base",
    prepare: ({ adapter }) => patchConfig(adapter, { base_model_sha256: "0".repeat(64) }),
    argv: (space) => inject(space, "adapter"),
    exit: 1,
    code: "base-mismatch",
    says: ["0000", "--force"],
  },
  {
    name: "a check with an adapter made for another base",
    prepare: ({ adapter }) => patchConfig(adapter, { base_model_sha256: "0".repeat(64) }),
    argv: (space) => check(space),
    exit: 1,
    code: "base-mismatch",
    says: ["0000"],
  },
  {
    name: "labels that do not match the classifier",
    prepare: ({ adapter }) =>
      patchConfig(adapter, { task: { type: "classification", labels: ["a", "b", "c"] } }),
    argv: (space) => check(space),
    exit: 1,
    code: "label-mismatch",
    says: ["3", "2"],
  },
  {
    name: "a label in the data that the classifier does not have",
    prepare: ({ data }) => Deno.writeTextFile(data, "sentence\tlabel\nthe cat\tneutral\n"),
    argv: (space) => check(space),
    exit: 1,
    code: "unknown-label",
    says: ["data.tsv", "2", "neutral", "negative"],
  },
  {
    name: "a missing column",
    argv: (space) => check(space, "--text", "review", "--label", "label"),
    exit: 1,
    code: "missing-column",
    says: ["review", "data.tsv", "sentence"],
  },
  {
    name: "a malformed row",
    prepare: ({ data }) => Deno.writeTextFile(data, "sentence\tlabel\na\tnegative\nb\n"),
    argv: (space) => check(space),
    exit: 1,
    code: "malformed-row",
    says: ["data.tsv", "3"],
  },
  {
    name: "an empty data set",
    prepare: ({ data }) => Deno.writeTextFile(data, "sentence\tlabel\n"),
    argv: (space) => check(space),
    exit: 1,
    code: "empty-data",
    says: ["data.tsv"],
  },
  {
    name: "an unknown task",
    argv: (space) => check(space, "--task", "sst3"),
    exit: 2,
    code: "unknown-task",
    says: ["sst3", "sst2"],
  },
  {
    name: "an unwritable output",
    argv: (space) => ["merge", space.adapter, join(space.data, "below-a-file")],
    exit: 1,
    code: "unwritable-output",
    says: ["below-a-file"],
  },
  {
    name: "an output that is the input",
    argv: (space) => ["merge", space.adapter, space.adapter, "--force"],
    exit: 1,
    code: "output-is-input",
    says: ["adapter"],
  },
  {
    name: "an output that is the input by a link",
    prepare: (space) => Deno.symlink(space.base, space.at("link")),
    argv: (space) => [
      "inject",
      space.base,
      space.at("link"),
      ...["--adapter", space.adapter, "--force"],
    ],
    exit: 1,
    code: "output-is-input",
    says: ["link"],
  },
  {
    name: "an existing output without --force",
    prepare: (space) => Deno.mkdir(space.at("out")),
    argv: (space) => inject(space, "adapter"),
    exit: 1,
    code: "output-exists",
    says: ["out", "--force"],
  },
  {
    name: "a second adapter on a base that has one",
    prepare: (space) => runCaptured(["inject", space.base, space.at("two"), "--num-labels", "2"]),
    argv: (space) => ["inject", space.at("two"), space.at("out"), "--num-labels", "2"],
    exit: 1,
    code: "adapter-present",
    says: ["two", "extract"],
  },
  {
    name: "extract of a base without an adapter",
    argv: (space) => ["extract", space.base, space.at("out")],
    exit: 1,
    code: "no-adapter",
    says: ["base"],
  },
  {
    name: "an architecture that is not known",
    prepare: async ({ base }) => {
      const path = join(base, "config.json");
      const config = JSON.parse(await Deno.readTextFile(path));
      await Deno.writeTextFile(path, JSON.stringify({ ...config, model_type: "gpt2" }));
    },
    argv: (space) => ["init", space.base, space.at("out"), "--num-labels", "2"],
    exit: 1,
    code: "unsupported-architecture",
    says: ["gpt2", "bert"],
  },
  {
    name: "more tokens than the position table has rows",
    argv: (space) => check(space, "--max-length", "1000"),
    exit: 1,
    code: "sequence-too-long",
    says: ["1000", "64"],
  },
  ...["base/model.safetensors", "base/tokenizer.json", "adapter/adapter_config.json", "data.tsv"]
    .map((input): Case => ({
      name: `predictions over the input ${input}`,
      argv: (space) => check(space, "--predictions", space.at(input), "--force"),
      exit: 1,
      code: "output-is-input",
      says: [input],
    })),
  {
    name: "predictions over another file without --force",
    prepare: (space) => Deno.writeTextFile(space.at("mine.txt"), "precious"),
    argv: (space) => check(space, "--predictions", space.at("mine.txt")),
    exit: 1,
    code: "output-exists",
    says: ["mine.txt", "--force"],
  },
  {
    name: "a correlation with labels that are all equal",
    prepare: async ({ adapter, base, data, at }) => {
      await writeTinyAdapter(at("scores"), { labels: null });
      await Deno.remove(adapter, { recursive: true });
      await Deno.rename(at("scores"), adapter);
      await Deno.writeTextFile(data, "sentence\tlabel\nthe cat\t1.5\na dog\t1.5\n");
      return base;
    },
    argv: (space) => check(space),
    exit: 1,
    code: "undefined-metric",
    says: ["pearson", "data.tsv"],
  },
  {
    name: "an adapter on a base with a head of its own",
    prepare: async ({ base }) => {
      const path = join(base, "model.safetensors");
      const head = { name: "classifier.bias", dtype: "F32", shape: [2], data: new Uint8Array(8) };
      const tensors: (TensorSpec & { data: Uint8Array })[] = [head as typeof tensors[number]];
      using checkpoint = await openCheckpoint(path);
      for (const [name, entry] of checkpoint.tensors) {
        tensors.push({
          name,
          dtype: entry.dtype,
          shape: entry.shape,
          data: await readTensor(entry),
        });
      }
      await Deno.writeFile(path, serialize(tensors));
    },
    argv: (space) => inject(space, "adapter"),
    exit: 1,
    code: "tensor-exists",
    says: ["classification head"],
  },
  {
    name: "a row flag beside TEXT",
    argv: (space) => ["predict", space.base, "--adapter", space.adapter, "--limit", "1", "a"],
    exit: 2,
    code: "usage",
    says: ["--limit", "TEXT"],
  },
  {
    name: "a base without a tokenizer",
    prepare: ({ base }) => Deno.remove(join(base, "tokenizer.json")),
    argv: (space) => check(space),
    exit: 1,
    code: "not-found",
    says: ["tokenizer.json", "beside its weights"],
  },
  {
    name: "classifier outputs given twice",
    argv: (space) => ["init", space.base, space.at("out"), "--regression", "--num-labels", "2"],
    exit: 2,
    code: "usage",
    says: ["--regression", "--num-labels"],
  },
  {
    name: "a classifier of one class",
    argv: (space) => ["init", space.base, space.at("out"), "--labels", "spam"],
    exit: 2,
    code: "usage",
    says: ["one class", "--regression"],
  },
  {
    name: "flags of a new adapter beside --adapter",
    argv: (space) => [...inject(space, "adapter"), "--heads", "2"],
    exit: 2,
    code: "usage",
    says: ["--heads", "--adapter"],
  },
  {
    name: "nothing to predict",
    argv: (space) => ["predict", space.base, "--adapter", space.adapter],
    exit: 2,
    code: "usage",
    says: ["--data", "TEXT"],
  },
];

for (const { name, prepare, argv, exit, code, says } of CASES) {
  Deno.test(`the command line refuses ${name} with exit code ${exit}`, async () => {
    await using space = await makeWorkspace();
    await prepare?.(space);
    const before = await snapshot(space.folder);
    const { code: exitCode, json, err } = await runJson(argv(space));
    const error = json.error as Record<string, string>;
    assertEquals([exitCode, error?.code], [exit, code], JSON.stringify(json));
    for (const word of says) assertStringIncludes(error.message!, word);
    assertStringIncludes(err, error.message!.split("\n")[0]!);
    assertEquals(await snapshot(space.folder), before);
  });
}

Deno.test("the command line accepts another base's adapter with --force, and warns each time", async () => {
  await using space = await makeWorkspace();
  await patchConfig(space.adapter, { base_model_sha256: "0".repeat(64), notes: "mine" });
  const forced = await runCaptured([...inject(space, "adapter"), "--force"]);
  assertEquals(forced.code, 0);
  assertStringIncludes(forced.err, "by force");
  assertStringIncludes(forced.err, '"notes"');
  const rows = ["--data", space.data, "--device", "reference"];
  const refused = await runCaptured(["predict", space.at("out"), ...rows]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, "injected by force");
  const accepted = await runCaptured(["predict", space.at("out"), ...rows, "--force"]);
  assertEquals(accepted.code, 0);
  assertStringIncludes(accepted.err, "Warning:");
});

Deno.test("validate lists the faults of a broken base and exits 1", async () => {
  await using space = await makeWorkspace();
  await writeTinyBert(space.at("sharded"), { sharded: true });
  const index = space.at("sharded/model.safetensors.index.json");
  const json = JSON.parse(await Deno.readTextFile(index));
  json.weight_map["no.such.tensor"] = "model-00009-of-00009.safetensors";
  await Deno.writeTextFile(index, JSON.stringify(json));
  const result = await runJson(["validate", space.base, space.at("sharded"), space.adapter]);
  const files = result.json.files as { path: string; faults: { code: string }[] }[];
  const codes = files.flatMap(({ faults }) => faults.map((fault) => fault.code)).sort();
  assertEquals([result.code, result.json.ok], [1, false]);
  assert(codes.includes("missing-shard"), codes.join());
  assertEquals((await runCaptured(["validate", space.base, space.adapter])).code, 0);
});
