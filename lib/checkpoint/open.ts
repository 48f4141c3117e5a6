/**
 * One view of any checkpoint: a single file, a folder with one, or a folder of shards.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { isRemote } from "../remote/address.ts";
import type { Header, HeaderTensor } from "../safetensors/header.ts";
import { readHeader } from "../safetensors/reader.ts";
import { parseShardIndex, type ShardIndex } from "../safetensors/shard_index.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { decodeFloats } from "../tensor/decode.ts";
import { isFloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { listFolderCompanions, listRemoteCompanions } from "./companions.ts";
import { checkIndex } from "./index_rules.ts";
import { indexName, isCompanion, isKnownName, MODEL_CONFIG, MODEL_WEIGHTS } from "./names.ts";
import { type OpenFile, type Place, placeAt, type PlaceOptions } from "./place.ts";
import { parseJsonObject } from "./sources.ts";

/** One safetensors file of a checkpoint. */
export interface CheckpointFile {
  /** The file's path or address. */
  readonly path: string;
  /** Its header, checked. */
  readonly header: Header;
  /** Its bytes; owned by the checkpoint. */
  readonly source: ByteSource;
}

/** One tensor of a checkpoint. */
export interface TensorEntry extends HeaderTensor {
  /** The tensor's name in its file. */
  readonly name: string;
  /** The file that holds it. */
  readonly file: CheckpointFile;
}

/** An open checkpoint. Its files stay open until `close`. */
export interface Checkpoint extends Disposable {
  /** The location as given to `openCheckpoint`; of an address without its query. */
  readonly location: string;
  /** Whether `location` is one safetensors file or a folder. */
  readonly kind: "file" | "folder";
  /** The folder where config.json would be. */
  readonly folder: string;
  /** The safetensors files, by name. */
  readonly files: readonly CheckpointFile[];
  /** The shard index, where the checkpoint has one. */
  readonly index: ShardIndex | undefined;
  /** Every tensor by name, in the order of the names' UTF-8 bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The parsed config.json, where there is one. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
  /**
   * `__metadata__` of all files together.
   *
   * @throws {TinygraftError} with `metadata-conflict` when two files disagree about a key.
   */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * Paths of the folder's other files (config.json, README.md, 1_Pooling/config.json …), relative to
   * it: no weights, no index, nothing hidden; on a server, no subfolders. Where `location` is a
   * file, only those that models commonly have: its folder may hold anything.
   */
  readonly companions: readonly string[];
  /** Where its files are; absent for a folder of this machine that holds no safetensors files. */
  readonly place?: Place;
  /** Closes every file; calling it again does nothing. */
  close(): void;
}

/** What `openCheckpoint` looks for. */
export interface OpenOptions extends PlaceOptions {
  /** Name of the weights in a folder, "model.safetensors" unless given. */
  readonly weights?: string;
}

/** Which files of a place are the checkpoint's. */
interface Layout {
  readonly kind: "file" | "folder";
  readonly names: readonly string[];
  readonly index: ShardIndex | undefined;
}

/** A file that the checkpoint closes. */
type OwnedFile = CheckpointFile & { readonly source: OpenFile };

/**
 * Opens a checkpoint and reads its headers; no tensor data is read.
 *
 * A folder holds `model.safetensors`, or `model.safetensors.index.json` and the shards it names.
 * The path of such an index stands for its folder. Of files on servers only what is asked for is
 * fetched, by ranges; a header takes at most two requests.
 *
 * @example Open a folder, list its tensors, close it
 * ```ts
 * import { openCheckpoint, serialize } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const data = new Uint8Array(8);
 * const bytes = serialize([{ name: "w", dtype: "F32", shape: [2], data }]);
 * await Deno.writeFile(`${folder}/model.safetensors`, bytes);
 *
 * using checkpoint = await openCheckpoint(folder);
 * assertEquals([...checkpoint.tensors.keys()], ["w"]);
 * ```
 *
 * @param location A safetensors file, a shard index, or a folder: a path,
 * `hf://org/name[@revision][/path]` or an `https://` address.
 * @param options The name of the weights in a folder, and how servers are reached.
 * @returns The checkpoint; the caller closes it.
 * @throws {SafetensorsError} for the first fault of a file's header.
 * @throws {TinygraftError} with `not-found`, `unreadable`, `not-a-checkpoint` for a folder without
 * weights, `invalid-index`, `unsafe-file-name`, `missing-shard`, `tensor-in-two-shards`,
 * `tensor-not-in-shard`, `tensor-not-in-index`, or `invalid-json` for its config.json; for
 * addresses also with the codes of `RemoteAccess`, such as `range-ignored` or `hub-unavailable`.
 */
