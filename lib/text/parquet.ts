/**
 * Reads data sets from Parquet files, in which the Hub keeps them.
 *
 * @module
 */

import type { AsyncBuffer, Compressors, FileMetaData } from "hyparquet";
import { DataError, InterruptedError, TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { type DatasetOptions, recordKeys, recordRows, requireRows, type Row } from "./dataset.ts";
import { checkPages, MAX_PAGE_BYTES, MAX_VALUES, type PageLevels } from "./parquet_pages.ts";

/** How Parquet files are read. */
export interface ParquetOptions extends DatasetOptions {
  /** Rows to take from the start; all unless given. */
  readonly limit?: number | undefined;
  /** Stops the work between row groups. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a data set from Parquet files, one after the other: of each row group only the columns that
 * are asked for, and no row group behind the limit. Every usual compression is known.
 *
 * Columns are named, not counted; those not named come from the task, as in JSONL. A class stands
 * as its number, as the library `datasets` stores it.
 *
 * @param files The files, in order; they stay open and belong to the caller.
 * @param options The path for messages, columns, task and limit.
 * @returns The rows; `line` counts them over all files, from 1.
 * @throws {DataError} `invalid-parquet`, `missing-column`, `malformed-row` or `empty-data`.
 *
 * @example A data set of the Hub's
 * ```ts
 * import { FileSource, findTask, readParquet } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const file = FileSource.open("fixtures/parquet/snappy.parquet");
 * const rows = await readParquet([file], {
 *   path: "validation.parquet",
 *   task: findTask("sst2"),
 *   requireLabel: true,
 * });
 * file.close();
 * assertEquals(rows[5], { text: "good", label: 1, line: 6 });
 * ```
 */
export async function readParquet(
  files: readonly ByteSource[],
  options: ParquetOptions,
): Promise<Row[]> {
  const { path, limit = Infinity, signal } = options;
  const rows: Row[] = [];
  for (const file of files) {
    for await (const group of rowGroups(file, options, limit - rows.length)) {
      if (signal?.aborted) throw new InterruptedError();
      const records = group.records.map((value, i) => ({ value, line: rows.length + i + 1 }));
      for (const row of recordRows(records, group.keys, options)) rows.push(row);
    }
    if (rows.length >= limit) break;
  }
  return requireRows(rows, path);
}

/** The records of a file, one row group at a time. */
async function* rowGroups(source: ByteSource, options: ParquetOptions, limit: number) {
  const { path } = options;
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
  const compressors = await boundedCompressors(path);
  const file = bufferOf(source, path);
  const metadata: FileMetaData = await reading(path, () => parquetMetadataAsync(file));
  const names = await reading(path, () => parquetSchema(metadata).children);
  const keys = recordKeys(names.map(({ element }) => element.name), options);
  const columns = [keys.text, keys.pair, keys.label].filter((name) => name !== undefined);
  const refuse = (found: string) => invalid(path, found);
  let rowStart = 0;
  for (const { num_rows: count, columns: chunks } of metadata.row_groups) {
    const rowEnd = rowStart + Math.min(Number(count), limit - rowStart);
    if (rowEnd <= rowStart) continue;
    if (count > MAX_VALUES) throw refuse(`a row group has ${count} rows, more than ${MAX_VALUES}`);
    for (const { meta_data: meta } of chunks) {
      const [name = ""] = meta?.path_in_schema ?? [];
      if (meta === undefined || !columns.includes(name)) continue;
      const levels = await reading(path, () => levelsOf(metadata, meta.path_in_schema));
      await reading(path, () => checkPages(source, meta, levels, { compressors, refuse }));
    }
    const asked = { file, metadata, compressors, columns, rowStart, rowEnd };
    const records = await reading(path, () => parquetReadObjects(asked));
    if (records.length !== rowEnd - rowStart) {
      throw invalid(path, `a row group has ${records.length} rows, expected ${rowEnd - rowStart}`);
    }
    yield { keys, records: records.map(plainValues) };
    rowStart = rowEnd;
  }
}

async function levelsOf({ schema }: FileMetaData, path: readonly string[]): Promise<PageLevels> {
  const { getSchemaPath, getMaxRepetitionLevel, getMaxDefinitionLevel } = await import(
    "hyparquet/src/schema.js"
  );
  const place = getSchemaPath(schema, [...path]);
  return {
    repetition: getMaxRepetitionLevel(place),
    definition: getMaxDefinitionLevel(place),
  };
}

/** A file as the library reads it; what it asks for beyond the end comes from a damaged footer. */
function bufferOf(source: ByteSource, path: string): AsyncBuffer {
  const { byteLength } = source;
  const slice = (begin: number, end = byteLength) => {
    const isInside = begin >= 0 && begin <= end && end <= byteLength;
    const bytes = isInside
      ? source.read(begin, end).then(({ buffer }) => buffer)
      : Promise.reject(invalid(path, `it refers to bytes ${begin} to ${end} of ${byteLength}`));
    // The library reads ahead, and does not wait for all when one part fails.
    bytes.catch(() => {});
    return bytes;
  };
  return { byteLength, slice };
}

/** The library's errors are of many kinds; what the file's reader says stays as it is. */
async function reading<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TinygraftError || error instanceof InterruptedError) throw error;
    throw invalid(path, error instanceof Error ? error.message : String(error), error);
  }
}

function invalid(path: string, found: string, cause?: unknown): DataError {
  return new DataError(
    `Cannot read "${path}": ${found}, expected a whole Parquet file: download it again`,
    { code: "invalid-parquet", path, cause },
  );
}

/** Integers are of 64 bits, and a class's number never needs them. */
function plainValues(record: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(record).map(([key, value]) => {
    if (typeof value !== "bigint") return [key, value];
    const number = Number(value);
    return [key, Number.isSafeInteger(number) ? number : String(value)];
  });
  return Object.fromEntries(entries);
}

/** Every compression, none beyond a page's bound. */
async function boundedCompressors(path: string): Promise<Compressors> {
  const { compressors } = await import("hyparquet-compressors");
  const bounded = Object.entries(compressors).map(([codec, unpack]) => {
    return [codec, (input: Uint8Array, length: number) => {
      if (length <= MAX_PAGE_BYTES) return unpack(input, length);
      throw invalid(path, `a page has ${length} bytes, more than ${MAX_PAGE_BYTES}`);
    }];
  });
  return Object.fromEntries(bounded);
}
