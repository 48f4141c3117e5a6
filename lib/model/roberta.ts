/**
 * RoBERTa (Liu et al. 2019, arXiv 1907.11692) and XLM-RoBERTa (Conneau et al. 2020, arXiv
 * 1911.02116), named as in the transformers library. Positions are counted from the padding
 * token's id plus 1, and all tokens are of one type.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { defineArchitecture } from "./define.ts";

/** The one table of RoBERTa's tensors. */
export const ROBERTA: Architecture = defineArchitecture({
  modelType: "roberta",
  prefixes: ["", "roberta."],
  pooler: "pooler.dense",
  heads: ["lm_head.", "classifier.", "qa_outputs."],
  classificationHead: {
    dense: { path: "classifier.dense", activation: "tanh" },
    output: "classifier.out_proj",
  },
  maskedLmHead: {
    dense: { path: "lm_head.dense", activation: "gelu" },
    norm: "lm_head.layer_norm",
    decoder: "lm_head.decoder.weight",
    bias: ["lm_head.bias", "lm_head.decoder.bias"],
  },
  adapterPath: "encoder.layer.{layer}.tiny_attn",
  padTokenId: 1,
  positionsAfterPadding: true,
  readsTypeIds: false,
});

/** XLM-RoBERTa: RoBERTa with another vocabulary. */
export const XLM_ROBERTA: Architecture = { ...ROBERTA, modelType: "xlm-roberta" };
