/**
 * Weights: from a checkpoint's tensors to a backend.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { headsOfLayer } from "../adapter/config.ts";
import { type Checkpoint, readFloats, type TensorEntry } from "../checkpoint/open.ts";
import type { Backend } from "../compute/backend.ts";
import type { Weight } from "../compute/value.ts";
import { TinygraftError } from "../errors.ts";
import type { EncoderConfig } from "../model/config.ts";
import type { ResolvedModel } from "../model/resolve.ts";

/** A table of rows in host memory, from which batches gather; `f32 [rows, cols]`. */
export interface EmbeddingTable {
  /** The values, row-major. */
  readonly values: Float32Array;
  /** Rows, in elements. */
  readonly rows: number;
}

/** A linear layer's or LayerNorm's two tensors on a backend. */
export interface WeightAndBias {
  /** `[out, in]` of a linear layer, `[1, hidden_size]` of a LayerNorm. */
  readonly weight: Weight;
  /** `[1, out]`. */
  readonly bias: Weight;
}

/** One encoder layer on a backend. */
export interface LayerWeights {
  /** Query, key and value, fused: `[3·hidden_size, hidden_size]`. */
  readonly qkv: WeightAndBias;
  /** Output projection of the attention. */
  readonly attentionOutput: WeightAndBias;
  /** LayerNorm after the attention's residual. */
  readonly attentionNorm: WeightAndBias;
  /** First linear layer of the feed-forward block. */
  readonly intermediate: WeightAndBias;
  /** Second linear layer of the feed-forward block. */
  readonly output: WeightAndBias;
  /** LayerNorm after the feed-forward block's residual. */
  readonly outputNorm: WeightAndBias;
}

/** A BERT encoder's weights; the backend owns what lies on it. */
export interface EncoderWeights {
  /** The base's configuration. */
  readonly config: EncoderConfig;
  /** Word embeddings, in host memory. */
  readonly words: EmbeddingTable;
  /** Position embeddings, in host memory. */
  readonly positions: EmbeddingTable;
  /** Token type embeddings, in host memory. */
  readonly types: EmbeddingTable;
  /** LayerNorm of the embeddings. */
  readonly embeddingNorm: WeightAndBias;
  /** One entry a layer. */
  readonly layers: readonly LayerWeights[];
}

/** One layer's tiny-attention module on a backend; M heads of width d, E = M·d. */
export interface TinyAttentionWeights {
  /** LayerNorm that the module reads through. */
  readonly norm: WeightAndBias;
  /** Query, key and value, fused: `[3·E, hidden_size]`. */
  readonly qkv: WeightAndBias;
  /** Output projection, `[hidden_size, E]`. */
  readonly output: WeightAndBias;
  /** Heads, M. */
  readonly numHeads: number;
  /** Width of a head, d. */
  readonly headDim: number;
  /** What the heads' sum is multiplied with: 1 for `sum`, 1/M for `mean`. */
  readonly scale: number;
}

/** An adapter's weights on a backend. */
export interface AdapterWeights {
  /** One module a layer; empty where only the classifier is run. */
  readonly modules: readonly TinyAttentionWeights[];
  /** Epsilon of the modules' LayerNorm. */
  readonly layerNormEps: number;
  /** Linear layer on token 0, `[labels, hidden_size]`. */
  readonly classifier: WeightAndBias;
  /** Outputs of the classifier. */
  readonly numLabels: number;
}

/**
 * Loads a base encoder onto a backend, tensor by tensor.
 *
 * @param checkpoint The open base; stays open.
 * @param model What its tensors are, from `resolveModel`.
 * @param backend Where the weights go; it owns them.
 * @returns The encoder's weights.
 * @throws {TinygraftError} with code `non-finite` for a tensor that holds NaN or infinity.
 */
export async function loadEncoder(
  checkpoint: Checkpoint,
  model: ResolvedModel,
  backend: Backend,
): Promise<EncoderWeights> {
  const { config } = model;
  const read = (name: string) => readFinite(entryOf(checkpoint, model, name));
  const table = async (name: string): Promise<EmbeddingTable> => {
    const values = await read(name);
    return { values, rows: values.length / config.hiddenSize };
  };
  const layers: LayerWeights[] = [];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    layers.push(await loadLayer(read, backend, `encoder.layer.${layer}`));
  }
  return {
    config,
    words: await table("embeddings.word_embeddings.weight"),
    positions: await table("embeddings.position_embeddings.weight"),
    types: await table("embeddings.token_type_embeddings.weight"),
    embeddingNorm: await loadNorm(read, backend, "embeddings.LayerNorm"),
    layers,
  };
}

/**
 * Loads an adapter's modules and classifier onto a backend.
 *
 * @param adapter The open adapter; stays open.
 * @param backend Where the weights go; it owns them.
 * @param options `classifierOnly` leaves the modules out: the base with the same classifier.
 * @returns The adapter's weights.
 * @throws {TinygraftError} with code `non-finite` for a tensor that holds NaN or infinity.
 */
