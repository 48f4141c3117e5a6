/**
 * Reads data sets: rows of one text or two, with a label.
 *
 * @module
 */

import { DataError, UsageError } from "../errors.ts";
import {
  type ColumnNames,
  findColumn,
  findKey,
  isHeader,
  type WantedColumns,
  wantedColumns,
} from "./columns.ts";
import {
  type JsonRecord,
  malformedRow,
  readCsv,
  readJsonl,
  readTsv,
  type TableRecord,
} from "./records.ts";
import type { Task } from "./tasks.ts";

/** One example of a data set. */
export interface Row {
  /** The text. */
  readonly text: string;
  /** The second text, where the data set has pairs. */
  readonly pair?: string;
  /** The label as the file spells it ("true" and "false" for JSON's); a number where JSON has one. */
  readonly label?: number | string;
  /** The line that the row starts on, counted from 1; in Parquet the row's own number. */
  readonly line: number;
}

/** How to read a data set. */
export interface DatasetOptions extends ColumnNames {
  /** The file: its extension is the format, and messages name it. */
  readonly path: string;
  /** The task whose columns to look for where none are named. */
  readonly task?: Task | undefined;
  /** Whether every row must have a label. */
  readonly requireLabel: boolean;
}

/**
 * Reads a data set: TSV (`.tsv`, `.txt`: quotes are data), CSV (`.csv`: RFC 4180) or JSONL
 * (`.jsonl`, `.ndjson`: one object a line). A byte-order mark is dropped, lines end in LF or
 * CRLF, and no line is passed over: one that cannot be read is an error.
 *
 * A column is named by its header, or by its 0-based index: in a table, a name of digits only is
 * an index. A table has no header when all names given are indices, or, where none is given, when
 * it is a TSV file of a task whose files have none (CoLA) and its first line does not hold the
 * task's column names; else its first line is the header. In JSONL a column is always a key.
 * Columns not named come from the task. Without a task the text is looked for under "sentence" and
 * "text", the label under "label".
 *
 * @param text The file's text.
 * @param options The path, task and columns.
 * @returns The rows, in file order.
 * @throws {UsageError} for an unknown extension.
 * @throws {DataError} `missing-column`, `malformed-row` or `empty-data`.
 *
 * @example Reading a TSV file
 * ```ts
 * import { parseDataset } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const rows = parseDataset('sentence\tlabel\nso "good"\t1\n', {
 *   path: "dev.tsv",
 *   text: "sentence",
 *   requireLabel: true,
 * });
 * assertEquals(rows, [{ text: 'so "good"', label: "1", line: 2 }]);
 * ```
 */
export function parseDataset(text: string, options: DatasetOptions): Row[] {
  const { path } = options;
  return requireRows(readRows(text, options), path);
}

/**
 * Refuses a data set without rows.
 *
 * @param rows The rows.
 * @param path The file, for messages.
 * @returns The rows.
 * @throws {DataError} `empty-data`.
 */
export function requireRows(rows: Row[], path: string): Row[] {
  if (rows.length > 0) return rows;
  throw new DataError(`Cannot read "${path}": it has no rows, expected at least one: add some`, {
    code: "empty-data",
    path,
  });
}

/** The keys under which records hold what a row is made of. */
export interface RecordKeys {
  /** Key of the text. */
  readonly text: string;
  /** Key of the second text, where there is one. */
  readonly pair: string | undefined;
  /** Key of the label, where there is one. */
  readonly label: string | undefined;
}

/**
 * Finds the keys of the records of a data set.
 *
 * @param keys The keys that records have.
 * @param options The path, task and columns.
 * @returns The keys of text and label.
 * @throws {DataError} `missing-column`.
 */
export function recordKeys(keys: readonly string[], options: DatasetOptions): RecordKeys {
  const { path, task, requireLabel } = options;
  const wanted = wantedColumns(options, task?.columns, requireLabel);
  const find = (column: WantedColumns["pair"]) => column && findKey(column, keys, path);
  return {
    text: find(wanted.text) ?? "",
    pair: find(wanted.pair),
    label: find(wanted.label),
  };
}

