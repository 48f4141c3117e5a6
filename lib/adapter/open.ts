/**
 * Opening an adapter: from its own folder, or from a checkpoint that carries it.
 *
 * @module
 */

import { contentHash } from "../checkpoint/hash.ts";
import { type Checkpoint, openCheckpoint, type TensorEntry } from "../checkpoint/open.ts";
import { type Place, placeAt, type PlaceOptions } from "../checkpoint/place.ts";
import { FileSource } from "../checkpoint/sources.ts";
import { TinygraftError } from "../errors.ts";
import type { ResolvedModel } from "../model/resolve.ts";
import { quote } from "../tensor/quote.ts";
import { type AdapterConfig, numLabels, parseAdapterConfig, unknownKeys } from "./config.ts";
import { findEmbeddedConfig, locateAdapterTensors } from "./embedded.ts";
import { parseObject } from "./json_text.ts";
import { adapterTensors, CLASSIFIER_TENSORS, compareTensors } from "./tensors.ts";

/** The weights of an adapter folder. */
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** The config of an adapter folder. */
export const ADAPTER_CONFIG = "adapter_config.json";

/** An open adapter whose tensors are those that its config asks for; dispose it to close it. */
export interface Adapter extends Disposable {
  /** What kind of adapter it is. */
  readonly config: AdapterConfig;
  /** The text of `adapter_config.json`, exactly as it was found. */
  readonly configText: string;
  /** Rows of the classifier; 0 where there is none. */
  readonly numLabels: number;
  /** Where it was opened. */
  readonly location: string;
  /** Its tensors by relative name, such as `encoder.layer.0.tiny_attn.norm.weight`. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Every file that it is read from. */
  readonly inputs: readonly string[];
  /** The open files, for the check that they did not change. */
  readonly sources: readonly FileSource[];
  /** Whether it was read out of a checkpoint that carries it. */
  readonly embedded: boolean;
  /** Hashes its tensors under their relative names: 64 hexadecimal digits. */
  contentHash(): Promise<string>;
  /** Closes its files; may be called twice. */
  close(): void;
}

/** How an adapter is opened. */
export interface OpenAdapterOptions extends PlaceOptions {
  /**
   * Whether an adapter without a classifier is accepted: one that is run with a head of the base's.
   * `false` when left out.
   */
  readonly withoutClassifier?: boolean | undefined;
}

/**
 * Opens an adapter.
 *
 * @param location An adapter folder, its `adapter_model.safetensors`, or a checkpoint (file or
 *   folder) that carries an adapter: a path or an address.
 * @param options How servers are reached, and whether it may be without a classifier.
 * @returns The open adapter; the caller disposes it.
 * @throws {TinygraftError} with code `not-an-adapter`, `invalid-adapter-config`,
 *   `unsupported-format-version`, `unsupported-architecture`, `missing-tensor`,
 *   `unexpected-tensor`, `shape-mismatch`, `label-mismatch` or `unsupported-dtype`, else the
 *   codes of `openCheckpoint`.
 *
 * @example A folder that holds no adapter is refused
 * ```ts
 * import { openAdapter, TinygraftError } from "tinygraft";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => openAdapter("no/such/folder"), TinygraftError);
 * ```
 */
