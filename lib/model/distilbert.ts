/**
 * DistilBERT (Sanh et al. 2019, arXiv 1910.01108), named as in the transformers library: BERT
 * without token types and pooler.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { defineArchitecture } from "./define.ts";

/** The one table of DistilBERT's tensors. */
export const DISTILBERT: Architecture = defineArchitecture({
  modelType: "distilbert",
  prefixes: ["", "distilbert."],
  embeddingPaths: {
    words: "embeddings.word_embeddings",
    positions: "embeddings.position_embeddings",
    norm: "embeddings.LayerNorm",
  },
  layerPaths: {
    query: "transformer.layer.{layer}.attention.q_lin",
    key: "transformer.layer.{layer}.attention.k_lin",
    value: "transformer.layer.{layer}.attention.v_lin",
    attentionOutput: "transformer.layer.{layer}.attention.out_lin",
    attentionNorm: "transformer.layer.{layer}.sa_layer_norm",
    intermediate: "transformer.layer.{layer}.ffn.lin1",
    output: "transformer.layer.{layer}.ffn.lin2",
    outputNorm: "transformer.layer.{layer}.output_layer_norm",
  },
  heads: [
    "vocab_transform.",
    "vocab_layer_norm.",
    "vocab_projector.",
    "pre_classifier.",
    "classifier.",
    "qa_outputs.",
  ],
  classificationHead: {
    dense: { path: "pre_classifier", activation: "relu" },
    output: "classifier",
  },
  maskedLmHead: {
    dense: { path: "vocab_transform", activation: "hiddenAct" },
    norm: "vocab_layer_norm",
    decoder: "vocab_projector.weight",
    bias: ["vocab_projector.bias"],
  },
  adapterPath: "transformer.layer.{layer}.tiny_attn",
  configKeys: {
    hiddenSize: { keys: ["dim", "hidden_size"] },
    numHiddenLayers: { keys: ["n_layers", "num_hidden_layers"] },
    numAttentionHeads: { keys: ["n_heads", "num_attention_heads"] },
    intermediateSize: { keys: ["hidden_dim"] },
    vocabSize: { keys: ["vocab_size"] },
    maxPositionEmbeddings: { keys: ["max_position_embeddings"] },
  },
  activationKey: { key: "activation", fallback: "gelu" },
});
