// deno-lint-ignore-file camelcase -- config.json spells its keys in snake_case

import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { ALBERT } from "../../lib/model/albert.ts";
import type { Architecture } from "../../lib/model/architecture.ts";
import { BERT } from "../../lib/model/bert.ts";
import { type EncoderConfig, parseEncoderConfig } from "../../lib/model/config.ts";
import { DISTILBERT } from "../../lib/model/distilbert.ts";
import { findClassificationHead, findMaskedLmHead } from "../../lib/model/heads.ts";
import type { TensorInfo } from "../../lib/tensor/shape.ts";

const SIZES = {
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 8,
  vocab_size: 10,
  max_position_embeddings: 6,
  embedding_size: 2,
};

function model(architecture: Architecture, prefix: string, change: Partial<EncoderConfig> = {}) {
  const json = { ...SIZES, model_type: architecture.modelType, hidden_dim: 8 };
  const config = { ...parseEncoderConfig(json, "config.json"), ...change };
  const words = "embeddings.word_embeddings.weight";
  return { architecture, config, prefix, names: new Map([[words, prefix + words]]) };
}

function tensors(shapes: Readonly<Record<string, readonly number[]>>): Map<string, TensorInfo> {
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, { dtype: "F32", shape }]));
}

const BERT_HEAD = {
  "bert.pooler.dense.weight": [4, 4],
  "bert.pooler.dense.bias": [4],
  "classifier.weight": [3, 4],
  "classifier.bias": [3],
};

Deno.test("findClassificationHead() puts BERT's pooler before its classifier", () => {
  const head = findClassificationHead(model(BERT, "bert."), tensors(BERT_HEAD), "base");
  assertEquals(head, {
    dense: { weight: "bert.pooler.dense.weight", bias: "bert.pooler.dense.bias" },
    activation: "tanh",
    output: { weight: "classifier.weight", bias: "classifier.bias" },
    outputs: 3,
  });
});

Deno.test("findClassificationHead() gives nothing for a bare encoder", () => {
  assertEquals(findClassificationHead(model(BERT, ""), tensors({}), "base"), undefined);
});

Deno.test("findClassificationHead() refuses a head with a part missing or misshapen", () => {
  const faults = [
    [{ ...BERT_HEAD, "classifier.bias": [4] }, "shape-mismatch", "classifier.bias"],
    [
      { ...BERT_HEAD, "bert.pooler.dense.weight": [4] },
      "shape-mismatch",
      "bert.pooler.dense.weight",
    ],
    [{ "classifier.weight": [3, 4] }, "missing-tensor", "bert.pooler.dense.weight"],
  ] as const;
  for (const [shapes, code, tensor] of faults) {
    const find = () => findClassificationHead(model(BERT, "bert."), tensors(shapes), "base");
    const error = assertThrows(find, TinygraftError);
    assertEquals([error.code, error.tensor, error.path], [code, tensor, "base"]);
  }
});

const ALBERT_HEAD = {
  "albert.embeddings.word_embeddings.weight": [10, 2],
  "predictions.dense.weight": [2, 4],
  "predictions.dense.bias": [2],
  "predictions.LayerNorm.gamma": [2],
  "predictions.LayerNorm.beta": [2],
  "predictions.decoder.bias": [10],
};

Deno.test("findMaskedLmHead() ties the decoder to the word table, and takes other spellings", () => {
  const albert = model(ALBERT, "albert.", { hiddenAct: "geluTanh" });
  const head = findMaskedLmHead(albert, tensors(ALBERT_HEAD), "base");
  assertEquals(head, {
    dense: { weight: "predictions.dense.weight", bias: "predictions.dense.bias" },
    activation: "geluTanh",
    norm: { weight: "predictions.LayerNorm.gamma", bias: "predictions.LayerNorm.beta" },
    output: {
      weight: "albert.embeddings.word_embeddings.weight",
      bias: "predictions.decoder.bias",
    },
    outputs: 10,
  });
});

Deno.test("findMaskedLmHead() prefers a decoder of its own and the bias beside the head", () => {
  const shapes = {
    ...ALBERT_HEAD,
    "predictions.decoder.weight": [10, 2],
    "predictions.bias": [10],
  };
  const head = findMaskedLmHead(model(ALBERT, "albert."), tensors(shapes), "base");
  assertEquals(head?.output, { weight: "predictions.decoder.weight", bias: "predictions.bias" });
});

Deno.test("findMaskedLmHead() gives nothing without a head, and refuses half a one", () => {
  const distil = model(DISTILBERT, "distilbert.");
  assertEquals(findMaskedLmHead(distil, tensors({}), "base"), undefined);
  const half = tensors({ "vocab_transform.weight": [4, 4], "vocab_transform.bias": [4] });
  const error = assertThrows(() => findMaskedLmHead(distil, half, "base"), TinygraftError);
  assertEquals([error.code, error.tensor], ["missing-tensor", "vocab_layer_norm.weight"]);
});
