/**
 * The parts of an encoder's config.json that decide shapes and arithmetic.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { Architecture, ConfigKey, SizeName } from "./architecture.ts";
import { findArchitecture, supportedModelTypes } from "./registry.ts";

/** The feed-forward activation: GELU, exact or by tanh, or ReLU. */
export type HiddenAct = "gelu" | "geluTanh" | "relu";

/** An encoder's configuration, checked; keys are those of BERT's config.json in camel case. */
export interface EncoderConfig {
  /** `model_type`, such as "bert". */
  readonly modelType: string;
  /** Width of a hidden state, in elements. */
  readonly hiddenSize: number;
  /** Width of the embeddings, in elements. */
  readonly embeddingSize: number;
  /** How many layers the encoder runs. */
  readonly numHiddenLayers: number;
  /** How many layers have weights of their own: 1 where all share them, else all. */
  readonly numOwnLayers: number;
  /** How many attention heads a layer has; divides `hiddenSize`. */
  readonly numAttentionHeads: number;
  /** Width of the feed-forward layer, in elements. */
  readonly intermediateSize: number;
  /** The feed-forward activation. */
  readonly hiddenAct: HiddenAct;
  /** The epsilon inside the square root of every LayerNorm of the encoder. */
  readonly layerNormEps: number;
  /** Rows of the word table. */
  readonly vocabSize: number;
  /** Rows of the position table. */
  readonly maxPositionEmbeddings: number;
  /** The row of the position table at which a sequence begins. */
  readonly firstPosition: number;
  /** Tokens of the longest sequence: the rows from `firstPosition` on. */
  readonly maxSequenceLength: number;
  /** Rows of the token type table; 0 where there is none. */
  readonly typeVocabSize: number;
  /** Id of the padding token. */
  readonly padTokenId: number;
}

/** Values of `hidden_act` whose arithmetic tinygraft has. */
const ACTIVATIONS: ReadonlyMap<unknown, HiddenAct> = new Map([
  ["gelu", "gelu"],
  ["gelu_python", "gelu"],
  ["gelu_new", "geluTanh"],
  ["gelu_pytorch_tanh", "geluTanh"],
  ["relu", "relu"],
]);

/**
 * The most layers that a config may ask for: far beyond any model, and few enough that a hostile
 * file cannot make the tensor table fill the memory.
 */
export const MAX_LAYERS = 10_000;

function invalid(path: string, what: string): TinygraftError {
  return new TinygraftError(`Cannot use "${path}": ${what}`, { code: "invalid-config", path });
}

/** A positive integer under the first of `keys` that is there, or the fallback. */
function positiveInteger(
  json: Readonly<Record<string, unknown>>,
  { keys, fallback }: ConfigKey,
  path: string,
): number {
  const key = keys.find((each) => json[each] !== undefined) ?? keys[0]!;
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
  const { key, fallback } = findArchitecture(String(json.model_type))?.activationKey ??
    { key: "hidden_act", fallback: "gelu" };
  const activation = json[key] ?? fallback;
  if (!ACTIVATIONS.has(activation)) {
    const known = [...ACTIVATIONS.keys()].map((name) => `"${name}"`).join(", ");
    return `"${key}" is ${JSON.stringify(activation)}, expected one of ${known}: ` +
      "use a model with such an activation";
  }
  const { position_embedding_type = "absolute" } = json;
  if (position_embedding_type !== "absolute") {
    return `"position_embedding_type" is ${JSON.stringify(position_embedding_type)}, expected ` +
      '"absolute": relative positions are not supported';
  }
  for (const setting of ["is_decoder", "add_cross_attention", "is_encoder_decoder"]) {
    if (json[setting] !== true) continue;
    return `"${setting}" is true, expected false: only encoders are supported`;
  }
  for (const setting of ["num_hidden_groups", "inner_group_num"]) {
    if ((json[setting] ?? 1) === 1) continue;
    return `"${setting}" is ${JSON.stringify(json[setting])}, expected 1: layers that share ` +
      "weights must all share the same";
  }
  return undefined;
}

function requireModelType(json: Readonly<Record<string, unknown>>, path: string): string {
  const { model_type } = json;
  if (typeof model_type === "string" && model_type !== "") return model_type;
  const found = model_type === undefined ? "missing" : JSON.stringify(model_type);
  throw invalid(path, `"model_type" is ${found}, expected a string such as "bert"`);
}

/**
 * Finds the architecture that a config.json names.
 *
 * @param json The parsed config.json.
 * @param path The file, for messages.
 * @returns Its table.
 * @throws {TinygraftError} with `invalid-config` when `model_type` is missing or no string,
 * `unsupported-architecture` when it is not known.
 */
export function requireArchitecture(
  json: Readonly<Record<string, unknown>>,
  path: string,
): Architecture {
  const modelType = requireModelType(json, path);
  const architecture = findArchitecture(modelType);
  if (architecture !== undefined) return architecture;
  throw new TinygraftError(
    `Cannot use "${path}": "model_type" is ${quote(modelType)}, expected one of ` +
      `${supportedModelTypes()}: choose a model of such a kind`,
    { code: "unsupported-architecture", path },
  );
}

