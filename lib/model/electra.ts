/**
 * ELECTRA (Clark et al. 2020, arXiv 2003.10555), named as in the transformers library: BERT whose
 * embeddings may be narrower than its hidden states.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { BERT_EMBEDDINGS, defineArchitecture } from "./define.ts";

/** The one table of ELECTRA's tensors. */
export const ELECTRA: Architecture = defineArchitecture({
  modelType: "electra",
  prefixes: ["", "electra."],
  embeddingPaths: { ...BERT_EMBEDDINGS, projection: "embeddings_project" },
  heads: [
    "discriminator_predictions.",
    "generator_predictions.",
    "generator_lm_head.",
    "classifier.",
    "qa_outputs.",
  ],
  classificationHead: {
    dense: { path: "classifier.dense", activation: "gelu" },
    output: "classifier.out_proj",
  },
  maskedLmHead: {
    dense: { path: "generator_predictions.dense", activation: "gelu" },
    norm: "generator_predictions.LayerNorm",
    decoder: "generator_lm_head.weight",
    bias: ["generator_lm_head.bias"],
  },
  adapterPath: "encoder.layer.{layer}.tiny_attn",
  embeddingSize: 128,
});
