/**
 * Splits TSV, CSV and JSONL text into records that know their line.
 *
 * @module
 */

import { parse } from "@std/csv";
import { DataError } from "../errors.ts";

/** One row of a table. */
export interface TableRecord {
  /** Its fields, as text. */
  readonly fields: readonly string[];
  /** The line it starts on, counted from 1. */
  readonly line: number;
}

/** One object of a JSONL file. */
export interface JsonRecord {
  /** The object. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Its line, counted from 1. */
  readonly line: number;
}

/**
 * Makes the error for a row that cannot be read.
 *
 * @param path The file.
 * @param line The line, counted from 1.
 * @param found What was found and expected.
 * @returns The error, for the caller to throw.
 */
export function malformedRow(path: string, line: number, found: string): DataError {
  return new DataError(`Cannot read "${path}" line ${line}: ${found}: mend or remove the row`, {
    code: "malformed-row",
    path,
  });
}

/** Splits text into lines; LF and CRLF end a line, and the last need not be ended. */
function lines(text: string): string[] {
  const list = text.replace(/^\ufeff/, "").split("\n");
  if (list.at(-1) === "") list.pop();
  return list.map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
}

/**
 * Splits a TSV text. Quotes are data, and every row must have as many fields as the first.
 *
 * @param text The file's text.
 * @param path The file, for messages.
 * @returns The rows, a header included.
 * @throws {DataError} `malformed-row` for a row of another width.
 */
export function readTsv(text: string, path: string): TableRecord[] {
  const rows = lines(text).map((line, i) => ({ fields: line.split("\t"), line: i + 1 }));
  checkWidths(rows, path);
  return rows;
}

/**
 * Splits a CSV text by RFC 4180. Every row must have as many fields as the first.
 *
 * @param text The file's text.
 * @param path The file, for messages.
 * @returns The rows, a header included.
 * @throws {DataError} `malformed-row` for misplaced quotes, empty lines and rows of another width.
 */
export function readCsv(text: string, path: string): TableRecord[] {
  const list = lines(text);
  // The parser passes over empty lines, which would go unreported and shift the line numbers.
  let line = 1;
  const rows = parseCsv(list, path).map((fields) => {
    if (list[line - 1] === "") throw malformedRow(path, line, "the line is empty");
    const row = { fields, line };
    line += 1 + fields.reduce((sum, field) => sum + field.split("\n").length - 1, 0);
    return row;
  });
  if (line <= list.length) throw malformedRow(path, line, "the line is empty");
  checkWidths(rows, path);
  return rows;
}

/**
 * Splits a JSONL text into objects.
 *
 * @param text The file's text.
 * @param path The file, for messages.
 * @returns The objects.
 * @throws {DataError} `malformed-row` for a line that is not one JSON object.
 */
export function readJsonl(text: string, path: string): JsonRecord[] {
  return lines(text).map((source, i) => {
    const value = parseJson(source, path, i + 1);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw malformedRow(path, i + 1, "the line is not a JSON object");
    }
    return { value: value as Record<string, unknown>, line: i + 1 };
  });
}

function parseCsv(list: readonly string[], path: string): string[][] {
  try {
    return parse(list.join("\n"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A quote that is never closed is noticed at the end of the file: the row's start tells where.
    const [, start, line, reason] =
      error.message.match(/(?:on line (\d+); )?parse error on line (\d+), (.*)$/s) ?? [];
    throw malformedRow(path, Number(start ?? line ?? 1), reason ?? error.message);
  }
}

function parseJson(source: string, path: string, line: number): unknown {
  if (source.trim() === "") throw malformedRow(path, line, "the line is empty");
  try {
    return JSON.parse(source);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformedRow(path, line, `the line is not valid JSON (${error.message})`);
  }
}

function checkWidths(rows: readonly TableRecord[], path: string): void {
  const width = rows[0]?.fields.length ?? 0;
  for (const { fields, line } of rows) {
    if (fields.length === width) continue;
    const found = `${fields.length} field${fields.length === 1 ? "" : "s"}`;
    throw malformedRow(path, line, `${found}, expected ${width} as on line 1`);
  }
}
