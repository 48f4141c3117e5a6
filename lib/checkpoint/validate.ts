/**
 * Finds every fault of a checkpoint: each file's format, the shard index, config.json.
 *
 * @module
 */

import { InterruptedError, TinygraftError } from "../errors.ts";
import { checkModel } from "../model/resolve.ts";
import type { Finding, Header } from "../safetensors/header.ts";
import { checkSource } from "../safetensors/reader.ts";
import { parseShardIndex, type ShardIndex } from "../safetensors/shard_index.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import type { TensorInfo } from "../tensor/shape.ts";
import { checkIndex, checkTotalSize } from "./index_rules.ts";
import { indexName, isShardName, MODEL_CONFIG, MODEL_WEIGHTS } from "./names.ts";
import { unionMetadata } from "./open.ts";
import { type Place, placeAt, type PlaceOptions } from "./place.ts";
import { parseJsonObject } from "./sources.ts";

/** What was found about one file. */
export interface FileFindings {
  /** The file. */
  readonly path: string;
  /** What makes it unusable. */
  readonly faults: readonly Finding[];
  /** What is allowed but should not be. */
  readonly warnings: readonly Finding[];
}

/** A file with its header, where that could be read. */
interface CheckedFile {
  readonly name: string;
  readonly path: string;
  readonly header: Header | undefined;
}

/**
 * Lists every fault and warning of a safetensors file or of a checkpoint's folder.
 *
 * In a folder: the format of each safetensors file, each shard index against its shards, and
 * config.json against the model's tensors. Of a file, only its format. Headers are read, tensor
 * data is not.
 *
 * @example An empty file is no safetensors file
 * ```ts
 * import { validateLocation } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * const { ok, files } = await validateLocation(path);
 * assertEquals(ok, false);
 * assertEquals(files[0]?.faults[0]?.code, "header-too-small");
 * ```
 *
 * @param location A safetensors file, or a folder: a path or an address.
 * @param options How servers are reached.
 * @returns Whether there is no fault, and the findings of each file.
 * @throws {TinygraftError} with `not-found` when nothing is there, `not-a-checkpoint` for a folder
 * without safetensors files.
 */
export async function validateLocation(
  location: string,
  options: PlaceOptions = {},
): Promise<{ ok: boolean; files: FileFindings[] }> {
  const place = placeAt(location, options);
  if (place === undefined) {
    throw new TinygraftError(
      `Cannot validate "${location}": there is no such file or folder: check the path`,
      { code: "not-found", path: location },
    );
  }
  const files = place.file === undefined
    ? await validateFolder(place)
    : [await validateFile(place, place.file)];
  return { ok: files.every(({ faults }) => faults.length === 0), files };
}

/**
 * Lists every fault and warning of one safetensors file's format.
 *
 * @param place Where the file is.
 * @param name The file's name.
 * @returns Its findings; that it cannot be read is one of them.
 */
export async function validateFile(place: Place, name: string): Promise<FileFindings> {
  return (await checkFile(place, name)).findings;
}

async function validateFolder(place: Place): Promise<FileFindings[]> {
  const all = await place.list() ?? await tryNames(place);
  const names = all.filter((name) => !name.startsWith("."));
  const weights = names.filter((name) => name.endsWith(".safetensors"));
  const indices = names.filter((name) => name.endsWith(".safetensors.index.json"));
  if (weights.length + indices.length === 0) {
    throw new TinygraftError(
      `Cannot validate "${place.location}": found no safetensors file, expected ` +
        `"${MODEL_WEIGHTS}" or "${indexName(MODEL_WEIGHTS)}": choose the folder of a checkpoint ` +
        "or adapter",
      { code: "not-a-checkpoint", path: place.location },
    );
  }
  const checked = await Promise.all(weights.map((name) => checkFile(place, name)));
  const findings = checked.map((each) => each.findings);
  const files = checked.map((each) => each.file);
  let model = files.find(({ name }) => name === MODEL_WEIGHTS) ? [MODEL_WEIGHTS] : [];
  for (const name of indices) {
    const report = await validateIndex(place, name, files);
    findings.push(report.findings);
    if (name === indexName(MODEL_WEIGHTS)) model = report.shards;
  }
  if (names.includes(MODEL_CONFIG) && model.length > 0) {
    findings.push(await validateConfig(place, files, model));
  }
  return findings;
}

/** The names that a server's folder has, of those that a checkpoint can have. */
async function tryNames(place: Place): Promise<string[]> {
  const index = indexName(MODEL_WEIGHTS);
  const names = new Set([MODEL_WEIGHTS, index, MODEL_CONFIG]);
  if (await place.has(index)) {
    for (const shard of await shardsOf(place, index)) names.add(shard);
  }
  const tried = await Promise.all(
    [...names].map(async (name) => ({ name, isThere: await place.has(name) })),
  );
  return tried.filter(({ isThere }) => isThere).map(({ name }) => name).sort();
}

