/**
 * Every fault of an adapter: its config, and its tensors against the config.
 *
 * @module
 */

import {
  type Checkpoint,
  openCheckpoint,
  type OpenOptions,
  type TensorEntry,
} from "../checkpoint/open.ts";
import type { Place, PlaceOptions } from "../checkpoint/place.ts";
import type { FileFindings } from "../checkpoint/validate.ts";
import { InterruptedError, TinygraftError, UsageError } from "../errors.ts";
import { resolveModel } from "../model/resolve.ts";
import type { Finding } from "../safetensors/header.ts";
import { type AdapterConfig, checkAdapterConfig, unknownKeys } from "./config.ts";
import {
  CONFIG_JSON_KEY,
  CONFIG_METADATA_KEY,
  type EmbeddedConfig,
  findEmbeddedConfig,
  locateAdapterTensors,
} from "./embedded.ts";
import { parseObject, stringifySorted } from "./json_text.ts";
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  checkFits,
  findAdapterFolder,
  hasClassifier,
} from "./open.ts";
import { adapterTensors, compareTensors } from "./tensors.ts";

/**
 * Lists every fault of the adapter at a location: keys of its config, and tensors that are
 * missing, of another shape or dtype, or unknown. What the weights files' own format gets wrong
 * is not looked for here.
 *
 * @param location An adapter folder, or a checkpoint that may carry an adapter: a path or an
 *   address.
 * @param options How servers are reached.
 * @returns Findings of the file that holds the config; empty where there is no adapter.
 */
export async function validateAdapter(
  location: string,
  options: PlaceOptions = {},
): Promise<FileFindings[]> {
  const folder = await findAdapterFolder(location, options);
  if (folder !== undefined) return [await validateFolder(folder, location, options)];
  const checkpoint = await openIfSound(location, options);
  if (checkpoint === undefined) return [];
  using _closing = checkpoint;
  return validateEmbedded(checkpoint);
}

/** A checkpoint that cannot be opened has faults of its own, which are not the adapter's. */
async function openIfSound(
  location: string,
  options: OpenOptions,
): Promise<Checkpoint | undefined> {
  try {
    return await openCheckpoint(location, options);
  } catch (error) {
    assertFault(error);
    return undefined;
  }
}

async function validateFolder(
  place: Place,
  location: string,
  options: PlaceOptions,
): Promise<FileFindings> {
  const path = place.path(ADAPTER_CONFIG);
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const json = await attempt(
    faults,
    async () => parseObject(await place.readText(ADAPTER_CONFIG), path, ADAPTER_CONFIG),
  );
  const config = json && checkConfig(json, path, faults, warnings);
  if (!await place.has(ADAPTER_WEIGHTS)) {
    faults.push({
      code: "not-found",
      message: `Cannot use "${place.folder}" as an adapter: there is no ${ADAPTER_WEIGHTS}`,
    });
  }
  const checkpoint = await openIfSound(location, { ...options, weights: ADAPTER_WEIGHTS });
  if (checkpoint === undefined) return { path, faults, warnings };
  using _closing = checkpoint;
  if (config !== undefined) {
    const { tensors } = checkpoint;
    const withoutClassifier = !hasClassifier(tensors);
    if (withoutClassifier) warnings.push(noClassifier(place.folder));
    const checked = { tensors, location: place.folder, withoutClassifier };
    await attempt(faults, () => checkTensors(config, checked, faults));
  }
  return { path, faults, warnings };
}

async function validateEmbedded(checkpoint: Checkpoint): Promise<FileFindings[]> {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const { location } = checkpoint;
  const found = await attempt(faults, () => findEmbeddedConfig(checkpoint));
  if (found === undefined) {
    return faults.length > 0 ? [{ path: location, faults, warnings }] : [];
  }
  const config = checkConfig(found.json, found.path, faults, warnings);
  checkRecords(checkpoint, found, faults);
  if (config !== undefined) {
    await attempt(faults, () => {
      const tensors = locateAdapterTensors(checkpoint, config);
      checkTensors(config, { tensors, location, withoutClassifier: false }, faults);
    });
    checkModelFits(checkpoint, config, faults);
  }
  return [{ path: found.path, faults, warnings }];
}

