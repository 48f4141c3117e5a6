// Random little models and adapters on disk, seeded, for every test that needs a folder.

import { shardName } from "../lib/checkpoint/names.ts";
import { formatShardIndex } from "../lib/safetensors/shard_index.ts";
import { serialize } from "../lib/safetensors/writer.ts";
import { decodeFloats, encodeFloats } from "../lib/tensor/decode.ts";
import type { FloatDtype } from "../lib/tensor/dtype.ts";
import { noise } from "./_noise.ts";
import { TINY_TOKENIZER, TINY_TOKENIZER_CONFIG, TINY_VOCABULARY } from "./_tiny_tokenizer.ts";

export { TINY_TOKENIZER, TINY_TOKENIZER_CONFIG, TINY_VOCABULARY };

/** What a tiny BERT is like; everything has a default. */
export interface TinyBertOptions {
  /** Number of layers, 2. */
  layers?: number;
  /** Hidden size, 64. */
  hidden?: number;
  /** Attention heads, 4. */
  heads?: number;
  /** Width of the feed-forward layer, 128. */
  intermediate?: number;
  /** Rows of the word table; the tokenizer's vocabulary unless given. */
  vocab?: number;
  /** Rows of the position table, 64. */
  positions?: number;
  /** What stands before every name: "" (a bare BertModel) or "bert.". */
  prefix?: "" | "bert.";
  /** Storage dtype, F32. */
  dtype?: FloatDtype;
  /** Seed of all numbers, 1. */
  seed?: number;
  /** Whether to write three shards and an index instead of one file. */
  sharded?: boolean;
  /** Whether LayerNorm's tensors are called gamma and beta, as in conversions from TensorFlow. */
  gammaBeta?: boolean;
  /** Whether there is a pooler, true. */
  pooler?: boolean;
  /** Whether there is the I64 buffer embeddings.position_ids. */
  positionIds?: boolean;
  /** Keys to add to config.json. */
  config?: Record<string, unknown>;
}

/** A tiny BERT that was written. */
export interface TinyBert {
  /** Its folder. */
  readonly folder: string;
  /** The options, defaults filled in. */
  readonly options: Required<TinyBertOptions>;
  /** The content of config.json. */
  readonly config: Record<string, unknown>;
  /** Weights by canonical name (no prefix, LayerNorm weight and bias), as rounded for storage. */
  readonly weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Shapes by canonical name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

interface TinyTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** Names, shapes and values of every weight, written out independently of lib/model's table. */
function makeBertTensors(options: Required<TinyBertOptions>): TinyTensor[] {
  const { layers, hidden, intermediate, vocab, positions, seed } = options;
  const tensors: TinyTensor[] = [];
  const add = (name: string, shape: number[], scale: number, center = 0) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = noise(length, { seed: seed * 1000 + tensors.length, scale });
    tensors.push({ name, shape, values: values.map((value) => value + center) });
  };
  const linear = (path: string, out: number, into: number) => {
    add(`${path}.weight`, [out, into], 1 / Math.sqrt(into));
    add(`${path}.bias`, [out], 0.1);
  };
  const layerNorm = (path: string) => {
    add(`${path}.weight`, [hidden], 0.1, 1);
    add(`${path}.bias`, [hidden], 0.1);
  };
  add("embeddings.word_embeddings.weight", [vocab, hidden], 1);
  add("embeddings.position_embeddings.weight", [positions, hidden], 0.3);
  add("embeddings.token_type_embeddings.weight", [2, hidden], 0.3);
  layerNorm("embeddings.LayerNorm");
  for (let layer = 0; layer < layers; layer++) {
    const path = `encoder.layer.${layer}`;
    linear(`${path}.attention.self.query`, hidden, hidden);
    linear(`${path}.attention.self.key`, hidden, hidden);
    linear(`${path}.attention.self.value`, hidden, hidden);
    linear(`${path}.attention.output.dense`, hidden, hidden);
    layerNorm(`${path}.attention.output.LayerNorm`);
    linear(`${path}.intermediate.dense`, intermediate, hidden);
    linear(`${path}.output.dense`, hidden, intermediate);
    layerNorm(`${path}.output.LayerNorm`);
  }
  if (options.pooler) linear("pooler.dense", hidden, hidden);
  return tensors;
}

