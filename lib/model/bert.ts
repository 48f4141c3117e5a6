/**
 * BERT (Devlin et al. 2019, arXiv 1810.04805), named as in the transformers library.
 *
 * @module
 */

import type { Architecture, DimensionName, WeightTemplate } from "./architecture.ts";

/** Weight and bias of a linear layer in torch's layout: `[out, in]` and `[out]`. */
function linear(path: string, out: DimensionName, into: DimensionName): WeightTemplate[] {
  return [
    { name: `${path}.weight`, shape: [out, into] },
    { name: `${path}.bias`, shape: [out] },
  ];
}

/** Weight and bias of a LayerNorm; conversions from TensorFlow call them gamma and beta. */
function layerNorm(path: string): WeightTemplate[] {
  return [
    { name: `${path}.weight`, shape: ["hiddenSize"], aliases: [`${path}.gamma`] },
    { name: `${path}.bias`, shape: ["hiddenSize"], aliases: [`${path}.beta`] },
  ];
}

/** The one table of BERT's tensors. */
export const BERT: Architecture = {
  modelType: "bert",
  prefixes: ["", "bert."],
  embeddings: [
    { name: "embeddings.word_embeddings.weight", shape: ["vocabSize", "hiddenSize"] },
    {
      name: "embeddings.position_embeddings.weight",
      shape: ["maxPositionEmbeddings", "hiddenSize"],
    },
    { name: "embeddings.token_type_embeddings.weight", shape: ["typeVocabSize", "hiddenSize"] },
    ...layerNorm("embeddings.LayerNorm"),
    {
      name: "embeddings.position_ids",
      shape: [1, "maxPositionEmbeddings"],
      optional: true,
      buffer: true,
    },
  ],
  layer: [
    ...linear("encoder.layer.{layer}.attention.self.query", "hiddenSize", "hiddenSize"),
    ...linear("encoder.layer.{layer}.attention.self.key", "hiddenSize", "hiddenSize"),
    ...linear("encoder.layer.{layer}.attention.self.value", "hiddenSize", "hiddenSize"),
    ...linear("encoder.layer.{layer}.attention.output.dense", "hiddenSize", "hiddenSize"),
    ...layerNorm("encoder.layer.{layer}.attention.output.LayerNorm"),
    ...linear("encoder.layer.{layer}.intermediate.dense", "intermediateSize", "hiddenSize"),
    ...linear("encoder.layer.{layer}.output.dense", "hiddenSize", "intermediateSize"),
    ...layerNorm("encoder.layer.{layer}.output.LayerNorm"),
  ],
  extra: [
    { name: "pooler.dense.weight", shape: ["hiddenSize", "hiddenSize"], optional: true },
    { name: "pooler.dense.bias", shape: ["hiddenSize"], optional: true },
  ],
  heads: ["cls.", "classifier.", "qa_outputs."],
  adapterPath: "encoder.layer.{layer}.tiny_attn",
};
