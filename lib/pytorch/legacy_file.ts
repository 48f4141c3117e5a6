/**
 * PyTorch files before version 1.6: four pickles, a list of storage keys, and the storages.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { SliceSource } from "../tensor/slice_source.ts";
import { TruncatedPickleError } from "./cursor.ts";
import { describeFile, MAX_PICKLE_BYTES, type PytorchFile, StorageTable } from "./file.ts";
import type { StateDictOptions } from "./state_dict.ts";
import { unpickle, type Unpickled } from "./unpickle.ts";
import type { PickleStorage, PickleValue } from "./values.ts";

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
/** How many bytes from the start of a file `isPickle` wants, at most. */
export const PICKLE_HEAD_BYTES = 32;
/** Bytes read at first; more follow when the pickles are longer. */
const FIRST_READ_BYTES = 256 << 10;

/**
 * Tells whether a file is a pickle, of PyTorch or of something else.
 *
 * @param head The file's first {@linkcode PICKLE_HEAD_BYTES} bytes, or all when it is shorter.
 * @returns Whether it starts as pickles of protocol 2 and later do, or with PyTorch's number as
 * text.
 */
export function isPickle(head: Uint8Array): boolean {
  if (head[0] === 0x80) return head[1] !== undefined && head[1] >= 2 && head[1] <= 5;
  return new TextDecoder().decode(head).startsWith(`L${MAGIC_NUMBER}`);
}

/**
 * Reads what a PyTorch file of the older format holds; no tensor data is read.
 *
 * @param source The file; it stays open for as long as the tensors are used.
 * @param options The file's path, and which dict to take where there are several.
 * @returns The tensors as views of the file.
 * @throws {TinygraftError} as `unpickle` and `describeFile` do, or with `invalid-pickle` when the
 * file was not written by `torch.save` or is truncated.
 */
export async function readLegacyFile(
  source: ByteSource,
  options: StateDictOptions,
): Promise<PytorchFile> {
  const { path } = options;
  const { value, keys, end, storages } = await readPickles(source, path);
  const places = await findStorages(source, path, storages, keys, end);
  return await describeFile(value, {
    bigEndian: false, // whatever the machine that wrote it
    open: ({ key }) => {
      const place = places.get(key);
      if (place !== undefined) return Promise.resolve(place);
      throw fileError(path, `it has no data for storage ${quote(key)}`);
    },
  }, options);
}

/** Unpickles the file's start, reading on until the pickles end. */
async function readPickles(source: ByteSource, path: string) {
  for (let wanted = FIRST_READ_BYTES;; wanted *= 8) {
    const length = Math.min(source.byteLength, wanted, MAX_PICKLE_BYTES);
    const bytes = await source.read(0, length);
    try {
      return parsePickles(bytes, path);
    } catch (error) {
      if (!(error instanceof TruncatedPickleError) || length === source.byteLength) throw error;
      if (length === MAX_PICKLE_BYTES) {
        throw new TinygraftError(
          `Cannot read ${quote(path)}: its pickle has more than ${MAX_PICKLE_BYTES} bytes`,
          { code: "unsafe-pickle", path, cause: error },
        );
      }
    }
  }
}

function parsePickles(bytes: Uint8Array, path: string) {
  const magic = unpickle(bytes, { path });
  if (magic.value !== MAGIC_NUMBER) {
    throw fileError(path, "it is a pickle, but not one that torch.save wrote");
  }
  const version = unpickle(bytes, { path, begin: magic.end });
  if (version.value !== PROTOCOL_VERSION) {
    throw fileError(path, `its version is not ${PROTOCOL_VERSION}`);
  }
  const system = unpickle(bytes, { path, begin: version.end });
  const storages = new StorageTable(path);
  const content = unpickle(bytes, { path, begin: system.end, findStorage: storages.find });
  const keys: Unpickled = unpickle(bytes, { path, begin: content.end });
  return { value: content.value, keys: keyList(keys.value, path), end: keys.end, storages };
}

function keyList(value: PickleValue, path: string): string[] {
  const items = typeof value === "object" && value?.kind === "list" ? value.items : [undefined];
  if (items.every((item) => typeof item === "string")) return items.slice() as string[];
  throw fileError(path, "the keys of its storages are not a list of strings");
}

/** Storages follow the pickles: eight bytes that count elements, then the elements. */
async function findStorages(
  source: ByteSource,
  path: string,
  { byKey }: StorageTable,
  keys: readonly string[],
  begin: number,
): Promise<Map<string, ByteSource>> {
  const places = new Map<string, ByteSource>();
  let at = begin;
  for (const key of keys) {
    const storage = byKey.get(key);
    if (storage === undefined) throw fileError(path, `storage ${quote(key)} is of no tensor`);
    const end = at + 8 + byteLengthOf(storage);
    if (end > source.byteLength) {
      throw fileError(
        path,
        `storage ${quote(key)} would end at byte ${end}, but the file has ${source.byteLength}: ` +
          "it may be truncated, so download or copy it anew",
      );
    }
    const count = new DataView((await source.read(at, at + 8)).buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.length)) {
      throw fileError(
        path,
        `storage ${quote(key)} has ${count} elements, expected ${storage.length}`,
      );
    }
    if (places.has(key)) throw fileError(path, `storage ${quote(key)} stands twice`);
    places.set(key, new SliceSource(source, at + 8, end));
    at = end;
  }
  return places;
}

function byteLengthOf({ length, dtype }: PickleStorage): number {
  return length * dtype.byteLength;
}

function fileError(path: string, found: string): TinygraftError {
  return new TinygraftError(`Cannot read ${quote(path)}: ${found}`, {
    code: "invalid-pickle",
    path,
  });
}
