// deno-lint-ignore-file camelcase -- config.json spells its keys in snake_case

import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { parseEncoderConfig } from "../../lib/model/config.ts";

const MINIMAL = {
  model_type: "bert",
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 48,
  vocab_size: 100,
  max_position_embeddings: 32,
};

Deno.test("parseEncoderConfig() fills in the defaults of transformers", () => {
  assertEquals(parseEncoderConfig(MINIMAL, "config.json"), {
    modelType: "bert",
    hiddenSize: 12,
    embeddingSize: 12,
    numHiddenLayers: 2,
    numOwnLayers: 2,
    numAttentionHeads: 3,
    intermediateSize: 48,
    hiddenAct: "gelu",
    layerNormEps: 1e-12,
    vocabSize: 100,
    maxPositionEmbeddings: 32,
    firstPosition: 0,
    maxSequenceLength: 32,
    typeVocabSize: 2,
    padTokenId: 0,
  });
});

Deno.test("parseEncoderConfig() takes what the file says over defaults", () => {
  const config = parseEncoderConfig({
    ...MINIMAL,
    layer_norm_eps: 1e-5,
    type_vocab_size: 1,
    pad_token_id: 3,
    is_decoder: false,
    unknown_key: [1],
  }, "config.json");
  assertEquals([config.layerNormEps, config.typeVocabSize, config.padTokenId], [1e-5, 1, 3]);
});

Deno.test("parseEncoderConfig() reads a null pad_token_id as 0", () => {
  assertEquals(parseEncoderConfig({ ...MINIMAL, pad_token_id: null }, "c").padTokenId, 0);
});

const REFUSED: [what: string, change: Record<string, unknown>, message: string][] = [
  ["a missing size", { hidden_size: undefined }, '"hidden_size" is missing'],
  ["a size of 0", { num_hidden_layers: 0 }, '"num_hidden_layers" is 0'],
  ["a fractional size", { vocab_size: 1.5 }, '"vocab_size" is 1.5'],
  ["a size in quotes", { intermediate_size: "48" }, '"intermediate_size" is "48"'],
  ["a hostile layer count", { num_hidden_layers: 1e12 }, "at most 10000"],
  ["heads that do not divide the hidden size", { num_attention_heads: 5 }, "multiple of"],
  ["another activation", { hidden_act: "silu" }, '"hidden_act" is "silu", expected one of "gelu"'],
  ["relative positions", { position_embedding_type: "relative_key" }, '"relative_key"'],
  ["a decoder", { is_decoder: true }, '"is_decoder" is true'],
  ["no model_type", { model_type: undefined }, '"model_type" is missing'],
  ["a model_type that is no string", { model_type: 3 }, '"model_type" is 3'],
  ["an epsilon of 0", { layer_norm_eps: 0 }, '"layer_norm_eps" is 0'],
  ["an epsilon in quotes", { layer_norm_eps: "1e-12" }, '"layer_norm_eps" is "1e-12"'],
  ["a negative pad_token_id", { pad_token_id: -1 }, '"pad_token_id" is -1'],
];

for (const [what, change, message] of REFUSED) {
  Deno.test(`parseEncoderConfig() refuses ${what}`, () => {
    const json = { ...MINIMAL, ...change };
    const parse = () => parseEncoderConfig(json, "dir/config.json");
    const error = assertThrows(parse, TinygraftError, message);
    assertEquals([error.code, error.path], ["invalid-config", "dir/config.json"]);
  });
}

const DISTIL = {
  model_type: "distilbert",
  dim: 12,
  n_layers: 2,
  n_heads: 3,
  hidden_dim: 48,
  vocab_size: 100,
  max_position_embeddings: 32,
};

Deno.test("parseEncoderConfig() reads DistilBERT's own keys", () => {
  const config = parseEncoderConfig({ ...DISTIL, activation: "relu" }, "config.json");
  const { hiddenSize, numHiddenLayers, numAttentionHeads, intermediateSize } = config;
  assertEquals([hiddenSize, numHiddenLayers, numAttentionHeads, intermediateSize], [12, 2, 3, 48]);
  assertEquals([config.hiddenAct, config.typeVocabSize, config.layerNormEps], ["relu", 0, 1e-12]);
  const odd = () => parseEncoderConfig({ ...DISTIL, n_heads: 5 }, "config.json");
  assertThrows(odd, TinygraftError, '"dim" is 12, expected a multiple of "n_heads"');
});

Deno.test("parseEncoderConfig() lets RoBERTa's positions begin after the padding token's id", () => {
  const roberta = { ...MINIMAL, model_type: "roberta", type_vocab_size: 1 };
  const config = parseEncoderConfig(roberta, "config.json");
  assertEquals([config.padTokenId, config.firstPosition, config.maxSequenceLength], [1, 2, 30]);
  const full = () => parseEncoderConfig({ ...roberta, pad_token_id: 31 }, "config.json");
  assertThrows(full, TinygraftError, "expected more than 32");
});

Deno.test("parseEncoderConfig() reads ALBERT's shared layers, narrow embeddings and activation", () => {
  const albert = { ...MINIMAL, model_type: "albert", embedding_size: 7 };
  const config = parseEncoderConfig(albert, "config.json");
  const { numHiddenLayers, numOwnLayers, embeddingSize, hiddenAct } = config;
  assertEquals([numHiddenLayers, numOwnLayers, embeddingSize, hiddenAct], [2, 1, 7, "geluTanh"]);
  const groups = () => parseEncoderConfig({ ...albert, num_hidden_groups: 2 }, "config.json");
  assertThrows(groups, TinygraftError, '"num_hidden_groups" is 2, expected 1');
});

Deno.test("parseEncoderConfig() takes 128 as ELECTRA's embedding width, as transformers does", () => {
  assertEquals(parseEncoderConfig({ ...MINIMAL, model_type: "electra" }, "c").embeddingSize, 128);
});

Deno.test("parseEncoderConfig() lists the architectures when it does not know one", () => {
  const error = assertThrows(
    () => parseEncoderConfig({ ...MINIMAL, model_type: "gpt2" }, "c"),
    TinygraftError,
    '"bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert"',
  );
  assertEquals(error.code, "unsupported-architecture");
});
