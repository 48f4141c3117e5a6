/**
 * One view of any checkpoint: a single file, a folder with one, or a folder of shards.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { TinygraftError } from "../errors.ts";
import type { Header, HeaderTensor } from "../safetensors/header.ts";
import { readHeader } from "../safetensors/reader.ts";
import { parseShardIndex, type ShardIndex } from "../safetensors/shard_index.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { decodeFloats } from "../tensor/decode.ts";
import { isFloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { checkIndex } from "./index_rules.ts";
import { indexName, isCompanion, MODEL_CONFIG, MODEL_WEIGHTS } from "./names.ts";
import { FileSource, listFolder, readJsonFile, readTextFile, statPath } from "./sources.ts";

/** One safetensors file of a checkpoint. */
export interface CheckpointFile {
  /** The file's path. */
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
  /** The path as given to `openCheckpoint`. */
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
   * Names of the folder's other files (config.json, tokenizer.json, README.md …): no weights, no
   * index, nothing hidden, no subfolders. Empty when `location` is a file.
   */
  readonly companions: readonly string[];
  /** Closes every file; calling it again does nothing. */
  close(): void;
}

/** What `openCheckpoint` looks for. */
export interface OpenOptions {
  /** Name of the weights in a folder, "model.safetensors" unless given. */
  readonly weights?: string;
}

/** Where the parts of a checkpoint are. */
interface Layout {
  readonly kind: "file" | "folder";
  readonly folder: string;
  readonly paths: readonly string[];
  readonly index: ShardIndex | undefined;
}

/**
 * Opens a checkpoint and reads its headers; no tensor data is read.
 *
 * A folder holds `model.safetensors`, or `model.safetensors.index.json` and the shards it names.
 * The path of such an index stands for its folder.
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
 * @param location A safetensors file, a shard index, or a folder.
 * @param options The name of the weights in a folder.
 * @returns The checkpoint; the caller closes it.
 * @throws {SafetensorsError} for the first fault of a file's header.
 * @throws {TinygraftError} with `not-found`, `unreadable`, `not-a-checkpoint` for a folder without
 * weights, `invalid-index`, `unsafe-file-name`, `missing-shard`, `tensor-in-two-shards`,
 * `tensor-not-in-shard`, `tensor-not-in-index`, or `invalid-json` for its config.json.
 */
export async function openCheckpoint(
  location: string,
  options: OpenOptions = {},
): Promise<Checkpoint> {
  const layout = await findLayout(location, options.weights ?? MODEL_WEIGHTS);
  const files: (CheckpointFile & { source: FileSource })[] = [];
  try {
    for (const path of layout.paths) {
      const source = FileSource.open(path);
      try {
        files.push({ path, source, header: await readHeader(source, { path }) });
      } catch (error) {
        source.close();
        throw error;
      }
    }
    if (layout.index !== undefined) throwIndexFault(layout.index, files, location);
    const configPath = join(layout.folder, MODEL_CONFIG);
    const config = statPath(configPath) ? await readJsonFile(configPath) : undefined;
    const companions = layout.kind === "folder" ? listCompanions(layout.folder) : [];
    return new OpenCheckpoint(location, layout, files, config, companions);
  } catch (error) {
    for (const { source } of files) source.close();
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
  readonly files: readonly (CheckpointFile & { source: FileSource })[];
  readonly index: ShardIndex | undefined;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly companions: readonly string[];

  constructor(
    location: string,
    layout: Layout,
    files: readonly (CheckpointFile & { source: FileSource })[],
    config: Readonly<Record<string, unknown>> | undefined,
    companions: readonly string[],
  ) {
    this.location = location;
    this.kind = layout.kind;
    this.folder = layout.folder;
    this.index = layout.index;
    this.files = files;
    this.config = config;
    this.companions = companions;
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

async function findLayout(location: string, weights: string): Promise<Layout> {
  const status = statPath(location);
  if (status === undefined) {
    throw new TinygraftError(
      `Cannot open "${location}": there is no such file or folder: check the path`,
      { code: "not-found", path: location },
    );
  }
  if (status.kind === "folder") return await findFolderLayout(location, weights);
  const folder = dirname(location);
  if (location.endsWith(".safetensors.index.json")) {
    const index = parseShardIndex(await readTextFile(location), location);
    return { kind: "folder", folder, index, paths: shardPaths(folder, index, location) };
  }
  return { kind: "file", folder, index: undefined, paths: [location] };
}

async function findFolderLayout(folder: string, weights: string): Promise<Layout> {
  const single = join(folder, weights);
  const indexPath = join(folder, indexName(weights));
  const hasSingle = statPath(single) !== undefined;
  if (statPath(indexPath) === undefined) {
    if (!hasSingle) throw notACheckpoint(folder, weights);
    return { kind: "folder", folder, index: undefined, paths: [single] };
  }
  const index = parseShardIndex(await readTextFile(indexPath), indexPath);
  const paths = shardPaths(folder, index, indexPath);
  if (hasSingle && !paths.includes(single)) {
    // The transformers library would load the single file and ignore the index in silence.
    throw new TinygraftError(
      `Cannot open "${folder}": found both "${weights}" and "${basename(indexPath)}", which does ` +
        "not name it: remove the one that is out of date",
      { code: "invalid-index", path: indexPath },
    );
  }
  return { kind: "folder", folder, index, paths };
}

/** The distinct shards of an index, in name order; all must be there. */
function shardPaths(folder: string, index: ShardIndex, indexPath: string): string[] {
  const names = [...new Set(index.weightMap.values())].sort(compareUtf8);
  for (const name of names) {
    if (statPath(join(folder, name)) !== undefined) continue;
    throw new TinygraftError(
      `Cannot open "${folder}": shard "${name}" is missing, expected by "${indexPath}": ` +
        "fetch the file again",
      { code: "missing-shard", path: join(folder, name) },
    );
  }
  return names.map((name) => join(folder, name));
}

function notACheckpoint(folder: string, weights: string): TinygraftError {
  const others = listFolder(folder).filter((name) => !isCompanion(name) && !name.startsWith("."));
  const found = others.length === 0
    ? "it holds no weights"
    : `it holds ${others.slice(0, 3).map((name) => `"${name}"`).join(", ")}${
      others.length > 3 ? " …" : ""
    }`;
  const remedy = others.some((name) => name.endsWith(".safetensors"))
    ? "give the path of the file itself"
    : "convert the weights to safetensors, or choose another folder";
  return new TinygraftError(
    `Cannot open "${folder}": ${found}, expected "${weights}" or "${
      indexName(weights)
    }": ${remedy}`,
    { code: "not-a-checkpoint", path: folder },
  );
}

function listCompanions(folder: string): string[] {
  return listFolder(folder).filter((name) =>
    isCompanion(name) && statPath(join(folder, name))?.kind === "file"
  );
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
