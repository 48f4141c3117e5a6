/**
 * File names of checkpoint folders: which are weights, which belong to them, which are strangers.
 *
 * @module
 */

/** Name of the weights in a model's folder. */
export const MODEL_WEIGHTS = "model.safetensors";
/** Name of a model's configuration. */
export const MODEL_CONFIG = "config.json";

const WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|ot|gguf|onnx)$/;
const INDEX = /\.(safetensors|bin)\.index\.json$/;
/** Files that tinygraft and the model libraries around it write beside weights. */
const KNOWN = new Set([
  MODEL_CONFIG,
  "adapter_config.json",
  "added_tokens.json",
  "chat_template.jinja",
  "config_sentence_transformers.json",
  "generation_config.json",
  "merges.txt",
  "modules.json",
  "preprocessor_config.json",
  "sentence_bert_config.json",
  "sentencepiece.bpe.model",
  "special_tokens_map.json",
  "spiece.model",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
  "vocab.json",
  "vocab.txt",
]);
/**
 * Names the index of a sharded checkpoint.
 *
 * @param weights Name of the unsharded file, such as "model.safetensors".
 * @returns For example "model.safetensors.index.json".
 */
export function indexName(weights: string): string {
  return `${weights}.index.json`;
}

/**
 * Names one shard, in the form of the transformers library.
 *
 * @param weights Name of the unsharded file, such as "model.safetensors".
 * @param shard The shard's number, from 1.
 * @param count How many shards there are.
 * @returns For example "model-00001-of-00003.safetensors".
 */
export function shardName(weights: string, shard: number, count: number): string {
  const digits = (value: number) => String(value).padStart(5, "0");
  return `${weights.replace(/\.safetensors$/, "")}-${digits(shard)}-of-${
    digits(count)
  }.safetensors`;
}

/**
 * Tells whether a name is that of a shard of these weights.
 *
 * @param name A file name.
 * @param weights Name of the unsharded file.
 * @returns Whether it has the form "model-00001-of-00003.safetensors".
 */
export function isShardName(name: string, weights: string): boolean {
  const stem = weights.replace(/\.safetensors$/, "");
  return name.startsWith(`${stem}-`) &&
    /^\d+-of-\d+\.safetensors$/.test(name.slice(stem.length + 1));
}

/**
 * Tells whether a file holds weights, of any format, or is an index of such files.
 *
 * @param name A file name or path.
 */
export function isWeights(name: string): boolean {
  return WEIGHTS.test(name) || INDEX.test(name);
}

/**
 * Tells whether a file of a checkpoint's folder is carried over to a changed copy of it.
 *
 * Weights of any format are not: they would hold the old tensors beside the new.
 *
 * @param name A file name.
 * @returns False for weights, their indices and hidden files, which include unfinished outputs.
 */
export function isCompanion(name: string): boolean {
  return !name.startsWith(".") && !isWeights(name);
}

/**
 * Tells whether a name is one that checkpoint and adapter folders commonly have, so that `--force`
 * may replace it.
 *
 * @param name A file or folder name.
 * @returns False for strangers, and for papers such as README.md: people write those by hand.
 */
export function isKnownName(name: string): boolean {
  return name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json") ||
    KNOWN.has(name);
}
