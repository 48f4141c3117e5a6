/**
 * Weights that PyTorch or NumPy saved, as a checkpoint.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { isNpzArchive, readNpz } from "../npz/npz.ts";
import { isPickle, PICKLE_HEAD_BYTES, readLegacyFile } from "../pytorch/legacy_file.ts";
import { isPytorchArchive, readPytorchArchive } from "../pytorch/zip_file.ts";
import type { HeaderTensor } from "../safetensors/header.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { tensorByteLength } from "../tensor/shape.ts";
import { checkRange } from "../tensor/slice_source.ts";
import { BlockCache, StridedSource, type StridedTensor } from "../tensor/strided.ts";
import { ZipArchive } from "../zip/archive.ts";
import { MODEL_CONFIG } from "./names.ts";
import type { Checkpoint, CheckpointFile, TensorEntry } from "./open.ts";
import { FileSource, readJsonFile, statPath } from "./sources.ts";

/** A checkpoint made of a file of another format. */
export interface ForeignCheckpoint extends Checkpoint {
  /** Who wrote the file. */
  readonly format: "pytorch" | "pytorch-legacy" | "npz";
  /** The dict that holds the tensors: keys joined by dots, "" for the outermost. */
  readonly stateDict: string;
  /** What was left out of a PyTorch file: keys such as "epoch" and "optimizer". */
  readonly ignored: readonly string[];
  /** Groups of tensors that share bytes in the file, such as tied embeddings; all are kept. */
  readonly shared: readonly (readonly string[])[];
}

/** How a file of another format is opened. */
export interface ForeignOptions {
  /** The dict to take where a PyTorch file holds several, such as "model" or "ema.state_dict". */
  readonly stateDict?: string;
}

/** What is known of a file beside its tensors. */
interface Content extends Pick<ForeignCheckpoint, "format" | "stateDict" | "ignored" | "shared"> {
  readonly tensors: ReadonlyMap<string, StridedTensor>;
}

/** The start of a zip archive, with members and without. */
const ZIP_MAGICS = [[0x50, 0x4b, 0x03, 0x04], [0x50, 0x4b, 0x05, 0x06]];
/**
 * How many times a PyTorch file's length its tensors may have together. Tied and expanded tensors
 * are written out, and a small file could claim any number of them.
 */
const MAX_EXPANSION = 64;
/** Tensors of this many bytes are always taken. */
const FREE_BYTES = 64 << 20;

/**
 * Opens a file that PyTorch saved (`.bin`, `.pt`, `.ckpt`, in its zip format or the older one) or
 * NumPy (`.npz`). The content decides, not the name. Nothing in the file is executed, and no
 * tensor data is read before it is asked for.
 *
 * Every tensor appears in C order, little-endian. Plain ones are read straight from the file,
 * compressed ones are decompressed on the way, and others gathered within some 100 MiB of memory.
 *
 * @param path The file.
 * @param options Which dict of a PyTorch file to take.
 * @returns The checkpoint, which the caller closes; undefined when the file is of no such format.
 * @throws {TinygraftError} with `not-found` or `unreadable`; `invalid-zip`, `unsafe-pickle`,
 * `invalid-pickle`, `no-state-dict`, `ambiguous-state-dict`, `unsupported-tensor`,
 * `unsupported-dtype` or `invalid-npy` for what the file holds.
 *
 * @example A pickle that asks for more than tensors is refused
 * ```ts
 * import { openForeign, TinygraftError } from "tinygraft";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".pt" });
 * await Deno.writeTextFile(path, "L119547037146038801333356L\n.cos\nsystem\n.");
 * const error = await assertRejects(() => openForeign(path), TinygraftError, "os.system");
 * assertEquals(error.code, "unsafe-pickle");
 * await Deno.remove(path);
 * ```
 */
export async function openForeign(
  path: string,
  options: ForeignOptions = {},
): Promise<ForeignCheckpoint | undefined> {
  using resources = new DisposableStack();
  const file = resources.adopt(FileSource.open(path), (it) => it.close());
  const content = await readContent(file, path, options, resources);
  if (content === undefined) return undefined;
  const folder = dirname(path);
  const configPath = join(folder, MODEL_CONFIG);
  const config = statPath(configPath) ? await readJsonFile(configPath) : undefined;
  const checkpointFile = toFile(file, path, content);
  return new OpenForeign(path, folder, checkpointFile, config, content, resources.move());
}