/** Runs one check; an error that it throws becomes a fault. */
async function attempt<T>(faults: Finding[], check: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await check();
  } catch (error) {
    const { code, message, tensor } = assertFault(error);
    faults.push({ code, message, ...tensor === undefined ? {} : { tensor } });
    return undefined;
  }
}

/** Lets faults of what is checked pass; an interruption or a wrong call ends the check. */
function assertFault(error: unknown): TinygraftError {
  const isFault = error instanceof TinygraftError && !(error instanceof UsageError) &&
    !(error instanceof InterruptedError);
  if (!isFault) throw error;
  return error;
}

function checkConfig(
  json: Readonly<Record<string, unknown>>,
  path: string,
  faults: Finding[],
  warnings: Finding[],
): AdapterConfig | undefined {
  const checked = checkAdapterConfig(json, path);
  // A sound adapter of PEFT or AdapterHub is no fault, only nothing of ours.
  (json["adapter_type"] === undefined && checked.faults[0]?.code === "not-an-adapter"
    ? warnings
    : faults).push(...checked.faults);
  const unknown = checked.config === undefined ? [] : unknownKeys(checked.config);
  if (unknown.length > 0) {
    const message = `"${path}" has keys that tinygraft does not know: ${unknown.join(", ")}; ` +
      "they are kept as they are";
    warnings.push({ code: "unknown-config-key", message });
  }
  return checked.config;
}

function checkTensors(
  config: AdapterConfig,
  { tensors, location, withoutClassifier }: {
    readonly tensors: ReadonlyMap<string, TensorEntry>;
    readonly location: string;
    readonly withoutClassifier: boolean;
  },
  faults: Finding[],
): void {
  const { task } = config;
  const rows = tensors.get("classifier.weight")?.shape[0] ?? 1;
  const outputs = task.type === "regression" ? 1 : task.labels?.length ?? rows;
  const specs = adapterTensors(config, withoutClassifier ? 0 : outputs);
  for (const fault of compareTensors(specs, tensors)) {
    faults.push({ ...fault, message: `Cannot use the adapter in "${location}": ${fault.message}` });
  }
}

/** Such an adapter is whole for some uses: it is no fault. */
function noClassifier(location: string): Finding {
  return {
    code: "missing-tensor",
    message:
      `The adapter in "${location}" has no classifier: it runs only on a head of the base, ` +
      "with --head base or --cloze",
    tensor: "classifier.weight",
  };
}

/** The metadata of the tensors' file and config.json hold the same config, or one of them is old. */
function checkRecords(
  checkpoint: Checkpoint,
  { json, path }: EmbeddedConfig,
  faults: Finding[],
): void {
  const inConfig = checkpoint.config?.[CONFIG_JSON_KEY];
  if (inConfig === undefined || stringifySorted(inConfig) === stringifySorted(json)) return;
  faults.push({
    code: "metadata-conflict",
    message: `Cannot tell which adapter "${checkpoint.location}" carries: ${CONFIG_JSON_KEY} in ` +
      `config.json differs from ${CONFIG_METADATA_KEY} in "${path}", which is the one used`,
  });
}

/** What is wrong with the base itself is reported by the check of the base. */
function checkModelFits(checkpoint: Checkpoint, config: AdapterConfig, faults: Finding[]): void {
  if (checkpoint.config === undefined) return;
  const { location } = checkpoint;
  let model;
  try {
    model = resolveModel(checkpoint.config, checkpoint.tensors, location);
  } catch (error) {
    if (error instanceof TinygraftError) return;
    throw error;
  }
  try {
    checkFits({ config, location }, model, undefined, { force: false, basePath: location });
  } catch (error) {
    if (!(error instanceof TinygraftError)) throw error;
    faults.push({ code: error.code, message: error.message });
  }
}