/**
 * Makes rows of records.
 *
 * @param records The records.
 * @param keys Where they hold text and label.
 * @param options The path, for messages, and whether each must have a label.
 * @returns One row a record.
 * @throws {DataError} `malformed-row` for a text that is none, or a label that is absent or neither
 * text, number nor boolean.
 */
export function recordRows(
  records: readonly JsonRecord[],
  keys: RecordKeys,
  { path, requireLabel }: Pick<DatasetOptions, "path" | "requireLabel">,
): Row[] {
  return records.map((record) => {
    const label = keys.label === undefined ? undefined : jsonLabel(record, keys.label, path);
    if (label === undefined && requireLabel) {
      throw malformedRow(path, record.line, "the label is empty or absent");
    }
    const pair = keys.pair === undefined ? undefined : jsonText(record, keys.pair, path);
    return makeRow(jsonText(record, keys.text, path), pair, label, record.line);
  });
}

function readRows(text: string, options: DatasetOptions): Row[] {
  const { path, task, requireLabel } = options;
  const wanted = wantedColumns(options, task?.columns, requireLabel);
  switch (path.toLowerCase().match(/\.[^./\\]*$/)?.[0]) {
    case ".tsv":
    case ".txt": {
      const headerless = task?.columns.headerless !== undefined;
      return tableRows(readTsv(text, path), wanted, headerless, options);
    }
    case ".csv":
      return tableRows(readCsv(text, path), wanted, false, options);
    case ".jsonl":
    case ".ndjson":
      return jsonRows(readJsonl(text, path), options);
  }
  throw new UsageError(
    `Cannot read "${path}": its extension names no known format, expected .tsv, .csv, .jsonl or ` +
      `.parquet: convert or rename the file`,
    { path },
  );
}

function tableRows(
  records: readonly TableRecord[],
  wanted: WantedColumns,
  headerless: boolean,
  { path, requireLabel }: DatasetOptions,
): Row[] {
  const first = records[0]?.fields;
  if (!first) return [];
  const header = isHeader(first, wanted, headerless) ? first : undefined;
  const find = (column: WantedColumns["pair"]) =>
    column && findColumn(column, header, first.length, path);
  const [textColumn, pairColumn, labelColumn] = [wanted.text, wanted.pair, wanted.label].map(find);
  const field = (fields: readonly string[], column: number | undefined) =>
    column === undefined ? undefined : fields[column];
  return (header ? records.slice(1) : records).map(({ fields, line }) => {
    const label = field(fields, labelColumn) || undefined;
    if (label === undefined && requireLabel) throw malformedRow(path, line, "the label is empty");
    return makeRow(field(fields, textColumn) ?? "", field(fields, pairColumn), label, line);
  });
}

function jsonRows(records: readonly JsonRecord[], options: DatasetOptions): Row[] {
  const first = records[0]?.value;
  return first ? recordRows(records, recordKeys(Object.keys(first), options), options) : [];
}

function jsonText({ value, line }: JsonRecord, key: string, path: string): string {
  const text = Object.hasOwn(value, key) ? value[key] : undefined;
  if (typeof text === "string") return text;
  throw malformedRow(
    path,
    line,
    `"${key}" is ${JSON.stringify(text) ?? "absent"}, expected a text`,
  );
}

function jsonLabel({ value, line }: JsonRecord, key: string, path: string) {
  const label = Object.hasOwn(value, key) ? value[key] : undefined;
  if (label === undefined || label === null || label === "") return undefined;
  if (typeof label === "string" || typeof label === "number") return label;
  if (typeof label === "boolean") return String(label);
  throw malformedRow(
    path,
    line,
    `"${key}" is ${JSON.stringify(label)}, expected a text, a number or a boolean`,
  );
}

function makeRow(
  text: string,
  pair: string | undefined,
  label: number | string | undefined,
  line: number,
): Row {
  return {
    text,
    ...(pair !== undefined && { pair }),
    ...(label !== undefined && { label }),
    line,
  };
}
