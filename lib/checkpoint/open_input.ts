/**
 * Opening what a conversion reads: checkpoints, adapter folders, and weights in other formats.
 *
 * @module
 */

import { join } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { isRemote } from "../remote/address.ts";
import { parseShardIndex } from "../safetensors/shard_index.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import { quote } from "../tensor/quote.ts";
import { type ForeignCheckpoint, type ForeignOptions, openForeign } from "./foreign.ts";
import { indexName, MODEL_CONFIG, MODEL_WEIGHTS } from "./names.ts";
import { type Checkpoint, listCompanions, openCheckpoint, unionMetadata } from "./open.ts";
import { placeOf, type PlaceOptions } from "./place.ts";
import { readJsonFile, readTextFile, statPath } from "./sources.ts";

/** The weights of an adapter's folder, in tinygraft's form and in PEFT's. */
const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** Weights of other formats as libraries name them in a folder, and as their copy is named. */
const FOREIGN_WEIGHTS: ReadonlyMap<string, string> = new Map([
  ["pytorch_model.bin", MODEL_WEIGHTS],
  ["adapter_model.bin", ADAPTER_WEIGHTS],
]);

/** An open input of a conversion. */
export interface ConvertInput extends Disposable {
  /** The checkpoint; closed with the input. */
  readonly checkpoint: Checkpoint;
  /** Name of the weights in a folder that is made of it. */
  readonly weights: string;
  /** The files that are not safetensors, in any order. */
  readonly foreign: readonly ForeignCheckpoint[];
}

/** How a conversion's input is opened. */
export interface ConvertInputOptions extends ForeignOptions, PlaceOptions {}

/**
 * Opens the input of a conversion.
 *
 * Beside what `openCheckpoint` takes these are adapter folders, files that PyTorch or NumPy wrote,
 * whatever their names, and folders with `pytorch_model.bin` or its shards.
 *
 * @param location The file or folder.
 * @param options Which dict of a PyTorch file to take, and how servers are reached.
 * @returns The input; the caller disposes it.
 * @throws {TinygraftError} as `openCheckpoint` does, or `openForeign` for files of other formats.
 *
 * @example An adapter folder keeps the name of its weights
 * ```ts
 * import { openConvertInput } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using input = await openConvertInput("fixtures/mini/adapter");
 * assertEquals(input.weights, "adapter_model.safetensors");
 * ```
 */
export async function openConvertInput(
  location: string,
  options: ConvertInputOptions = {},
): Promise<ConvertInput> {
  if (isRemote(location)) {
    return toInput(await openCheckpoint(location, options), MODEL_WEIGHTS);
  }
  if (isAdapterFolder(location)) {
    const checkpoint = await openCheckpoint(location, { weights: ADAPTER_WEIGHTS });
    return toInput(checkpoint, ADAPTER_WEIGHTS);
  }
  try {
    return toInput(await openCheckpoint(location), MODEL_WEIGHTS);
  } catch (error) {
    if (!(error instanceof TinygraftError)) throw error;
    const input = await openOther(location, options);
    if (input === undefined) throw error;
    return input;
  }
}

function toInput(
  checkpoint: Checkpoint,
  weights: string,
  foreign: readonly ForeignCheckpoint[] = [],
): ConvertInput {
  return { checkpoint, weights, foreign, [Symbol.dispose]: () => checkpoint.close() };
}

function isAdapterFolder(location: string): boolean {
  const has = (name: string) => statPath(join(location, name)) !== undefined;
  return has(ADAPTER_WEIGHTS) && !has(MODEL_WEIGHTS) && !has(indexName(MODEL_WEIGHTS));
}

/** Opens a file or folder of another format; `undefined` where it is of none. */
async function openOther(
  location: string,
  options: ForeignOptions,
): Promise<ConvertInput | undefined> {
  const kind = statPath(location)?.kind;
  if (kind === "file") {
    const checkpoint = await openForeign(location, options);
    return checkpoint && toInput(checkpoint, MODEL_WEIGHTS, [checkpoint]);
  }
  if (kind !== "folder") return undefined;
  for (const [name, weights] of FOREIGN_WEIGHTS) {
    const paths = await findParts(location, name);
    if (paths === undefined) continue;
    const parts = await openParts(paths, options);
    try {
      return toInput(await joinParts(location, parts), weights, parts);
    } catch (error) {
      for (const part of parts) part.close();
      throw error;
    }
  }
  return undefined;
}

/** The weights of this name in a folder, or the shards of its index. */
async function findParts(folder: string, name: string): Promise<string[] | undefined> {
  const path = join(folder, name);
  if (statPath(path) !== undefined) return [path];
  if (statPath(indexName(path)) === undefined) return undefined;
  const index = parseShardIndex(await readTextFile(indexName(path)), indexName(path));
  const names = [...new Set(index.weightMap.values())].sort(compareUtf8);
  return names.map((each) => join(folder, each));
}

async function openParts(
  paths: readonly string[],
  options: ForeignOptions,
): Promise<ForeignCheckpoint[]> {
  using opened = new DisposableStack();
  const parts: ForeignCheckpoint[] = [];
  for (const path of paths) {
    const part = await openForeign(path, options);
    if (part === undefined) {
      throw new TinygraftError(
        `Cannot open "${path}": it is in no known format, expected weights saved by PyTorch`,
        { code: "not-a-checkpoint", path },
      );
    }
    parts.push(opened.use(part));
  }
  opened.move(); // the parts are the caller's now
  return parts;
}

/** Makes one checkpoint of a folder's files, which it closes. */
async function joinParts(
  folder: string,
  parts: readonly ForeignCheckpoint[],
): Promise<Checkpoint> {
  const files = parts.flatMap((part) => part.files);
  const configPath = join(folder, MODEL_CONFIG);
  const config = statPath(configPath) ? await readJsonFile(configPath) : undefined;
  const close = () => {
    for (const part of parts) part.close();
  };
  return {
    location: folder,
    kind: "folder",
    folder,
    files,
    index: undefined,
    tensors: joinTensors(folder, parts),
    config,
    companions: await listCompanions(placeOf({ folder })),
    get metadata() {
      return unionMetadata(files);
    },
    close,
    [Symbol.dispose]: close,
  };
}

function joinTensors(folder: string, parts: readonly Checkpoint[]): Checkpoint["tensors"] {
  const entries = parts.flatMap((part) => [...part.tensors.values()]);
  entries.sort((a, b) => compareUtf8(a.name, b.name));
  const twice = entries.find(({ name }, i) => entries[i + 1]?.name === name);
  if (twice !== undefined) {
    throw new TinygraftError(
      `Cannot open "${folder}": tensor ${quote(twice.name)} stands in two of its files, expected ` +
        "different names",
      { code: "tensor-in-two-shards", path: twice.file.path, tensor: twice.name },
    );
  }
  return new Map(entries.map((entry) => [entry.name, entry]));
}