function storedName(name: string, { prefix, gammaBeta }: Required<TinyBertOptions>): string {
  const spelled = gammaBeta
    ? name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(
      /LayerNorm\.bias$/,
      "LayerNorm.beta",
    )
    : name;
  return prefix + spelled;
}

/**
 * Writes a random BERT: config.json, tokenizer.json, tokenizer_config.json and its weights, in one
 * file or in three shards with an index.
 */
export async function writeTinyBert(
  folder: string,
  options: TinyBertOptions = {},
): Promise<TinyBert> {
  const full: Required<TinyBertOptions> = {
    layers: 2,
    hidden: 64,
    heads: 4,
    intermediate: 128,
    vocab: TINY_VOCABULARY.length,
    positions: 64,
    prefix: "",
    dtype: "F32",
    seed: 1,
    sharded: false,
    gammaBeta: false,
    pooler: true,
    positionIds: false,
    config: {},
    ...options,
  };
  const config = makeBertConfig(full);
  const made = makeBertTensors(full);
  const stored = made.map(({ name, shape, values }) => ({
    name: storedName(name, full),
    dtype: full.dtype as FloatDtype | "I64",
    shape,
    data: encodeFloats(values, full.dtype),
  }));
  const weights = new Map(
    made.map(({ name }, i) => [name, decodeFloats(stored[i]!.data, full.dtype)]),
  );
  if (full.positionIds) {
    const ids = BigInt64Array.from({ length: full.positions }, (_, i) => BigInt(i));
    stored.push({
      name: `${full.prefix}embeddings.position_ids`,
      dtype: "I64",
      shape: [1, full.positions],
      data: new Uint8Array(ids.buffer),
    });
  }
  await Deno.mkdir(folder, { recursive: true });
  await writeWeights(folder, stored, full.sharded ? 3 : 1);
  await writeJson(`${folder}/config.json`, config);
  await writeJson(`${folder}/tokenizer.json`, TINY_TOKENIZER);
  await writeJson(`${folder}/tokenizer_config.json`, TINY_TOKENIZER_CONFIG);
  const shapes = new Map(made.map(({ name, shape }) => [name, shape]));
  return { folder, options: full, config, weights, shapes };
}

function makeBertConfig(options: Required<TinyBertOptions>): Record<string, unknown> {
  return {
    architectures: ["BertModel"],
    hidden_act: "gelu",
    hidden_size: options.hidden,
    intermediate_size: options.intermediate,
    layer_norm_eps: 1e-12,
    max_position_embeddings: options.positions,
    model_type: "bert",
    num_attention_heads: options.heads,
    num_hidden_layers: options.layers,
    pad_token_id: 0,
    position_embedding_type: "absolute",
    type_vocab_size: 2,
    vocab_size: options.vocab,
    ...options.config,
  };
}

type StoredTensor = Parameters<typeof serialize>[0] extends Iterable<infer T> ? T : never;