async function readContent(
  file: FileSource,
  path: string,
  options: ForeignOptions,
  resources: DisposableStack,
): Promise<Content | undefined> {
  const head = await file.read(0, Math.min(PICKLE_HEAD_BYTES, file.byteLength));
  if (isPickle(head)) {
    return { format: "pytorch-legacy", ...await readLegacyFile(file, { ...options, path }) };
  }
  if (!ZIP_MAGICS.some((magic) => magic.every((byte, i) => head[i] === byte))) return undefined;
  const archive = await ZipArchive.open(file, path);
  resources.defer(() => archive.close());
  if (isPytorchArchive(archive)) {
    return { format: "pytorch", ...await readPytorchArchive(archive, options) };
  }
  if (!isNpzArchive(archive)) return undefined;
  const tensors = await readNpz(archive);
  return { format: "npz", stateDict: "", ignored: [], shared: [], tensors };
}

/** Lays the tensors out one after another, as if they stood so in the file. */
function toFile(file: FileSource, path: string, content: Content): CheckpointFile {
  const tensors = new Map<string, HeaderTensor>();
  let at = 0;
  for (const [name, { dtype, shape }] of content.tensors) {
    const end = at + tensorByteLength(dtype, shape);
    tensors.set(name, { dtype, shape, dataOffsets: [at, end] });
    at = end;
  }
  const limit = FREE_BYTES + MAX_EXPANSION * file.byteLength;
  if (content.format !== "npz" && at > limit) {
    throw new TinygraftError(
      `Cannot read ${quote(path)}: its tensors would have ${at} bytes, expected at most ${limit} ` +
        `from a file of ${file.byteLength}`,
      { code: "unsafe-pickle", path },
    );
  }
  // Loaders of model weights ask for this key, and PyTorch is what the weights are from.
  const metadata = new Map<string, string>(content.format === "npz" ? [] : [["format", "pt"]]);
  return {
    path,
    header: { tensors, metadata, headerLength: 0, dataStart: 0 },
    source: new JoinedSource(file, content.tensors, at),
  };
}

/** One tensor's place among the joined ones. */
interface Part {
  readonly begin: number;
  readonly end: number;
  readonly source: StridedSource;
}

/** All tensors of a file, one after another. */
class JoinedSource implements ByteSource {
  readonly byteLength: number;
  readonly #file: FileSource;
  readonly #parts: readonly Part[];

  constructor(
    file: FileSource,
    tensors: ReadonlyMap<string, StridedTensor>,
    byteLength: number,
  ) {
    this.byteLength = byteLength;
    this.#file = file;
    const cache = new BlockCache();
    let begin = 0;
    this.#parts = [...tensors.values()].map((tensor) => {
      const source = new StridedSource(tensor, cache);
      const part = { begin, end: begin + source.byteLength, source };
      begin = part.end;
      return part;
    });
  }

  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(end - begin);
    await this.readInto(begin, target);
    return target;
  }

  async readInto(begin: number, target: Uint8Array): Promise<void> {
    checkRange(this, begin, target.byteLength);
    const end = begin + target.byteLength;
    let at = begin;
    for (let i = this.#find(begin); at < end; i++) {
      const part = this.#parts[i]!;
      const until = Math.min(end, part.end);
      await part.source.readInto(at - part.begin, target.subarray(at - begin, until - begin));
      at = until;
      // A writer's own check for changes knows only files that it copies from itself.
      if (at === part.end) this.#file.assertUnchanged();
    }
  }

  /** The first tensor that ends after a byte. */
  #find(at: number): number {
    let low = 0;
    let high = this.#parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#parts[middle]!.end <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class OpenForeign implements ForeignCheckpoint {
  readonly kind = "file";
  readonly index = undefined;
  readonly companions: readonly string[] = [];
  readonly files: readonly CheckpointFile[];
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly format: ForeignCheckpoint["format"];
  readonly stateDict: string;
  readonly ignored: readonly string[];
  readonly shared: readonly (readonly string[])[];
  readonly #resources: DisposableStack;

  constructor(
    readonly location: string,
    readonly folder: string,
    file: CheckpointFile,
    readonly config: Readonly<Record<string, unknown>> | undefined,
    content: Content,
    resources: DisposableStack,
  ) {
    this.files = [file];
    const entries = [...file.header.tensors].map(([name, info]): TensorEntry => ({
      ...info,
      name,
      file,
    }));
    entries.sort((a, b) => compareUtf8(a.name, b.name));
    this.tensors = new Map(entries.map((entry) => [entry.name, entry]));
    this.format = content.format;
    this.stateDict = content.stateDict;
    this.ignored = content.ignored;
    this.shared = content.shared;
    this.#resources = resources;
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.files[0]!.header.metadata;
  }

  close(): void {
    this.#resources.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
