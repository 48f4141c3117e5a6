/**
 * Data sets from files, whatever their format.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { FileSource, listFolder, readTextFile } from "../checkpoint/sources.ts";
import { DataError } from "../errors.ts";
import { type DatasetOptions, parseDataset, type Row } from "../text/dataset.ts";
import { readParquet } from "../text/parquet.ts";

/** Which rows of a data set are read. */
export interface DataFileOptions extends DatasetOptions {
  /** Rows to take from the start; all unless given. */
  readonly limit?: number | undefined;
  /** Stops the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a data set: text as `parseDataset` does, Parquet as `readParquet` does. In the name of a
 * Parquet file `*` stands for any text, so that one split in many files is read whole.
 *
 * @param options The file and its columns.
 * @returns The rows, in file order.
 * @throws {TinygraftError} when the file cannot be opened.
 * @throws {DataError} naming file and line of what cannot be read.
 * @throws {UsageError} for an unknown extension.
 */
export async function readDataFile(options: DataFileOptions): Promise<Row[]> {
  const { path, limit } = options;
  if (!isParquet(path)) {
    const rows = parseDataset(await readTextFile(path), options);
    return limit === undefined ? rows : rows.slice(0, limit);
  }
  const files: FileSource[] = [];
  try {
    for (const each of dataFiles(path)) files.push(FileSource.open(each));
    return await readParquet(files, options);
  } finally {
    for (const file of files) file.close();
  }
}

function isParquet(path: string): boolean {
  return path.toLowerCase().endsWith(".parquet");
}

/**
 * Lists the files of a data set: one, or those that a Parquet file's name with `*` stands for.
 *
 * @param path The path, as {@linkcode readDataFile} takes it.
 * @returns Paths in the order of reading.
 * @throws {DataError} with code `not-found` where no file has such a name.
 */
export function dataFiles(path: string): string[] {
  if (!isParquet(path)) return [path];
  const [folder, pattern] = [dirname(path), basename(path)];
  if (!pattern.includes("*")) return [path];
  const parts = pattern.split("*").map((part) => RegExp.escape(part));
  const matching = new RegExp(`^${parts.join(".*")}$`);
  const names = listFolder(folder).filter((name) => matching.test(name)).sort();
  if (names.length > 0) return names.map((name) => join(folder, name));
  throw new DataError(`Cannot read "${path}": no file in its folder has such a name: check it`, {
    code: "not-found",
    path,
  });
}
