/**
 * BERT (Devlin et al. 2019, arXiv 1810.04805), named as in the transformers library.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { defineArchitecture } from "./define.ts";

/** The one table of BERT's tensors. */
export const BERT: Architecture = defineArchitecture({
  modelType: "bert",
  prefixes: ["", "bert."],
  pooler: "pooler.dense",
  heads: ["cls.", "classifier.", "qa_outputs."],
  classificationHead: {
    dense: { path: "pooler.dense", prefixed: true, activation: "tanh" },
    output: "classifier",
  },
  maskedLmHead: {
    dense: { path: "cls.predictions.transform.dense", activation: "hiddenAct" },
    norm: "cls.predictions.transform.LayerNorm",
    decoder: "cls.predictions.decoder.weight",
    bias: ["cls.predictions.bias", "cls.predictions.decoder.bias"],
  },
  adapterPath: "encoder.layer.{layer}.tiny_attn",
});