export async function openCheckpoint(
  location: string,
  options: OpenOptions = {},
): Promise<Checkpoint> {
  const place = placeAt(location, options);
  if (place === undefined) {
    throw new TinygraftError(
      `Cannot open "${location}": there is no such file or folder: check the path`,
      { code: "not-found", path: location },
    );
  }
  const layout = await findLayout(place, options.weights ?? MODEL_WEIGHTS);
  const files = await openFiles(place, layout.names);
  try {
    if (layout.index !== undefined) throwIndexFault(layout.index, files, place.location);
    const config = await place.has(MODEL_CONFIG)
      ? parseJsonObject(await place.readText(MODEL_CONFIG), place.path(MODEL_CONFIG))
      : undefined;
    const beside = await listCompanions(place);
    const companions = layout.kind === "folder" ? beside : beside.filter(isKnownName);
    return new OpenCheckpoint(place, layout, files, config, companions);
  } catch (error) {
    for (const { source } of files) source.close();
    throw error;
  }
}

/** Opens all files or none; servers are asked for several at once. */
async function openFiles(place: Place, names: readonly string[]): Promise<OwnedFile[]> {
  const opened = await Promise.allSettled(names.map((name) => openFile(place, name)));
  const files = opened.filter((each) => each.status === "fulfilled").map(({ value }) => value);
  const failed = opened.find((each) => each.status === "rejected");
  if (failed === undefined) return files;
  for (const { source } of files) source.close();
  throw failed.reason;
}

async function openFile(place: Place, name: string): Promise<OwnedFile> {
  const path = place.path(name);
  const source = await place.open(name);
  try {
    return { path, source, header: await readHeader(source, { path }) };
  } catch (error) {
    source.close();
    throw error;
  }
}

/**
 * Reads one tensor's bytes.
 *
 * @param entry The tensor, of an open checkpoint.
 * @returns Its data, in a new buffer that the caller owns.
 * @throws {TinygraftError} with `unreadable` or `changed-while-open`.
 */
export function readTensor(entry: TensorEntry): Promise<Uint8Array<ArrayBuffer>> {
  const { header, source } = entry.file;
  const [begin, end] = entry.dataOffsets;
  return source.read(header.dataStart + begin, header.dataStart + end);
}

/**
 * Reads one tensor as 32-bit floats.
 *
 * @param entry The tensor, of an open checkpoint: F32, F16, BF16, or F64, which is rounded once.
 * @returns Its elements in C order, in a new array that the caller owns.
 * @throws {TinygraftError} with `unsupported-dtype` for other dtypes, or as `readTensor` does.
 */
export async function readFloats(entry: TensorEntry): Promise<Float32Array<ArrayBuffer>> {
  const { dtype, name, file } = entry;
  if (!isFloatDtype(dtype)) {
    throw new TinygraftError(
      `Cannot read tensor ${quote(name)} of "${file.path}" as floats: it is ${dtype}, expected ` +
        "F32, F16, BF16 or F64",
      { code: "unsupported-dtype", path: file.path, tensor: name },
    );
  }
  return decodeFloats(await readTensor(entry), dtype);
}

class OpenCheckpoint implements Checkpoint {
  readonly location: string;
  readonly kind: "file" | "folder";
  readonly folder: string;
  readonly index: ShardIndex | undefined;
  readonly tensors: ReadonlyMap<string, TensorEntry>;

  constructor(
    readonly place: Place,
    layout: Layout,
    readonly files: readonly OwnedFile[],
    readonly config: Readonly<Record<string, unknown>> | undefined,
    readonly companions: readonly string[],
  ) {
    this.location = place.location;
    this.folder = place.folder;
    this.kind = layout.kind;
    this.index = layout.index;
    const entries = files.flatMap((file) =>
      [...file.header.tensors].map(([name, info]): TensorEntry => ({ ...info, name, file }))
    );
    entries.sort((a, b) => compareUtf8(a.name, b.name));
    this.tensors = new Map(entries.map((entry) => [entry.name, entry]));
  }

  // Computed when asked for: a conflict is no reason not to look at a checkpoint.
  get metadata(): ReadonlyMap<string, string> {
    return unionMetadata(this.files);
  }

