/**
 * Weights: from a checkpoint's tensors to a backend.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { headsOfLayer } from "../adapter/config.ts";
import type { Placement } from "../adapter/placement.ts";
import { moduleCount, unknownBase } from "../adapter/tensors.ts";
import { type Checkpoint, readFloats, type TensorEntry } from "../checkpoint/open.ts";
import type { Backend } from "../compute/backend.ts";
import type { ElementFunction } from "../compute/ops/activation/op.ts";
import type { Weight } from "../compute/value.ts";
import { TinygraftError } from "../errors.ts";
import { type Architecture, fillLayer, type LayerPaths } from "../model/architecture.ts";
import type { EncoderConfig } from "../model/config.ts";
import { findArchitecture } from "../model/registry.ts";
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

/** An encoder's weights; the backend owns what lies on it. */
export interface EncoderWeights {
  /** The architecture's table. */
  readonly architecture: Architecture;
  /** The base's configuration. */
  readonly config: EncoderConfig;
  /** Word embeddings, in host memory. */
  readonly words: EmbeddingTable;
  /** Position embeddings, in host memory. */
  readonly positions: EmbeddingTable;
  /** Token type embeddings, in host memory; undefined where the architecture has none. */
  readonly types: EmbeddingTable | undefined;
  /** LayerNorm of the embeddings. */
  readonly embeddingNorm: WeightAndBias;
  /** From the embeddings' width to that of the hidden states; undefined where both are one. */
  readonly projection: WeightAndBias | undefined;
  /** One entry a layer; the same for all where the architecture shares them. */
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

/** What a head does to a hidden state before its last linear layer. */
export interface TransformWeights {
  /** The first linear layer. */
  readonly dense: WeightAndBias;
  /** What follows it. */
  readonly activation: ElementFunction;
  /** LayerNorm after the activation, with the base's epsilon; undefined where there is none. */
  readonly norm: WeightAndBias | undefined;
}

/** A head on a backend: what turns the selected hidden state of a sequence into logits. */
export interface HeadWeights {
  /** What comes before the last layer; left out by an adapter's classifier. */
  readonly transform?: TransformWeights;
  /** Last linear layer, `[labels, hidden_size]`, or the width of the transform. */
  readonly classifier: WeightAndBias;
  /** Outputs of the last layer. */
  readonly numLabels: number;
}

/** An adapter's weights on a backend. */
export interface AdapterWeights extends HeadWeights {
  /**
   * One module a layer, or one for all layers where the architecture shares them; empty where only
   * the head is run.
   */
  readonly modules: readonly TinyAttentionWeights[];
  /** Epsilon of the modules' LayerNorm. */
  readonly layerNormEps: number;
  /** Where in their layers the modules stand. */
  readonly placement: Placement;
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
  const { architecture, config } = model;
  const { embeddingPaths: paths } = architecture;
  const read = (name: string) => readFinite(entryOf(checkpoint, model, name));
  const table = async (path: string): Promise<EmbeddingTable> => {
    const values = await read(`${path}.weight`);
    return { values, rows: values.length / config.embeddingSize };
  };
  const own: LayerWeights[] = [];
  for (let layer = 0; layer < config.numOwnLayers; layer++) {
    own.push(await loadLayer(read, backend, architecture.layerPaths, layer));
  }
  const { projection } = paths;
  const projects = projection !== undefined && model.names.has(`${projection}.weight`);
  return {
    architecture,
    config,
    words: await table(paths.words),
    positions: await table(paths.positions),
    types: paths.types === undefined ? undefined : await table(paths.types),
    embeddingNorm: await loadNorm(read, backend, paths.norm),
    projection: projects ? await loadLinear(read, backend, projection) : undefined,
    layers: Array.from({ length: config.numHiddenLayers }, (_, layer) => own[layer % own.length]!),
  };
}

/**
 * Loads an adapter's modules and classifier onto a backend.
 *
 * @param adapter The open adapter; stays open.
 * @param backend Where the weights go; it owns them.
 * @param options `classifierOnly` leaves the modules out: the base with the same classifier.
 * @returns The adapter's weights.
 * @throws {TinygraftError} with code `missing-tensor` where the adapter has no classifier,
 * `non-finite` for a tensor that holds NaN or infinity.
 */
export async function loadAdapter(
  adapter: Adapter,
  backend: Backend,
  options: { readonly classifierOnly?: boolean } = {},
): Promise<AdapterWeights> {
  const { layerNormEps, placement } = adapter.config;
  const { modules } = options.classifierOnly
    ? { modules: [] }
    : await loadModules(adapter, backend);
  const read = (name: string) => readFinite(adapterEntry(adapter, name));
  const classifier = await loadLinear(read, backend, "classifier");
  return { modules, layerNormEps, placement, classifier, numLabels: adapter.numLabels };
}

/**
 * Loads an adapter's modules onto a backend, without its classifier: for another head above them.
 *
 * @param adapter The open adapter; stays open.
 * @param backend Where the weights go; it owns them.
 * @returns The modules, to be completed by a head's weights.
 * @throws {TinygraftError} with code `non-finite` for a tensor that holds NaN or infinity.
 */
export async function loadModules(
  adapter: Adapter,
  backend: Backend,
): Promise<Pick<AdapterWeights, "modules" | "layerNormEps" | "placement">> {
  const { config } = adapter;
  const architecture = findArchitecture(config.baseModelType);
  if (architecture === undefined) throw unknownBase(config);
  const read = (name: string) => readFinite(adapterEntry(adapter, name));
  const modules: TinyAttentionWeights[] = [];
  for (let layer = 0; layer < moduleCount(config); layer++) {
    const prefix = fillLayer(architecture.adapterPath, layer);
    const numHeads = headsOfLayer(config, layer);
    modules.push({
      norm: await loadNorm(read, backend, `${prefix}.norm`),
      qkv: await loadFused(
        read,
        backend,
        `${prefix}.qkv`,
        ["query", "key", "value"].map((part) => `${prefix}.${part}`),
      ),
      output: await loadLinear(read, backend, `${prefix}.output`),
      numHeads,
      headDim: config.headDim,
      scale: config.combine === "mean" ? 1 / numHeads : 1,
    });
  }
  return { modules, layerNormEps: config.layerNormEps, placement: config.placement };
}

type Read = (name: string) => Promise<Float32Array>;

async function loadLayer(
  read: Read,
  backend: Backend,
  paths: LayerPaths,
  layer: number,
): Promise<LayerWeights> {
  const at = (path: string) => fillLayer(path, layer);
  const parts = [at(paths.query), at(paths.key), at(paths.value)];
  return {
    qkv: await loadFused(read, backend, `${at(paths.query)} with key and value`, parts),
    attentionOutput: await loadLinear(read, backend, at(paths.attentionOutput)),
    attentionNorm: await loadNorm(read, backend, at(paths.attentionNorm)),
    intermediate: await loadLinear(read, backend, at(paths.intermediate)),
    output: await loadLinear(read, backend, at(paths.output)),
    outputNorm: await loadNorm(read, backend, at(paths.outputNorm)),
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
async function loadFused(
  read: Read,
  backend: Backend,
  label: string,
  parts: readonly string[],
): Promise<WeightAndBias> {
  const weights: Float32Array[] = [];
  const biases: Float32Array[] = [];
  for (const part of parts) {
    weights.push(await read(`${part}.weight`));
    biases.push(await read(`${part}.bias`));
  }
  return placeLinear(backend, label, concatenate(weights), concatenate(biases));
}

/**
 * Puts a linear layer onto a backend.
 *
 * @param backend Where it goes; it owns the weights.
 * @param name The layer's name, for messages.
 * @param weight f32 [out, in], row-major; copied.
 * @param bias f32 [out]; copied.
 * @returns The two weights.
 */
export function placeLinear(
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

/**
 * Reads a tensor's values. NaN or infinity in a weight would come out as a metric of 0: it is
 * reported as what it is.
 *
 * @param entry The tensor.
 * @returns Its values, row-major.
 * @throws {TinygraftError} with code `non-finite` for NaN or infinity.
 */
export async function readFinite(entry: TensorEntry): Promise<Float32Array<ArrayBuffer>> {
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
