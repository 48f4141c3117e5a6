/**
 * The parts of an encoder's config.json that decide shapes and arithmetic.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";

/** An encoder's configuration, checked; keys are those of config.json in camel case. */
export interface EncoderConfig {
  /** `model_type`, such as "bert". */
  readonly modelType: string;
  /** Width of a hidden state, in elements. */
  readonly hiddenSize: number;
  /** How many layers the encoder has. */
  readonly numHiddenLayers: number;
  /** How many attention heads a layer has; divides `hiddenSize`. */
  readonly numAttentionHeads: number;
  /** Width of the feed-forward layer, in elements. */
  readonly intermediateSize: number;
  /** The feed-forward activation: GELU with the exact error function. */
  readonly hiddenAct: "gelu";
  /** The epsilon inside the square root of every LayerNorm of the encoder. */
  readonly layerNormEps: number;
  /** Rows of the word table. */
  readonly vocabSize: number;
  /** Rows of the position table: the longest sequence. */
  readonly maxPositionEmbeddings: number;
  /** Rows of the token type table. */
  readonly typeVocabSize: number;
  /** Id of the padding token. */
  readonly padTokenId: number;
}

/**
 * The most layers that a config may ask for: far beyond any model, and few enough that a hostile
 * file cannot make the tensor table fill the memory.
 */
export const MAX_LAYERS = 10_000;

function invalid(path: string, what: string): TinygraftError {
  return new TinygraftError(`Cannot use "${path}": ${what}`, { code: "invalid-config", path });
}

/** A positive integer under `key`, or `fallback` where the key is absent. */
function positiveInteger(
  json: Readonly<Record<string, unknown>>,
  key: string,
  path: string,
  fallback?: number,
): number {
  const value = json[key] ?? fallback;
  if (value === undefined) {
    throw invalid(path, `the key "${key}" is missing, expected a positive integer: add it`);
  }
  if (!Number.isSafeInteger(value) || (value as number) <= 0) {
    throw invalid(path, `"${key}" is ${JSON.stringify(value)}, expected a positive integer`);
  }
  return value as number;
}

/**
 * Finds a setting under which the encoder computes something that tinygraft does not.
 *
 * @param json The parsed config.json.
 * @returns What was found and expected, or undefined when all is supported.
 */
export function unsupportedSetting(json: Readonly<Record<string, unknown>>): string | undefined {
  const { hidden_act = "gelu", position_embedding_type = "absolute" } = json;
  if (hidden_act !== "gelu") {
    return `"hidden_act" is ${JSON.stringify(hidden_act)}, expected "gelu" (the exact form): ` +
      "use a model with that activation";
  }
  if (position_embedding_type !== "absolute") {
    return `"position_embedding_type" is ${JSON.stringify(position_embedding_type)}, expected ` +
      '"absolute": relative positions are not supported';
  }
  for (const key of ["is_decoder", "add_cross_attention", "is_encoder_decoder"]) {
    if (json[key] === true) return `"${key}" is true, expected false: only encoders are supported`;
  }
  return undefined;
}

/**
 * Reads `model_type`.
 *
 * @param json The parsed config.json.
 * @param path The file, for messages.
 * @returns The value, such as "bert".
 * @throws {TinygraftError} with `invalid-config` when it is missing or no string.
 */
export function requireModelType(json: Readonly<Record<string, unknown>>, path: string): string {
  const { model_type } = json;
  if (typeof model_type === "string" && model_type !== "") return model_type;
  const found = model_type === undefined ? "missing" : JSON.stringify(model_type);
  throw invalid(path, `"model_type" is ${found}, expected a string such as "bert"`);
}

/**
 * Reads the sizes out of a config.json without judging its settings.
 *
 * @param json The parsed config.json.
 * @param path The file, for messages.
 * @returns The configuration; `hiddenAct` is assumed.
 * @throws {TinygraftError} with `invalid-config` when a key is missing or not of its kind.
 */
export function parseEncoderSizes(
  json: Readonly<Record<string, unknown>>,
  path: string,
): EncoderConfig {
  const modelType = requireModelType(json, path);
  const { layer_norm_eps = 1e-12, pad_token_id } = json;
  if (typeof layer_norm_eps !== "number" || !(layer_norm_eps > 0 && layer_norm_eps < 1)) {
    throw invalid(
      path,
      `"layer_norm_eps" is ${JSON.stringify(layer_norm_eps)}, expected a number between 0 and 1`,
    );
  }
  const padTokenId = pad_token_id ?? 0;
  if (!Number.isSafeInteger(padTokenId) || (padTokenId as number) < 0) {
    throw invalid(
      path,
      `"pad_token_id" is ${JSON.stringify(padTokenId)}, expected an integer >= 0`,
    );
  }
  const config: EncoderConfig = {
    modelType,
    hiddenSize: positiveInteger(json, "hidden_size", path),
    numHiddenLayers: positiveInteger(json, "num_hidden_layers", path),
    numAttentionHeads: positiveInteger(json, "num_attention_heads", path),
    intermediateSize: positiveInteger(json, "intermediate_size", path),
    hiddenAct: "gelu",
    layerNormEps: layer_norm_eps,
    vocabSize: positiveInteger(json, "vocab_size", path),
    maxPositionEmbeddings: positiveInteger(json, "max_position_embeddings", path),
    typeVocabSize: positiveInteger(json, "type_vocab_size", path, 2),
    padTokenId: padTokenId as number,
  };
  const { hiddenSize, numAttentionHeads, numHiddenLayers } = config;
  if (numHiddenLayers > MAX_LAYERS) {
    throw invalid(
      path,
      `"num_hidden_layers" is ${numHiddenLayers}, expected at most ${MAX_LAYERS}`,
    );
  }
  if (hiddenSize % numAttentionHeads !== 0) {
    throw invalid(
      path,
      `"hidden_size" is ${hiddenSize}, expected a multiple of "num_attention_heads", ` +
        `which is ${numAttentionHeads}`,
    );
  }
  return config;
}

/**
 * Reads an encoder's config.json.
 *
 * Keys that the transformers library lets default are optional here too: `hidden_act` ("gelu"),
 * `layer_norm_eps` (1e-12), `type_vocab_size` (2), `pad_token_id` (0) and
 * `position_embedding_type` ("absolute"). Sizes are not: they must match the tensors.
 *
 * @example Read the sizes of a small encoder
 * ```ts
 * import { parseEncoderConfig } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const config = parseEncoderConfig({
 *   model_type: "bert",
 *   hidden_size: 384,
 *   num_hidden_layers: 6,
 *   num_attention_heads: 12,
 *   intermediate_size: 1536,
 *   vocab_size: 30522,
 *   max_position_embeddings: 512,
 * }, "config.json");
 * assertEquals(config.layerNormEps, 1e-12);
 * ```
 *
 * @param json The parsed file.
 * @param path The file, for messages.
 * @returns The checked configuration.
 * @throws {TinygraftError} with `invalid-config` when a key is missing, not of its kind, or asks
 * for arithmetic that tinygraft does not have.
 */
export function parseEncoderConfig(
  json: Readonly<Record<string, unknown>>,
  path: string,
): EncoderConfig {
  const config = parseEncoderSizes(json, path);
  const unsupported = unsupportedSetting(json);
  if (unsupported !== undefined) throw invalid(path, unsupported);
  return config;
}
