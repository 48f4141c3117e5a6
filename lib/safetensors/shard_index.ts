/**
 * The index of a sharded checkpoint, `model.safetensors.index.json`: which tensor is in which file.
 *
 * @module
 */

import { type ErrorCode, SafetensorsError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import { JsonCursor, JsonFault, type JsonKind, type JsonValue } from "./json.ts";
import { compareUtf8 } from "./writer.ts";

/** The content of a shard index. */
export interface ShardIndex {
  /** File name of the shard by tensor name, in the order of the file. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** The object `metadata`, as it stands; empty when absent. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The longest index that is read, in bytes; a hundred times what real ones have. */
export const MAX_INDEX_BYTES = 250_000_000;

/** The most shards that an index may name. */
export const MAX_SHARDS = 10_000;

/** The longest file name that common file systems take, in UTF-16 units. */
const MAX_FILE_NAME = 255;

/**
 * Whether a file name from an index stays within its folder on every platform.
 *
 * Allows one plain name; refuses separators, `..`, drive letters and schemes, percent escapes
 * (which a later layer could decode), control characters and the empty name.
 *
 * @param name A file name from an untrusted source.
 *
 * @example A path out of the folder
 * ```ts
 * import { isSafeFileName } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isSafeFileName("model-00001-of-00002.safetensors"), true);
 * assertEquals(isSafeFileName("../model.safetensors"), false);
 * ```
 */
export function isSafeFileName(name: string): boolean {
  return name !== "" && name !== "." && name.length <= MAX_FILE_NAME && name.isWellFormed() &&
    !name.includes("..") && !/[/\\:\p{Cc}]|%[0-9a-f]{2}/iu.test(name);
}

/**
 * Parses a shard index.
 *
 * @param text The file's text.
 * @param path The file, for messages.
 * @returns The index; unknown keys beside `weight_map` and `metadata` are ignored.
 * @throws {SafetensorsError} when the text is not JSON of the right types or over the limits
 * (`invalid-index`), a key stands twice (`duplicate-key`), or a shard's name would leave the
 * folder (`unsafe-file-name`).
 */
export function parseShardIndex(text: string, path: string): ShardIndex {
  const weightMap = new Map<string, string>();
  let metadata: Record<string, unknown> = {};
  let hasWeightMap = false;
  if (text.length > MAX_INDEX_BYTES) {
    throw indexError(path, `found ${text.length} bytes, expected at most ${MAX_INDEX_BYTES}`);
  }
  try {
    const cursor = new JsonCursor(text);
    expectKind(cursor, "object", "the index");
    cursor.object((key) => {
      if (key === "weight_map") {
        hasWeightMap = true;
        expectKind(cursor, "object", "weight_map");
        cursor.object((name) => {
          expectKind(cursor, "string", `the shard of tensor ${quote(name)}`);
          weightMap.set(name, cursor.string());
        });
      } else if (key === "metadata") {
        expectKind(cursor, "object", "metadata");
        metadata = toPlain(cursor.value()) as Record<string, unknown>;
      } else {
        cursor.skip();
      }
    });
    cursor.end();
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    const code = fault.isDuplicate ? "duplicate-key" : "invalid-index";
    throw indexError(path, `${fault.message} at character ${fault.at}`, code, fault);
  }
  if (!hasWeightMap) {
    throw indexError(path, 'found no "weight_map", expected an object of that key');
  }
  checkFileNames(weightMap, path);
  return { weightMap, metadata };
}

/**
 * Formats a shard index as transformers writes it: two spaces, sorted keys, ASCII only, a
 * final newline.
 *
 * @param index Its metadata should hold `total_size`, the sum of the tensors' bytes:
 * transformers cannot load a checkpoint whose index has no metadata.
 * @returns The file's text.
 *
 * @example One tensor
 * ```ts
 * import { formatShardIndex, parseShardIndex } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const index = { metadata: { total_size: 4 }, weightMap: new Map([["w", "a.safetensors"]]) };
 * assertEquals(parseShardIndex(formatShardIndex(index), "index.json"), index);
 * ```
 */
export function formatShardIndex(index: ShardIndex): string {
  const members = [...index.weightMap]
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([name, file]) => `    ${JSON.stringify(name)}: ${JSON.stringify(file)}`);
  const weightMap = members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n  }`;
  const metadata = JSON.stringify(sortKeys(index.metadata), null, 2).replaceAll("\n", "\n  ");
  return toAscii(`{\n  "metadata": ${metadata},\n  "weight_map": ${weightMap}\n}\n`);
}

/** Escapes what is not ASCII, as Python's json does; in JSON it only stands inside strings. */
function toAscii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function checkFileNames(weightMap: ReadonlyMap<string, string>, path: string): void {
  const shards = new Set(weightMap.values());
  if (shards.size > MAX_SHARDS) {
    throw indexError(path, `found ${shards.size} shards, expected at most ${MAX_SHARDS}`);
  }
  for (const shard of shards) {
    if (isSafeFileName(shard)) continue;
    throw indexError(
      path,
      `found the shard name ${quote(shard)}, expected the plain name of a file in the same folder`,
      "unsafe-file-name",
    );
  }
}

function expectKind(cursor: JsonCursor, wanted: JsonKind, what: string): void {
  const kind = cursor.kind();
  if (kind !== wanted) {
    throw new JsonFault(`found a JSON ${kind} for ${what}, expected a JSON ${wanted}`, cursor.at);
  }
}

/** Turns maps into objects, keeping keys such as `__proto__` as plain properties. */
function toPlain(value: JsonValue): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [key, toPlain(item)]));
  }
  return Array.isArray(value) ? value.map(toPlain) : value;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => compareUtf8(a, b))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}

function indexError(
  path: string,
  message: string,
  code: ErrorCode = "invalid-index",
  cause?: unknown,
): SafetensorsError {
  return new SafetensorsError(`Cannot read ${quote(path)}: ${message}`, { code, path, cause });
}
