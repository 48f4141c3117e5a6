/**
 * An adapter inside a full checkpoint: where its config is recorded and what its tensors are called.
 *
 * @module
 */

import type { Checkpoint, TensorEntry } from "../checkpoint/open.ts";
import { contentHash } from "../checkpoint/hash.ts";
import { placeOf } from "../checkpoint/place.ts";
import { findAdapterPlace } from "../model/adapter_places.ts";
import type { ResolvedModel } from "../model/resolve.ts";
import type { TensorInfo } from "../tensor/shape.ts";
import type { AdapterConfig } from "./config.ts";
import { parseObject, stringifySorted } from "./json_text.ts";
import { CLASSIFIER_TENSORS, unknownBase } from "./tensors.ts";

/** Key of `__metadata__` under which the adapter's config stands as JSON text. */
export const CONFIG_METADATA_KEY = "tinygraft_adapter_config";

/** Key of config.json under which the adapter's config stands as an object. */
export const CONFIG_JSON_KEY = "tiny_attention";

/** The record of an adapter's config in a checkpoint. */
export interface EmbeddedConfig {
  /** The text of `adapter_config.json`, exactly as it was injected where that is known. */
  readonly text: string;
  /** Its parsed content. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Where it was found, for messages. */
  readonly path: string;
}

/**
 * Finds the record of an adapter's config: in the metadata of the files, which stay with the
 * tensors, else in config.json.
 *
 * @param checkpoint An open checkpoint.
 * @returns The record; `undefined` where the checkpoint carries no adapter.
 * @throws {TinygraftError} with code `invalid-json` or `duplicate-key` when it is no JSON object.
 */
export function findEmbeddedConfig(checkpoint: Checkpoint): EmbeddedConfig | undefined {
  for (const { path, header } of checkpoint.files) {
    const text = header.metadata.get(CONFIG_METADATA_KEY);
    if (text !== undefined) {
      return { text, json: parseObject(text, path, CONFIG_METADATA_KEY), path };
    }
  }
  const json = checkpoint.config?.[CONFIG_JSON_KEY];
  if (json === undefined) return undefined;
  const path = placeOf(checkpoint).path("config.json");
  const text = `${stringifySorted(json)}\n`;
  return { text, json: parseObject(text, path, CONFIG_JSON_KEY), path };
}

/**
 * Names an adapter's tensor as it is called inside a checkpoint.
 *
 * @param name The relative name, such as `encoder.layer.0.tiny_attn.norm.weight`.
 * @param prefix What stands before the encoder's names in the checkpoint, such as `bert.`.
 * @returns The name; the classifier never has a prefix.
 */
export function embeddedName(name: string, prefix: string): string {
  return CLASSIFIER_TENSORS.some((tensor) => tensor.name === name) ? name : prefix + name;
}

/**
 * Lists the tensors in a checkpoint that belong to the adapter it carries: those of the modules,
 * known by their path, and the classifier's.
 *
 * @param checkpoint An open checkpoint.
 * @param model What the checkpoint was recognised as.
 * @returns Relative name to name in the checkpoint; empty where it carries no adapter.
 */
export function embeddedAdapterTensors(
  checkpoint: Checkpoint,
  model: ResolvedModel,
): ReadonlyMap<string, string> {
  if (findEmbeddedConfig(checkpoint) === undefined) return new Map();
  return tensorsBelow(checkpoint.tensors, model.prefix, model.architecture.adapterPath);
}

function tensorsBelow(
  tensors: ReadonlyMap<string, TensorInfo>,
  prefix: string,
  adapterPath: string,
): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of tensors.keys()) {
    const relative = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    if (isModuleTensor(relative, adapterPath)) names.set(relative, name);
  }
  for (const { name } of CLASSIFIER_TENSORS) if (tensors.has(name)) names.set(name, name);
  return names;
}

/**
 * Finds a tensor that stands where a tiny-attention module would, recorded or not.
 *
 * @param checkpoint An open checkpoint.
 * @param model What it was recognised as.
 * @returns The first such name in the checkpoint, if there is one.
 */
export function findModuleTensor(checkpoint: Checkpoint, model: ResolvedModel): string | undefined {
  const { prefix, architecture } = model;
  return [...checkpoint.tensors.keys()].find((name) =>
    name.startsWith(prefix) && isModuleTensor(name.slice(prefix.length), architecture.adapterPath)
  );
}

/** Whether a relative name stands below the module of some layer, whatever the layer. */
function isModuleTensor(name: string, adapterPath: string): boolean {
  const [before = "", after = ""] = adapterPath.split("{layer}");
  if (!name.startsWith(before)) return false;
  return name.slice(before.length).replace(/^\d+/, "").startsWith(`${after}.`);
}

/**
 * Finds the adapter's tensors without the base's config.json: the prefix is the one under which
 * its tensors are found.
 *
 * @param checkpoint A checkpoint that carries an adapter.
 * @param config The adapter's config.
 * @returns The tensors by relative name, in the checkpoint's order.
 */
export function locateAdapterTensors(
  checkpoint: Checkpoint,
  config: AdapterConfig,
): Map<string, TensorEntry> {
  const place = findAdapterPlace(config.baseModelType);
  if (place === undefined) throw unknownBase(config);
  const { prefixes, adapterPath } = place;
  const all = [...checkpoint.tensors.keys()];
  const prefix = prefixes.find((each) =>
    all.some((name) =>
      name.startsWith(each) && isModuleTensor(name.slice(each.length), adapterPath)
    )
  );
  const names = tensorsBelow(checkpoint.tensors, prefix ?? "", adapterPath);
  const entries = new Map<string, TensorEntry>();
  for (const [relative, name] of names) {
    const entry = checkpoint.tensors.get(name);
    if (entry !== undefined) entries.set(relative, entry);
  }
  return entries;
}

/**
 * Hashes the base's tensor content: that of the checkpoint, without the adapter that it may carry.
 *
 * @param checkpoint An open checkpoint.
 * @param model What it was recognised as.
 * @returns The content hash, 64 hexadecimal digits; reads every byte of the tensors.
 */
export function baseContentHash(checkpoint: Checkpoint, model: ResolvedModel): Promise<string> {
  const adapter = new Set(embeddedAdapterTensors(checkpoint, model).values());
  return contentHash(
    [...checkpoint.tensors].filter(([name]) => !adapter.has(name))
      .map(([name, entry]) => ({ name, entry })),
  );
}