async function writeWeights(
  folder: string,
  tensors: readonly StoredTensor[],
  count: number,
): Promise<void> {
  const metadata = new Map([["format", "pt"]]);
  if (count === 1) {
    await Deno.writeFile(`${folder}/model.safetensors`, serialize(tensors, metadata));
    return;
  }
  const weightMap = new Map<string, string>();
  for (let shard = 0; shard < count; shard++) {
    const file = shardName("model.safetensors", shard + 1, count);
    const begin = Math.floor((tensors.length * shard) / count);
    const end = Math.floor((tensors.length * (shard + 1)) / count);
    const part = tensors.slice(begin, end);
    for (const { name } of part) weightMap.set(name, file);
    await Deno.writeFile(`${folder}/${file}`, serialize(part, metadata));
  }
  const index = {
    weightMap,
    metadata: {
      total_parameters: tensors.reduce(
        (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
        0,
      ),
      total_size: tensors.reduce((sum, { data }) => sum + data.byteLength, 0),
    },
  };
  await Deno.writeTextFile(`${folder}/model.safetensors.index.json`, formatShardIndex(index));
}

/** What a tiny adapter is like; everything has a default that fits the default tiny BERT. */
export interface TinyAdapterOptions {
  /** Layers of the base, 2. */
  layers?: number;
  /** Hidden size of the base, 64. */
  hidden?: number;
  /** Heads, M: of every layer, or one number a layer. 4 unless given. */
  numHeads?: number | readonly number[];
  /** Width of a head, d, 1. */
  headDim?: number;
  /** How heads are added up, "sum". */
  combine?: "sum" | "mean";
  /** Label names, or null for a regression; "negative" and "positive" unless given. */
  labels?: readonly string[] | null;
  /** Storage dtype, F32. */
  dtype?: FloatDtype;
  /** Seed of all numbers, 2. */
  seed?: number;
  /** Standard deviation of the modules' matrices and biases, 0.3: large enough to matter. */
  scale?: number;
  /** Content hash of the base, null. */
  baseSha256?: string | null;
  /** Keys to add to adapter_config.json. */
  config?: Record<string, unknown>;
}

/** A tiny adapter that was written. */
export interface TinyAdapter {
  /** Its folder. */
  readonly folder: string;
  /** The options, defaults filled in. */
  readonly options: Required<TinyAdapterOptions>;
  /** The content of adapter_config.json. */
  readonly config: Record<string, unknown>;
  /** Tensors by relative name, as rounded for storage. */
  readonly weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Shapes by relative name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** Writes a random adapter whose tensors are all different from zero. */
export async function writeTinyAdapter(
  folder: string,
  options: TinyAdapterOptions = {},
): Promise<TinyAdapter> {
  const full: Required<TinyAdapterOptions> = {
    layers: 2,
    hidden: 64,
    numHeads: 4,
    headDim: 1,
    combine: "sum",
    labels: ["negative", "positive"],
    dtype: "F32",
    seed: 2,
    scale: 0.3,
    baseSha256: null,
    config: {},
    ...options,
  };
  const config = makeAdapterConfig(full);
  const made = makeAdapterTensors(full);
  const stored = made.map(({ name, shape, values }) => ({
    name,
    shape,
    dtype: full.dtype,
    data: encodeFloats(values, full.dtype),
  }));
  await Deno.mkdir(folder, { recursive: true });
  const bytes = serialize(stored, new Map([["format", "pt"]]));
  await Deno.writeFile(`${folder}/adapter_model.safetensors`, bytes);
  await writeJson(`${folder}/adapter_config.json`, config);
  return {
    folder,
    options: full,
    config,
    weights: new Map(stored.map(({ name, data }) => [name, decodeFloats(data, full.dtype)])),
    shapes: new Map(made.map(({ name, shape }) => [name, shape])),
  };
}

function makeAdapterTensors(options: Required<TinyAdapterOptions>): TinyTensor[] {
  const { layers, hidden, numHeads, headDim, labels, seed, scale } = options;
  const tensors: TinyTensor[] = [];
  const add = (name: string, shape: number[], deviation: number, center = 0) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = noise(length, { seed: seed * 1000 + tensors.length, scale: deviation });
    tensors.push({ name, shape, values: values.map((value) => value + center) });
  };
  for (let layer = 0; layer < layers; layer++) {
    const path = `encoder.layer.${layer}.tiny_attn`;
    const heads = typeof numHeads === "number" ? numHeads : numHeads[layer]!;
    const inner = heads * headDim;
    add(`${path}.norm.weight`, [hidden], 0.1, 1);
    add(`${path}.norm.bias`, [hidden], 0.1);
    for (const part of ["query", "key", "value"]) {
      add(`${path}.${part}.weight`, [inner, hidden], scale);
      add(`${path}.${part}.bias`, [inner], scale);
    }
    add(`${path}.output.weight`, [hidden, inner], scale);
    add(`${path}.output.bias`, [hidden], scale);
  }
  const rows = labels === null ? 1 : labels.length;
  add("classifier.weight", [rows, hidden], 0.3);
  add("classifier.bias", [rows], 0.3);
  return tensors;
}

function makeAdapterConfig(options: Required<TinyAdapterOptions>): Record<string, unknown> {
  const { labels } = options;
  return {
    adapter_type: "TINY_ATTENTION",
    base_model_name_or_path: "tiny-bert",
    base_model_sha256: options.baseSha256,
    base_model_type: "bert",
    combine: options.combine,
    format_version: 1,
    head_dim: options.headDim,
    hidden_size: options.hidden,
    layer_norm_eps: 1e-5,
    num_heads: options.numHeads,
    num_hidden_layers: options.layers,
    placement: "after_attention",
    pooling: "first_token",
    task: { labels, type: labels === null ? "regression" : "classification" },
    tinygraft_version: "0.1.0",
    ...options.config,
  };
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2) + "\n");
}
