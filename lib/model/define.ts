/**
 * Making architecture tables: what a dialect of BERT does not say is as in BERT.
 *
 * @module
 */

import type {
  Architecture,
  DimensionName,
  EmbeddingPaths,
  LayerPaths,
  WeightTemplate,
} from "./architecture.ts";

/** What sets an architecture apart; the rest follows from it. */
export type Dialect =
  & Pick<
    Architecture,
    "modelType" | "prefixes" | "heads" | "classificationHead" | "maskedLmHead" | "adapterPath"
  >
  & Partial<Omit<Architecture, "modelType" | "embeddings" | "layer" | "extra">>
  & {
    /** Path of the pooler, left out where there is none. */
    readonly pooler?: string;
  };

/** Where BERT's embeddings stand. */
export const BERT_EMBEDDINGS: EmbeddingPaths = {
  words: "embeddings.word_embeddings",
  positions: "embeddings.position_embeddings",
  types: "embeddings.token_type_embeddings",
  norm: "embeddings.LayerNorm",
};

/** Where the parts of BERT's layers stand. */
export const BERT_LAYER: LayerPaths = {
  query: "encoder.layer.{layer}.attention.self.query",
  key: "encoder.layer.{layer}.attention.self.key",
  value: "encoder.layer.{layer}.attention.self.value",
  attentionOutput: "encoder.layer.{layer}.attention.output.dense",
  attentionNorm: "encoder.layer.{layer}.attention.output.LayerNorm",
  intermediate: "encoder.layer.{layer}.intermediate.dense",
  output: "encoder.layer.{layer}.output.dense",
  outputNorm: "encoder.layer.{layer}.output.LayerNorm",
};

/** How BERT's config.json spells the sizes; none has a fallback, as they must match the tensors. */
export const BERT_KEYS: Architecture["configKeys"] = {
  hiddenSize: { keys: ["hidden_size"] },
  numHiddenLayers: { keys: ["num_hidden_layers"] },
  numAttentionHeads: { keys: ["num_attention_heads"] },
  intermediateSize: { keys: ["intermediate_size"] },
  vocabSize: { keys: ["vocab_size"] },
  maxPositionEmbeddings: { keys: ["max_position_embeddings"] },
};

/**
 * Completes an architecture's table.
 *
 * @param dialect What sets it apart from BERT.
 * @returns The table.
 */
export function defineArchitecture({ pooler, ...dialect }: Dialect): Architecture {
  const { embeddingPaths = BERT_EMBEDDINGS, layerPaths = BERT_LAYER } = dialect;
  return {
    configKeys: BERT_KEYS,
    activationKey: { key: "hidden_act", fallback: "gelu" },
    padTokenId: 0,
    positionsAfterPadding: false,
    readsTypeIds: embeddingPaths.types !== undefined,
    sharedLayers: false,
    ...dialect,
    embeddingPaths,
    layerPaths,
    embeddings: embeddingTensors(embeddingPaths),
    layer: layerTensors(layerPaths),
    extra: pooler === undefined ? [] : optional(linear(pooler, "hiddenSize", "hiddenSize")),
  };
}

function embeddingTensors(paths: EmbeddingPaths): WeightTemplate[] {
  const table = (path: string | undefined, rows: DimensionName): WeightTemplate[] =>
    path === undefined ? [] : [{ name: `${path}.weight`, shape: [rows, "embeddingSize"] }];
  const projection = paths.projection === undefined
    ? []
    : linear(paths.projection, "hiddenSize", "embeddingSize");
  return [
    ...table(paths.words, "vocabSize"),
    ...table(paths.positions, "maxPositionEmbeddings"),
    ...table(paths.types, "typeVocabSize"),
    ...layerNorm(paths.norm, "embeddingSize"),
    {
      name: "embeddings.position_ids",
      shape: [1, "maxPositionEmbeddings"],
      optional: true,
      buffer: true,
    },
    ...projection.map((template): WeightTemplate =>
      paths.projectsAlways ? template : { ...template, narrowOnly: true }
    ),
  ];
}

function layerTensors(paths: LayerPaths): WeightTemplate[] {
  return [
    ...linear(paths.query, "hiddenSize", "hiddenSize"),
    ...linear(paths.key, "hiddenSize", "hiddenSize"),
    ...linear(paths.value, "hiddenSize", "hiddenSize"),
    ...linear(paths.attentionOutput, "hiddenSize", "hiddenSize"),
    ...layerNorm(paths.attentionNorm, "hiddenSize"),
    ...linear(paths.intermediate, "intermediateSize", "hiddenSize"),
    ...linear(paths.output, "hiddenSize", "intermediateSize"),
    ...layerNorm(paths.outputNorm, "hiddenSize"),
  ];
}

/** Weight and bias of a linear layer in torch's layout: `[out, in]` and `[out]`. */
function linear(path: string, out: DimensionName, into: DimensionName): WeightTemplate[] {
  return [
    { name: `${path}.weight`, shape: [out, into] },
    { name: `${path}.bias`, shape: [out] },
  ];
}

/** Weight and bias of a LayerNorm; conversions from TensorFlow call them gamma and beta. */
function layerNorm(path: string, width: DimensionName): WeightTemplate[] {
  return [
    { name: `${path}.weight`, shape: [width], aliases: [`${path}.gamma`] },
    { name: `${path}.bias`, shape: [width], aliases: [`${path}.beta`] },
  ];
}

function optional(templates: readonly WeightTemplate[]): WeightTemplate[] {
  return templates.map((template) => ({ ...template, optional: true }));
}
