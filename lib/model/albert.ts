/**
 * ALBERT (Lan et al. 2020, arXiv 1909.11942), named as in the transformers library: one layer's
 * weights for all layers, and embeddings that are narrower than the hidden states.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { BERT_EMBEDDINGS, defineArchitecture } from "./define.ts";

const LAYER = "encoder.albert_layer_groups.0.albert_layers.0";

/** The one table of ALBERT's tensors. */
export const ALBERT: Architecture = defineArchitecture({
  modelType: "albert",
  prefixes: ["", "albert."],
  embeddingPaths: {
    ...BERT_EMBEDDINGS,
    projection: "encoder.embedding_hidden_mapping_in",
    projectsAlways: true,
  },
  layerPaths: {
    query: `${LAYER}.attention.query`,
    key: `${LAYER}.attention.key`,
    value: `${LAYER}.attention.value`,
    attentionOutput: `${LAYER}.attention.dense`,
    attentionNorm: `${LAYER}.attention.LayerNorm`,
    intermediate: `${LAYER}.ffn`,
    output: `${LAYER}.ffn_output`,
    outputNorm: `${LAYER}.full_layer_layer_norm`,
  },
  pooler: "pooler",
  heads: ["predictions.", "sop_classifier.", "classifier.", "qa_outputs."],
  classificationHead: {
    dense: { path: "pooler", prefixed: true, activation: "tanh" },
    output: "classifier",
  },
  maskedLmHead: {
    dense: { path: "predictions.dense", activation: "hiddenAct" },
    norm: "predictions.LayerNorm",
    decoder: "predictions.decoder.weight",
    bias: ["predictions.bias", "predictions.decoder.bias"],
  },
  adapterPath: `${LAYER}.tiny_attn`,
  activationKey: { key: "hidden_act", fallback: "gelu_new" },
  embeddingSize: 128,
  sharedLayers: true,
});