/** The shards of an index; none of a malformed one, which is reported with the rest. */
async function shardsOf(place: Place, index: string): Promise<Iterable<string>> {
  try {
    return parseShardIndex(await place.readText(index), place.path(index)).weightMap.values();
  } catch (error) {
    toFinding(error);
    return [];
  }
}

async function checkFile(
  place: Place,
  name: string,
): Promise<{ file: CheckedFile; findings: FileFindings }> {
  const path = place.path(name);
  try {
    const source = await place.open(name);
    try {
      const { header, faults, warnings } = await checkSource(source, { path });
      return { file: { name, path, header }, findings: { path, faults, warnings } };
    } finally {
      source.close();
    }
  } catch (error) {
    const file = { name, path, header: undefined };
    return { file, findings: { path, faults: [toFinding(error)], warnings: [] } };
  }
}

/** What is wrong with a file; other errors, an interruption among them, end the work. */
function toFinding(error: unknown): Finding {
  if (!(error instanceof TinygraftError) || error instanceof InterruptedError) throw error;
  const { code, message, tensor } = error;
  return { code, message, ...tensor === undefined ? {} : { tensor } };
}

async function validateIndex(
  place: Place,
  name: string,
  files: readonly CheckedFile[],
): Promise<{ findings: FileFindings; shards: string[] }> {
  const path = place.path(name);
  let index: ShardIndex;
  try {
    index = parseShardIndex(await place.readText(name), path);
  } catch (error) {
    return { findings: { path, faults: [toFinding(error)], warnings: [] }, shards: [] };
  }
  const weights = name.replace(/\.index\.json$/, "");
  const shards = [...new Set(index.weightMap.values())].sort(compareUtf8);
  const faults: Finding[] = findFileFaults(place.folder, weights, shards, files);
  const listed = shards.map((shard) => files.find((file) => file.name === shard));
  const readable = listed.filter(isReadable);
  faults.push(...checkIndex(index, readable));
  if (readable.length === shards.length) {
    const wrong = checkTotalSize(index, readable);
    if (wrong !== undefined) faults.push(wrong);
  }
  try {
    unionMetadata(readable);
  } catch (error) {
    faults.push(toFinding(error));
  }
  return { findings: { path, faults, warnings: findIndexWarnings(index) }, shards };
}

function isReadable(file: CheckedFile | undefined): file is CheckedFile & { header: Header } {
  return file?.header !== undefined;
}

function findFileFaults(
  folder: string,
  weights: string,
  shards: readonly string[],
  files: readonly CheckedFile[],
): Finding[] {
  const faults: Finding[] = [];
  for (const shard of shards) {
    if (files.some(({ name }) => name === shard)) continue;
    faults.push({
      code: "missing-shard",
      message: `Shard "${shard}" is missing from "${folder}": fetch the file again`,
    });
  }
  for (const { name } of files) {
    if (shards.includes(name)) continue;
    if (isShardName(name, weights)) {
      faults.push({
        code: "unlisted-shard",
        message: `Shard "${name}" is not named by the index: remove it if it is out of date`,
      });
    } else if (name === weights) {
      faults.push({
        code: "invalid-index",
        message: `"${name}" lies beside an index that does not name it: remove the one that is ` +
          "out of date",
      });
    }
  }
  return faults;
}

function findIndexWarnings(index: ShardIndex): Finding[] {
  const missing = ["total_parameters", "total_size"].filter((key) => !(key in index.metadata));
  if (missing.length === 0) return [];
  // Some versions of transformers cannot load an index without the metadata object at all.
  return [{
    code: "missing-index-metadata",
    message: `The index lacks metadata.${missing.join(" and metadata.")}`,
  }];
}

async function validateConfig(
  place: Place,
  files: readonly CheckedFile[],
  shards: readonly string[],
): Promise<FileFindings> {
  const path = place.path(MODEL_CONFIG);
  let config: Record<string, unknown>;
  try {
    config = parseJsonObject(await place.readText(MODEL_CONFIG), path);
  } catch (error) {
    return { path, faults: [toFinding(error)], warnings: [] };
  }
  const readable = files.filter(({ name }) => shards.includes(name)).filter(isReadable);
  // With a shard unread, every tensor of it would be reported as missing.
  if (readable.length < shards.length) return { path, faults: [], warnings: [] };
  const tensors = new Map<string, TensorInfo>(
    readable.flatMap(({ header }) => [...header.tensors]),
  );
  return { path, ...checkModel(config, tensors, path) };
}