export async function openAdapter(
  location: string,
  options: OpenAdapterOptions = {},
): Promise<Adapter> {
  const folder = await findAdapterFolder(location, options);
  if (folder !== undefined) return await openFolder(location, folder, options);
  const checkpoint = await openOrRefuse(location, options);
  try {
    const adapter = embeddedAdapter(checkpoint, options);
    if (adapter !== undefined) return adapter;
    throw new TinygraftError(
      `Cannot open "${checkpoint.location}" as an adapter: it is a checkpoint that carries none, ` +
        `expected a folder with ${ADAPTER_CONFIG} or the output of inject`,
      { code: "not-an-adapter", path: checkpoint.location },
    );
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/**
 * Finds the adapter folder that a location means.
 *
 * @param location A folder, or its `adapter_model.safetensors`: a path or an address.
 * @param options How servers are reached.
 * @returns The folder's place; `undefined` where there is no `adapter_config.json`.
 */
export async function findAdapterFolder(
  location: string,
  options: PlaceOptions = {},
): Promise<Place | undefined> {
  const place = placeAt(location, options);
  if (place === undefined) return undefined;
  const { file } = place;
  if (file !== undefined && file !== ADAPTER_WEIGHTS) return undefined;
  return await place.has(ADAPTER_CONFIG) ? place : undefined;
}

async function openFolder(
  location: string,
  place: Place,
  options: OpenAdapterOptions,
): Promise<Adapter> {
  const path = place.path(ADAPTER_CONFIG);
  const configText = await place.readText(ADAPTER_CONFIG);
  const config = parseAdapterConfig(parseObject(configText, path, ADAPTER_CONFIG), path);
  const checkpoint = await openCheckpoint(location, { ...options, weights: ADAPTER_WEIGHTS });
  try {
    const configs = { config, configText };
    const { tensors } = checkpoint;
    const accepted = options.withoutClassifier === true && !hasClassifier(tensors);
    return makeAdapter(checkpoint, place.location, configs, tensors, {
      configPath: path,
      withoutClassifier: accepted,
    });
  } catch (error) {
    checkpoint.close();
    throw error;
  }
}

/** Files of an AdapterHub adapter, whose folder may lack a config. */
const ADAPTER_HUB_FILES = ["adapter.safetensors", "pytorch_adapter.bin", "head_config.json"];

async function openOrRefuse(location: string, options: PlaceOptions): Promise<Checkpoint> {
  try {
    return await openCheckpoint(location, options);
  } catch (error) {
    const none = error instanceof TinygraftError && error.code === "not-a-checkpoint";
    if (!none) throw error;
    const place = placeAt(location, options);
    const names = await place?.list() ?? [];
    // A folder for Python has no config beside the weights; they carry it.
    const isPlain = names.includes(ADAPTER_WEIGHTS) && place?.file === undefined;
    if (isPlain) return await openCheckpoint(location, { ...options, weights: ADAPTER_WEIGHTS });
    const path = place?.location ?? location;
    const isHub = ADAPTER_HUB_FILES.some((name) => names.includes(name));
    const found = isHub ? "it is an AdapterHub adapter" : "it holds no adapter and no checkpoint";
    throw new TinygraftError(
      `Cannot open "${path}" as an adapter: ${found}, expected a folder with ` +
        `${ADAPTER_CONFIG} or the output of inject`,
      { code: "not-an-adapter", path, cause: error },
    );
  }
}

/**
 * Opens the adapter that an open checkpoint carries.
 *
 * @param checkpoint The checkpoint; disposing the adapter closes it.
 * @param options Whether it may be without a classifier.
 * @returns The adapter; `undefined` where the checkpoint carries none.
 * @throws {TinygraftError} as {@linkcode openAdapter} for an adapter that is not whole.
 */
export function embeddedAdapter(
  checkpoint: Checkpoint,
  { withoutClassifier = false }: Pick<OpenAdapterOptions, "withoutClassifier"> = {},
): Adapter | undefined {
  const found = findEmbeddedConfig(checkpoint);
  if (found === undefined) return undefined;
  const config = parseAdapterConfig(found.json, found.path);
  const tensors = locateAdapterTensors(checkpoint, config);
  const configs = { config, configText: found.text };
  const accepted = withoutClassifier && !hasClassifier(tensors);
  return makeAdapter(checkpoint, checkpoint.location, configs, tensors, {
    withoutClassifier: accepted,
  });
}

function makeAdapter(
  checkpoint: Checkpoint,
  location: string,
  { config, configText }: { config: AdapterConfig; configText: string },
  tensors: ReadonlyMap<string, TensorEntry>,
  { configPath, withoutClassifier = false }: {
    readonly configPath?: string;
    readonly withoutClassifier?: boolean;
  },
): Adapter {
  const labels = withoutClassifier ? 0 : numLabels(config, tensors.get("classifier.weight")?.shape);
  const [fault] = compareTensors(adapterTensors(config, labels), tensors);
  if (fault !== undefined) {
    const remedy = fault.code === "missing-tensor" && !hasClassifier(tensors)
      ? ": an adapter without a classifier runs only on a head of the base, with --head base or " +
        "--cloze"
      : "";
    const message = `Cannot open the adapter "${location}": ${fault.message}${remedy}`;
    throw new TinygraftError(message, { ...fault, path: location });
  }
  const paths = checkpoint.files.map(({ path }) => path);
  return {
    config,
    configText,
    numLabels: labels,
    location,
    tensors,
    inputs: configPath === undefined ? [location, ...paths] : [location, configPath, ...paths],
    sources: fileSources(checkpoint),
    embedded: configPath === undefined,
    contentHash: () => contentHash([...tensors].map(([name, entry]) => ({ name, entry }))),
    close: () => checkpoint.close(),
    [Symbol.dispose]: () => checkpoint.close(),
  };
}

/**
 * Tells whether an adapter has a classifier: half of one counts too, as a fault to be reported.
 *
 * @param tensors The adapter's tensors by relative name.
 * @returns Whether any of the classifier's tensors is there.
 */
export function hasClassifier(tensors: ReadonlyMap<string, unknown>): boolean {
  return CLASSIFIER_TENSORS.some(({ name }) => tensors.has(name));
}

/**
 * Lists the open files of a checkpoint, for a plan's check that no input changed.
 *
 * @param checkpoint An open checkpoint.
 * @returns Its files on disk; the checkpoint goes on owning them.
 */
export function fileSources(checkpoint: Checkpoint): FileSource[] {
  return checkpoint.files.map(({ source }) => source).filter((it) => it instanceof FileSource);
}

/**
 * Checks that an adapter fits a base, before anything is written or run.
 *
 * @param adapter The adapter, or as much of one as is checked.
 * @param model What the base was recognised as.
 * @param baseHash The base's content hash, from `baseContentHash`; `undefined` leaves it unchecked.
 * @param options `force` lets a base of other content pass; `basePath` is for messages.
 * @returns What to warn of when `force` let a base of other content pass.
 * @throws {TinygraftError} with code `adapter-mismatch` when model type, hidden size or layer
 *   count differ, `base-mismatch` when the content does.
 */
export function checkFits(
  adapter: Pick<Adapter, "config"> & { readonly location?: string },
  model: ResolvedModel,
  baseHash: string | undefined,
  options: { readonly force: boolean; readonly basePath: string },
): string | undefined {
  const { config, location } = adapter;
  const name = location === undefined ? "the adapter" : `the adapter "${location}"`;
  const action = `Cannot use ${name} with "${options.basePath}"`;
  const sizes = [
    ["model type", config.baseModelType, model.config.modelType],
    ["hidden size", config.hiddenSize, model.config.hiddenSize],
    ["layer count", config.numHiddenLayers, model.config.numHiddenLayers],
  ] as const;
  for (const [what, found, expected] of sizes) {
    if (found === expected) continue;
    const shown = typeof found === "string" ? quote(found) : found;
    throw new TinygraftError(
      `${action}: it was made for ${what} ${shown}, the base has ${JSON.stringify(expected)}: ` +
        "choose the base that it was made for",
      { code: "adapter-mismatch", path: location },
    );
  }
  const made = config.baseModelSha256;
  if (made === null || baseHash === undefined || made === baseHash) return undefined;
  const found = `it was made for a base with content hash ${made}, this one has ${baseHash}`;
  if (options.force) return `${name} is used with "${options.basePath}" by force: ${found}`;
  if (location === options.basePath) {
    throw new TinygraftError(
      `Cannot use the adapter that "${location}" carries: ${found}, so it was injected by force: ` +
        "accept it with --force",
      { code: "base-mismatch", path: location },
    );
  }
  throw new TinygraftError(
    `${action}: ${found}: choose the base that it was made for, or accept this one with --force`,
    { code: "base-mismatch", path: location },
  );
}

/**
 * What is worth a warning about an adapter that is used: keys of its config that are not known.
 *
 * @param adapter The open adapter.
 * @returns One line each; empty where there is nothing to say.
 */
export function adapterWarnings({ config, location }: Adapter): string[] {
  return unknownKeys(config).map((key) =>
    `the config of "${location}" has the key ${quote(key)}, which is not known and only kept`
  );
}