export async function loadAdapter(
  adapter: Adapter,
  backend: Backend,
  options: { readonly classifierOnly?: boolean } = {},
): Promise<AdapterWeights> {
  const { config } = adapter;
  const read = (name: string) => readFinite(adapterEntry(adapter, name));
  const modules: TinyAttentionWeights[] = [];
  const count = options.classifierOnly ? 0 : config.numHiddenLayers;
  for (let layer = 0; layer < count; layer++) {
    const prefix = `encoder.layer.${layer}.tiny_attn`;
    const numHeads = headsOfLayer(config, layer);
    modules.push({
      norm: await loadNorm(read, backend, `${prefix}.norm`),
      qkv: await loadFused(read, backend, prefix),
      output: await loadLinear(read, backend, `${prefix}.output`),
      numHeads,
      headDim: config.headDim,
      scale: config.combine === "mean" ? 1 / numHeads : 1,
    });
  }
  const classifier = await loadLinear(read, backend, "classifier");
  return { modules, layerNormEps: config.layerNormEps, classifier, numLabels: adapter.numLabels };
}

type Read = (name: string) => Promise<Float32Array>;

async function loadLayer(read: Read, backend: Backend, prefix: string): Promise<LayerWeights> {
  return {
    qkv: await loadFused(read, backend, `${prefix}.attention.self`),
    attentionOutput: await loadLinear(read, backend, `${prefix}.attention.output.dense`),
    attentionNorm: await loadNorm(read, backend, `${prefix}.attention.output.LayerNorm`),
    intermediate: await loadLinear(read, backend, `${prefix}.intermediate.dense`),
    output: await loadLinear(read, backend, `${prefix}.output.dense`),
    outputNorm: await loadNorm(read, backend, `${prefix}.output.LayerNorm`),
  };
}

async function loadLinear(read: Read, backend: Backend, name: string): Promise<WeightAndBias> {
  return placeLinear(backend, name, await read(`${name}.weight`), await read(`${name}.bias`));
}

async function loadNorm(read: Read, backend: Backend, name: string): Promise<WeightAndBias> {
  const weight = await read(`${name}.weight`);
  const bias = await read(`${name}.bias`);
  return {
    weight: backend.weight(`${name}.weight`, weight, 1, weight.length),
    bias: backend.weight(`${name}.bias`, bias, 1, bias.length),
  };
}

/** One product gives query, key and value: their rows are stacked in this order. */
async function loadFused(read: Read, backend: Backend, prefix: string): Promise<WeightAndBias> {
  const weights: Float32Array[] = [];
  const biases: Float32Array[] = [];
  for (const part of ["query", "key", "value"]) {
    weights.push(await read(`${prefix}.${part}.weight`));
    biases.push(await read(`${prefix}.${part}.bias`));
  }
  return placeLinear(backend, `${prefix}.qkv`, concatenate(weights), concatenate(biases));
}

function placeLinear(
  backend: Backend,
  name: string,
  weight: Float32Array,
  bias: Float32Array,
): WeightAndBias {
  const rows = bias.length;
  return {
    weight: backend.weight(`${name}.weight`, weight, rows, weight.length / rows),
    bias: backend.weight(`${name}.bias`, bias, 1, bias.length),
  };
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function entryOf(checkpoint: Checkpoint, model: ResolvedModel, canonical: string): TensorEntry {
  const name = model.names.get(canonical);
  const entry = name === undefined ? undefined : checkpoint.tensors.get(name);
  if (entry !== undefined) return entry;
  throw missing(name ?? canonical, checkpoint.location);
}

function adapterEntry(adapter: Adapter, name: string): TensorEntry {
  const entry = adapter.tensors.get(name);
  if (entry !== undefined) return entry;
  throw missing(name, adapter.location);
}

function missing(tensor: string, path: string): TinygraftError {
  return new TinygraftError(`Cannot load "${path}": tensor "${tensor}" is missing`, {
    code: "missing-tensor",
    path,
    tensor,
  });
}

/** NaN or infinity in a weight would come out as a metric of 0: it is reported as what it is. */
async function readFinite(entry: TensorEntry): Promise<Float32Array<ArrayBuffer>> {
  const values = await readFloats(entry);
  // x - x is 0 for finite x and NaN else: the sum shows one bad value without a branch each.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  if (sum === 0) return values;
  const index = values.findIndex((value) => !Number.isFinite(value));
  throw new TinygraftError(
    `Cannot load tensor "${entry.name}" of "${entry.file.path}": element ${index} is ` +
      `${values[index]}, expected finite weights`,
    { code: "non-finite", path: entry.file.path, tensor: entry.name },
  );
}
