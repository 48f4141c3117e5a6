/**
 * What base an adapter of another layout is for: by what was said, by the base itself, by the
 * config.json beside the weights, or by the names of the modules.
 *
 * @module
 */

import { parseAdapterConfig } from "../adapter/config.ts";
import { findEmbeddedConfig, locateAdapterTensors } from "../adapter/embedded.ts";
import { contentHash } from "../checkpoint/hash.ts";
import { type Checkpoint, readTensor, type TensorEntry } from "../checkpoint/open.ts";
import { TinygraftError, UsageError } from "../errors.ts";
import {
  adapterModelTypes,
  type AdapterPlace,
  adapterPlaces,
  findAdapterPlace,
} from "../model/adapter_places.ts";
import { MAX_LAYERS } from "../model/config.ts";
import { quote } from "../tensor/quote.ts";
import { formatShape } from "../tensor/shape.ts";
import type { FoundAdapter } from "./find.ts";
import { parentOf } from "./sites.ts";

/** What is said about the base beside the adapter's own tensors. */
export interface BaseStatement {
  /** Its type, such as "roberta". */
  readonly modelType?: string;
  /** How many layers it has. */
  readonly numHiddenLayers?: number;
  /** The base itself, open. */
  readonly checkpoint?: Checkpoint;
}

/** What base an adapter is for. */
export interface BaseFacts {
  /** Its type, of which the place of its modules is known. */
  readonly place: AdapterPlace;
  /** How many layers it has. */
  readonly numHiddenLayers: number;
  /** What stands before the base's own prefix in the adapter's file, such as `module.`. */
  readonly wrapper: string;
  /** What people should know about how the facts were found. */
  readonly notes: readonly string[];
}

/** The key of a file's metadata that tells how many layers share a module, as export writes it. */
export const LAYERS_KEY = "num_hidden_layers";

/** Other spellings of the sizes in config.json: DistilBERT's, GPT-2's. */
const SIZE_KEYS = {
  hiddenSize: ["hidden_size", "dim", "n_embd", "d_model"],
  numHiddenLayers: ["num_hidden_layers", "n_layers", "n_layer"],
} as const;

/**
 * Finds out what base an adapter is for.
 *
 * @param found The adapter.
 * @param input Its checkpoint, for the config.json beside it.
 * @param said What the caller says.
 * @returns The base's type and layer count.
 * @throws {UsageError} where neither the caller nor any file nor the names tell.
 * @throws {TinygraftError} with code `unsupported-architecture` for a type without a place for
 * modules, `adapter-mismatch` where the adapter's tensors and the base disagree.
 */
export function findBase(
  found: FoundAdapter,
  input: Checkpoint,
  said: BaseStatement,
): BaseFacts {
  const base = said.checkpoint;
  const candidates = placesOf(found);
  const stated = said.modelType ?? typeOf(base?.config) ?? typeOf(input.config);
  const place = stated === undefined ? chooseOf(candidates, input) : requirePlace(stated, input);
  if (!place.adapterPath.includes("{layer}") !== found.isShared) {
    const modules = found.isShared ? "one module for all layers" : "a module in each layer";
    throw mismatch(input, `it has ${modules}`, `what a base of type ${quote(place.modelType)} has`);
  }
  const config = base?.config ?? input.config;
  const hidden = sizeOf(config, "hiddenSize") ?? found.hiddenSize;
  if (hidden !== found.hiddenSize) {
    throw mismatch(input, `its hidden size is ${found.hiddenSize}`, `the base's ${hidden}`);
  }
  const layers = said.numHiddenLayers ?? sizeOf(config, "numHiddenLayers");
  const numHiddenLayers = found.isShared ? requireLayers(layers, input) : found.layers.length;
  if (numHiddenLayers > MAX_LAYERS) {
    throw mismatch(input, `it has ${numHiddenLayers} layers`, `at most ${MAX_LAYERS}`);
  }
  if (layers !== undefined && layers !== numHiddenLayers) {
    throw mismatch(input, `it has modules in ${numHiddenLayers} layers`, `the base's ${layers}`);
  }
  const notes = stated === undefined && candidates.length > 1
    ? [
      `the base is taken for ${quote(place.modelType)} by the names of the modules, though ` +
      `${candidates.slice(1).map(({ modelType }) => quote(modelType)).join(", ")} has the same`,
    ]
    : [];
  return { place, numHiddenLayers, wrapper: wrapperOf(found, place), notes };
}

/** The places that the modules' names fit, those with the longest prefix only. */
function placesOf({ stem }: FoundAdapter): AdapterPlace[] {
  let longest = -1;
  let places: AdapterPlace[] = [];
  for (const place of adapterPlaces()) {
    for (const prefix of place.prefixes) {
      if (!endsWithPath(stem, prefix + parentOf(place.adapterPath))) continue;
      if (prefix.length > longest) [longest, places] = [prefix.length, []];
      if (prefix.length === longest) places.push(place);
    }
  }
  return places;
}

