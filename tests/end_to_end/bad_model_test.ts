// Models and texts that cannot be run, from the command line: named, and never an accuracy of 0.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { serialize, type TensorSpec } from "../../lib/safetensors/writer.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, type Workspace } from "../_workspace.ts";
import { FOLDER } from "../runtime/_architectures.ts";

type Tensor = TensorSpec & { readonly data: Uint8Array<ArrayBuffer> };

/** Writes a weights file again, with its tensors changed. */
async function rewrite(path: string, change: (tensors: Tensor[]) => Tensor[]): Promise<void> {
  const tensors: Tensor[] = [];
  {
    using checkpoint = await openCheckpoint(path);
    for (const [name, entry] of checkpoint.tensors) {
      const { dtype, shape } = entry;
      tensors.push({ name, dtype, shape, data: await readTensor(entry) });
    }
  }
  await Deno.writeFile(path, serialize(change(tensors), new Map([["format", "pt"]])));
}

/** Sets the second element of an F32 tensor. */
function poison(name: string, value: number) {
  return (tensors: Tensor[]) => {
    const { data } = tensors.find((tensor) => tensor.name === name)!;
    new DataView(data.buffer, data.byteOffset).setFloat32(4, value, true);
    return tensors;
  };
}

const weightsOf = ({ base }: Workspace) => join(base, "model.safetensors");
const adapterOf = ({ adapter }: Workspace) => join(adapter, "adapter_model.safetensors");
const LAST = "encoder.layer.1.output.dense.weight";

async function patchConfig({ base }: Workspace, change: Record<string, unknown>): Promise<void> {
  const path = join(base, "config.json");
  const config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, ...change }));
}

/** What is wrong, and what the error must name. */
interface Case {
  readonly name: string;
  readonly prepare: (space: Workspace) => Promise<unknown>;
  readonly code: string;
  readonly tensor?: string;
  readonly says: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "an architecture that is not known",
    prepare: (space) => patchConfig(space, { "model_type": "gpt2" }),
    code: "unsupported-architecture",
    says: ["gpt2", "bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert"],
  },
  {
    name: "arithmetic that is not known",
    prepare: (space) => patchConfig(space, { "position_embedding_type": "relative_key" }),
    code: "invalid-config",
    says: ["relative_key"],
  },
  {
    name: "a base without one of its tensors",
    prepare: (space) =>
      rewrite(weightsOf(space), (tensors) => tensors.filter(({ name }) => name !== LAST)),
    code: "missing-tensor",
    tensor: LAST,
    says: ["missing", "config.json"],
  },
  {
    name: "a tensor of another shape",
    prepare: (space) =>
      rewrite(
        weightsOf(space),
        (tensors) =>
          tensors.map((tensor) => tensor.name === LAST ? { ...tensor, shape: [128, 64] } : tensor),
      ),
    code: "shape-mismatch",
    tensor: LAST,
    says: ["[128, 64]", "[64, 128]"],
  },
  {
    name: "an adapter with a tensor too many",
    prepare: (space) =>
      rewrite(adapterOf(space), (tensors) => [
        ...tensors,
        { name: "encoder.layer.2.tiny_attn.norm.bias", dtype: "F32", shape: [0], data: EMPTY },
      ]),
    code: "unexpected-tensor",
    tensor: "encoder.layer.2.tiny_attn.norm.bias",
    says: ["adapter"],
  },
  {
    name: "NaN in the base",
    prepare: (space) => rewrite(weightsOf(space), poison(LAST, NaN)),
    code: "non-finite",
    tensor: LAST,
    says: ["element 1", "NaN"],
  },
  {
    name: "infinity in the word table",
    prepare: (space) =>
      rewrite(weightsOf(space), poison("embeddings.word_embeddings.weight", Infinity)),
    code: "non-finite",
    tensor: "embeddings.word_embeddings.weight",
    says: ["Infinity"],
  },
  {
    name: "NaN in the adapter",
    prepare: (space) =>
      rewrite(adapterOf(space), poison("encoder.layer.0.tiny_attn.query.weight", NaN)),
    code: "non-finite",
    tensor: "encoder.layer.0.tiny_attn.query.weight",
    says: ["NaN"],
  },
  {
    name: "NaN in the classifier",
    prepare: (space) => rewrite(adapterOf(space), poison("classifier.weight", NaN)),
    code: "non-finite",
    tensor: "classifier.weight",
    says: ["NaN"],
  },
  {
    name: "weights that overflow",
    prepare: (space) => rewrite(weightsOf(space), poison(LAST, 3e38)),
    code: "non-finite",
    says: ["row", "logit", "extreme values"],
  },
  {
    name: "text that is not UTF-8",
    prepare: ({ data }) =>
      Deno.writeFile(data, Uint8Array.of(...new TextEncoder().encode("sentence\tlabel\na"), 0xff)),
    code: "invalid-encoding",
    says: ["data.tsv", "UTF-8"],
  },
];
const EMPTY = new Uint8Array(0);

for (const { name, prepare, code, tensor, says } of CASES) {
  Deno.test(`check reports ${name}`, async () => {
    await using space = await makeWorkspace();
    await prepare(space);
    const { base, adapter, data } = space;
    const both = ["--before", adapter, "--after", adapter, "--data", data];
    const result = await runJson(["check", base, ...both, "--device", "wasm"]);
    const error = result.json.error as Record<string, string>;
    const found = [result.code, error?.code, error?.tensor];
    assertEquals(found, [1, code, tensor], JSON.stringify(result.json));
    for (const word of says) assertStringIncludes(error.message!, word);
  });
}

Deno.test("check warns of tensors that config.json does not count", async () => {
  await using space = await makeWorkspace();
  const extra = ["encoder.layer.2.output.dense.bias", "encoder.layer.2.output.LayerNorm.bias"]
    .map((name): Tensor => ({ name, dtype: "F32", shape: [0], data: EMPTY }));
  await rewrite(weightsOf(space), (tensors) => [...tensors, ...extra]);
  const { base, adapter, data } = space;
  const both = ["--before", adapter, "--after", adapter, "--data", data];
  const { code, err } = await runCaptured(["check", base, ...both, "--device", "reference"]);
  assertEquals(code, 0, err);
  assertStringIncludes(err, "and 1 more are not used: config.json says bert with 2 layers");
});

Deno.test("predict refuses more tokens than RoBERTa's positions behind the padding", async () => {
  const base = `${FOLDER}roberta`;
  const ask = (length: string) => runJson(["predict", base, "a", "--max-length", length]);
  const { code, json } = await ask("513");
  const error = json.error as Record<string, string>;
  assertEquals([code, error.code], [1, "sequence-too-long"]);
  assertStringIncludes(error.message!, "at most 512");
});

Deno.test("predict takes empty texts, controls and texts beyond the position table", async () => {
  await using space = await makeWorkspace();
  const texts = ["", " \t", "\u0000\u0001", "the cat ".repeat(1000)];
  const argv = ["predict", space.base, "--adapter", space.adapter, "--device", "wasm"];
  const { code, json } = await runJson([...argv, ...texts]);
  const predictions = json.predictions as { logits: number[] }[];
  assertEquals([code, predictions.length], [0, 4]);
  // Nothing is left of the first three but the special tokens.
  assertEquals(predictions[1]!.logits, predictions[0]!.logits);
  assertEquals(predictions[2]!.logits, predictions[0]!.logits);
});