  close(): void {
    for (const { source } of this.files) source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Joins the metadata of several files.
 *
 * @param files The files.
 * @returns Every key with its value, in the files' order.
 * @throws {TinygraftError} with `metadata-conflict` when two files disagree about a key.
 */
export function unionMetadata(
  files: readonly Pick<CheckpointFile, "path" | "header">[],
): ReadonlyMap<string, string> {
  const union = new Map<string, { value: string; path: string }>();
  for (const { path, header } of files) {
    for (const [key, value] of header.metadata) {
      const before = union.get(key);
      if (before !== undefined && before.value !== value) {
        throw new TinygraftError(
          `Cannot join the metadata of "${before.path}" and "${path}": the key ${quote(key)} is ` +
            `${quote(before.value)} in one and ${quote(value)} in the other, expected one value: ` +
            "choose one",
          { code: "metadata-conflict", path },
        );
      }
      if (before === undefined) union.set(key, { value, path });
    }
  }
  return new Map([...union].map(([key, { value }]) => [key, value]));
}

async function findLayout(place: Place, weights: string): Promise<Layout> {
  const { file } = place;
  if (file === undefined) return await findFolderLayout(place, weights);
  if (file.endsWith(".safetensors.index.json")) return await findShards(place, file);
  return { kind: "file", index: undefined, names: [file] };
}

async function findFolderLayout(place: Place, weights: string): Promise<Layout> {
  const indexFile = indexName(weights);
  // Both are asked for at once: a server's first answer of the weights is their head anyway.
  const [hasIndex, hasSingle] = await Promise.all([place.has(indexFile), place.has(weights)]);
  if (!hasIndex) {
    if (!hasSingle) throw await notACheckpoint(place, weights);
    return { kind: "folder", index: undefined, names: [weights] };
  }
  const layout = await findShards(place, indexFile);
  if (hasSingle && !layout.names.includes(weights)) {
    // The transformers library would load the single file and ignore the index in silence.
    throw new TinygraftError(
      `Cannot open "${place.location}": found both "${weights}" and "${indexFile}", which does ` +
        "not name it: remove the one that is out of date",
      { code: "invalid-index", path: place.path(indexFile) },
    );
  }
  return layout;
}

/** The distinct shards of an index, in name order; all must be there. */
async function findShards(place: Place, indexFile: string): Promise<Layout> {
  const indexPath = place.path(indexFile);
  const index = parseShardIndex(await place.readText(indexFile), indexPath);
  const names = [...new Set(index.weightMap.values())].sort(compareUtf8);
  const present = await Promise.all(names.map((name) => place.has(name)));
  const missing = names.find((_, i) => !present[i]);
  if (missing === undefined) return { kind: "folder", index, names };
  throw new TinygraftError(
    `Cannot open "${place.folder}": shard "${missing}" is missing, expected by "${indexPath}": ` +
      "fetch the file again",
    { code: "missing-shard", path: place.path(missing) },
  );
}

async function notACheckpoint(place: Place, weights: string): Promise<TinygraftError> {
  const { location } = place;
  const error = (found: string, remedy: string) =>
    new TinygraftError(
      `Cannot open "${location}": ${found}, expected "${weights}" or "${
        indexName(weights)
      }": ${remedy}`,
      { code: "not-a-checkpoint", path: location },
    );
  const names = await place.list();
  if (names === undefined) {
    return error("the server shows no weights there", "check the address, or give a file's own");
  }
  const others = names.filter((name) => !isCompanion(name) && !name.startsWith("."));
  const found = others.length === 0
    ? "it holds no weights"
    : `it holds ${others.slice(0, 3).map((name) => `"${name}"`).join(", ")}${
      others.length > 3 ? " …" : ""
    }`;
  if (names.includes("adapter_config.json")) {
    return error(found, "it is an adapter's folder, so give the base that it was made for");
  }
  const remedy = others.some((name) => name.endsWith(".safetensors"))
    ? "give the path of the file itself"
    : "convert the weights to safetensors, or choose another folder";
  return error(found, remedy);
}

/**
 * Lists the files of a checkpoint's folder that belong to it beside its weights.
 *
 * @param place The folder.
 * @returns Their names, as in `Checkpoint.companions`.
 */
export async function listCompanions(place: Place): Promise<string[]> {
  return isRemote(place.location)
    ? await listRemoteCompanions(place)
    : await listFolderCompanions(place.folder);
}

/** Throws the first fault that leaves open which tensors the checkpoint has. */
function throwIndexFault(
  index: ShardIndex,
  files: readonly CheckpointFile[],
  location: string,
): void {
  const fault = checkIndex(index, files)[0];
  if (fault === undefined) return;
  const { code, message: found, tensor } = fault;
  throw new TinygraftError(`Cannot open "${location}": ${found}`, { code, path: location, tensor });
}