/**
 * Reads the sizes out of a config.json without judging its settings.
 *
 * @param json The parsed config.json.
 * @param path The file, for messages.
 * @returns The configuration; an unknown activation counts as "gelu".
 * @throws {TinygraftError} with `unsupported-architecture` for an unknown `model_type`,
 * `invalid-config` when a key is missing or not of its kind.
 */
export function parseEncoderSizes(
  json: Readonly<Record<string, unknown>>,
  path: string,
): EncoderConfig {
  const architecture = requireArchitecture(json, path);
  const { configKeys, activationKey, embeddingPaths } = architecture;
  const size = (name: SizeName) => positiveInteger(json, configKeys[name], path);
  const hiddenSize = size("hiddenSize");
  const numHiddenLayers = size("numHiddenLayers");
  const maxPositionEmbeddings = size("maxPositionEmbeddings");
  const padTokenId = readPadTokenId(json, architecture, path);
  const firstPosition = architecture.positionsAfterPadding ? padTokenId + 1 : 0;
  const optional = (key: string, fallback: number) =>
    positiveInteger(json, { keys: [key], fallback }, path);
  const config: EncoderConfig = {
    modelType: architecture.modelType,
    hiddenSize,
    embeddingSize: embeddingPaths.projection === undefined
      ? hiddenSize
      : optional("embedding_size", architecture.embeddingSize ?? hiddenSize),
    numHiddenLayers,
    numOwnLayers: architecture.sharedLayers ? 1 : numHiddenLayers,
    numAttentionHeads: size("numAttentionHeads"),
    intermediateSize: size("intermediateSize"),
    hiddenAct: ACTIVATIONS.get(json[activationKey.key] ?? activationKey.fallback) ?? "gelu",
    layerNormEps: readLayerNormEps(json, path),
    vocabSize: size("vocabSize"),
    maxPositionEmbeddings,
    firstPosition,
    maxSequenceLength: maxPositionEmbeddings - firstPosition,
    typeVocabSize: embeddingPaths.types === undefined ? 0 : optional("type_vocab_size", 2),
    padTokenId,
  };
  checkSizes(config, configKeys, path);
  return config;
}

function readLayerNormEps(json: Readonly<Record<string, unknown>>, path: string): number {
  const { layer_norm_eps = 1e-12 } = json;
  if (typeof layer_norm_eps === "number" && layer_norm_eps > 0 && layer_norm_eps < 1) {
    return layer_norm_eps;
  }
  throw invalid(
    path,
    `"layer_norm_eps" is ${JSON.stringify(layer_norm_eps)}, expected a number between 0 and 1`,
  );
}

function readPadTokenId(
  json: Readonly<Record<string, unknown>>,
  architecture: Architecture,
  path: string,
): number {
  const padTokenId = json.pad_token_id ?? architecture.padTokenId;
  if (Number.isSafeInteger(padTokenId) && (padTokenId as number) >= 0) return padTokenId as number;
  throw invalid(path, `"pad_token_id" is ${JSON.stringify(padTokenId)}, expected an integer >= 0`);
}

/** Checks the sizes against each other; messages name the keys as the file spells them. */
function checkSizes(
  config: EncoderConfig,
  keys: Readonly<Record<SizeName, ConfigKey>>,
  path: string,
): void {
  const { hiddenSize, numAttentionHeads, numHiddenLayers } = config;
  const key = (name: SizeName) => `"${keys[name].keys[0]}"`;
  if (numHiddenLayers > MAX_LAYERS) {
    throw invalid(
      path,
      `${key("numHiddenLayers")} is ${numHiddenLayers}, expected at most ${MAX_LAYERS}`,
    );
  }
  if (hiddenSize % numAttentionHeads !== 0) {
    throw invalid(
      path,
      `${key("hiddenSize")} is ${hiddenSize}, expected a multiple of ` +
        `${key("numAttentionHeads")}, which is ${numAttentionHeads}`,
    );
  }
  if (config.maxSequenceLength < 1) {
    throw invalid(
      path,
      `${key("maxPositionEmbeddings")} is ${config.maxPositionEmbeddings}, expected more than ` +
        `${config.firstPosition}, the position of the first token`,
    );
  }
}

/**
 * Reads an encoder's config.json.
 *
 * Keys that the transformers library lets default are optional here too: `hidden_act` (for BERT
 * "gelu"), `layer_norm_eps` (1e-12), `type_vocab_size` (2), `pad_token_id` (for BERT 0) and
 * `position_embedding_type` ("absolute"). Sizes are not: they must match the tensors. DistilBERT's
 * own spellings of the keys are read for that architecture.
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
 * @throws {TinygraftError} with `unsupported-architecture` for an unknown `model_type`,
 * `invalid-config` when a key is missing, not of its kind, or asks for arithmetic that tinygraft
 * does not have.
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