function endsWithPath(stem: string, path: string): boolean {
  return stem === path || stem.endsWith(`.${path}`);
}

/** Several types share a model's own prefix only where one is made after the other. */
function chooseOf(candidates: readonly AdapterPlace[], input: Checkpoint): AdapterPlace {
  const [first, ...others] = candidates;
  const isPrefixed = first?.prefixes.some((prefix) =>
    prefix !== "" && others.every(({ prefixes }) => prefixes.includes(prefix))
  );
  if (first !== undefined && (others.length === 0 || isPrefixed)) return first;
  throw new UsageError(
    `Cannot tell what base ${quote(input.location)} is for: the names of its modules fit ` +
      `${
        candidates.map(({ modelType }) => quote(modelType)).join(", ") || "no known type"
      }: give ` +
      "--base, or --base-type with one of " + adapterModelTypes(),
    { path: input.location },
  );
}

function requirePlace(modelType: string, input: Checkpoint): AdapterPlace {
  const place = findAdapterPlace(modelType);
  if (place !== undefined) return place;
  throw new TinygraftError(
    `Cannot import ${quote(input.location)}: its base is of type ${quote(modelType)}, expected ` +
      `one of ${adapterModelTypes()}`,
    { code: "unsupported-architecture", path: input.location },
  );
}

function requireLayers(said: number | undefined, input: Checkpoint): number {
  const recorded = Number(input.metadata.get(LAYERS_KEY));
  const layers = said ?? (Number.isInteger(recorded) && recorded >= 1 ? recorded : undefined);
  if (layers !== undefined) return layers;
  throw new UsageError(
    `Cannot tell how many layers share the module of ${quote(input.location)}: its tensors do ` +
      "not say: give --base or --layers",
    { path: input.location },
  );
}

function mismatch({ location }: Checkpoint, found: string, expected: string): TinygraftError {
  return new TinygraftError(
    `Cannot import ${quote(location)}: ${found}, expected ${expected}: name the right base`,
    { code: "adapter-mismatch", path: location },
  );
}

/** What stands before the model's own prefix: data-parallel training adds `module.`. */
function wrapperOf({ stem }: FoundAdapter, place: AdapterPlace): string {
  const paths = place.prefixes.map((prefix) => prefix + parentOf(place.adapterPath))
    .filter((path) => endsWithPath(stem, path));
  const longest = paths.reduce((a, b) => b.length > a.length ? b : a, "");
  return longest === "" ? "" : stem.slice(0, stem.length - longest.length);
}

function typeOf(config: Checkpoint["config"]): string | undefined {
  const type = config?.model_type;
  return typeof type === "string" && type !== "" ? type : undefined;
}

function sizeOf(config: Checkpoint["config"], size: keyof typeof SIZE_KEYS): number | undefined {
  const values = SIZE_KEYS[size].map((key) => config?.[key]);
  return values.find((value): value is number => Number.isSafeInteger(value) && Number(value) > 0);
}

/**
 * Hashes a base's tensor content, whatever its architecture.
 *
 * @param base The open base.
 * @returns The content hash without the adapter that it may carry, 64 hexadecimal digits.
 */
export function hashOfBase(base: Checkpoint): Promise<string> {
  const own = ownTensors(base).map(([name, entry]) => ({ name, entry }));
  return contentHash(own);
}

function ownTensors(base: Checkpoint): [name: string, entry: TensorEntry][] {
  const found = findEmbeddedConfig(base);
  const config = found && parseAdapterConfig(found.json, found.path);
  const adapter = new Set(
    config === undefined ? [] : [...locateAdapterTensors(base, config).values()],
  );
  return [...base.tensors].filter(([, entry]) => !adapter.has(entry));
}

/**
 * Finds the tensors of a base that a full checkpoint has with other content: training has moved
 * them, and an adapter alone does not bring that along.
 *
 * @param input The full checkpoint.
 * @param base The base, open.
 * @param facts What base it is.
 * @returns Their names in the input; tensors that the input lacks are not looked at.
 */
export async function changedTensors(
  input: Checkpoint,
  base: Checkpoint,
  { place, wrapper }: BaseFacts,
): Promise<string[]> {
  const bare = (name: string) =>
    place.prefixes.filter((prefix) => prefix !== "" && name.startsWith(prefix))
      .reduce((rest, prefix) => rest.slice(prefix.length), name);
  const inputs = new Map(
    [...input.tensors].filter(([name]) => name.startsWith(wrapper))
      .map(([name, entry]) => [bare(name.slice(wrapper.length)), entry]),
  );
  const changed: string[] = [];
  for (const [name, entry] of ownTensors(base)) {
    const other = inputs.get(bare(name));
    if (other !== undefined && !await isEqual(entry, other)) changed.push(other.name);
  }
  return changed;
}

async function isEqual(one: TensorEntry, other: TensorEntry): Promise<boolean> {
  if (one.dtype !== other.dtype || formatShape(one.shape) !== formatShape(other.shape)) {
    return false;
  }
  const [a, b] = [await readTensor(one), await readTensor(other)];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
