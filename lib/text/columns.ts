/**
 * Finds the columns of a data set: by the names given, else by those of the task.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { malformedRow } from "./records.ts";
import type { TaskColumns } from "./tasks.ts";

/** The columns that the caller names; each wins over the task's. */
export interface ColumnNames {
  /** The column of the text. */
  readonly text?: string | undefined;
  /** The column of the second text. */
  readonly textPair?: string | undefined;
  /** The column of the label. */
  readonly label?: string | undefined;
}

/** A column to look for. */
export interface WantedColumn {
  /** The flag that names it, for messages. */
  readonly flag: "--text" | "--text-pair" | "--label";
  /** The name or 0-based index that the caller gave. */
  readonly given: string | undefined;
  /** The task's names for it, best first. */
  readonly known: readonly string[];
  /** Names beside which none of the known ones is taken unless the caller gives it. */
  readonly rivals?: readonly string[];
  /** The task's 0-based index of it in files without a header. */
  readonly index: number | undefined;
  /** Whether it is an error not to find it. */
  readonly required: boolean;
}

/** The columns to look for; `pair` is undefined for data sets of single texts. */
export interface WantedColumns {
  /** The column of the text. */
  readonly text: WantedColumn;
  /** The column of the second text. */
  readonly pair: WantedColumn | undefined;
  /** The column of the label. */
  readonly label: WantedColumn;
}

/** What files without a task and without `--text` most often call their text. */
const DEFAULT_TEXT_COLUMNS = ["sentence", "text"];

/** Beside one of these a "sentence" is half of a pair: which halves to take must be said. */
const PAIR_COLUMNS = ["question", "passage", "premise", "hypothesis", "sentence2", "text_pair"];

const INDEX = /^(0|[1-9][0-9]*)$/;

/**
 * Says which columns to look for.
 *
 * @param given The columns that the caller names.
 * @param task The task's columns, when there is a task.
 * @param requireLabel Whether a label is needed even where the caller names none.
 * @returns The wanted columns.
 */
export function wantedColumns(
  given: ColumnNames,
  task: TaskColumns | undefined,
  requireLabel: boolean,
): WantedColumns {
  const hasPair = given.textPair !== undefined || task?.textPair !== undefined;
  return {
    text: {
      flag: "--text",
      given: given.text,
      known: task?.text ?? DEFAULT_TEXT_COLUMNS,
      rivals: task ? [] : PAIR_COLUMNS,
      index: task?.headerless?.text,
      required: true,
    },
    pair: hasPair
      ? {
        flag: "--text-pair",
        given: given.textPair,
        known: task?.textPair ?? [],
        index: undefined,
        required: true,
      }
      : undefined,
    label: {
      flag: "--label",
      given: given.label,
      known: task?.label ?? ["label"],
      index: task?.headerless?.label,
      required: requireLabel || given.label !== undefined,
    },
  };
}

/**
 * Tells whether a table's first line is a header: it is not when every column that the caller
 * names is an index, nor, where the caller names none, when the task's files have no header and
 * the line does not hold the task's names.
 *
 * @param first The fields of the first line.
 * @param wanted The columns to look for.
 * @param headerless Whether the task's files of this format have no header.
 * @returns Whether the line is a header.
 */
export function isHeader(
  first: readonly string[],
  { text, pair, label }: WantedColumns,
  headerless: boolean,
): boolean {
  const given = [text, pair, label].flatMap((column) => column?.given ?? []);
  if (given.length > 0) return !given.every((name) => INDEX.test(name));
  const holds = (column: WantedColumn) => column.known.some((name) => first.includes(name));
  return !headerless || (holds(text) && holds(label));
}

/**
 * Finds a column in a table.
 *
 * @param wanted The column to look for.
 * @param header The header, or undefined for a table without one.
 * @param width Columns of the table.
 * @param path The file, for messages.
 * @returns The 0-based column, or undefined when it is neither there nor required.
 * @throws {DataError} `missing-column`; `malformed-row` when the header holds the name twice.
 */
export function findColumn(
  wanted: WantedColumn,
  header: readonly string[] | undefined,
  width: number,
  path: string,
): number | undefined {
  const { given } = wanted;
  if (given !== undefined && INDEX.test(given)) {
    if (Number(given) < width) return Number(given);
    throw missingColumn(wanted, `columns 0 to ${width - 1}`, path);
  }
  if (!header) {
    if (wanted.index !== undefined && wanted.index < width) return wanted.index;
    if (!wanted.required) return undefined;
    throw missingColumn(wanted, `${width} columns without a header`, path);
  }
  const name = findName(wanted, header);
  if (name !== undefined) {
    const column = header.indexOf(name);
    if (header.indexOf(name, column + 1) < 0) return column;
    throw malformedRow(path, 1, `column "${name}" stands twice in the header, expected once`);
  }
  if (!wanted.required) return undefined;
  throw missingColumn(wanted, `the columns ${header.join(", ")}`, path);
}

/**
 * Finds a column among the keys of a JSON object.
 *
 * @param wanted The column to look for.
 * @param keys The object's keys.
 * @param path The file, for messages.
 * @returns The key, or undefined when it is neither there nor required.
 * @throws {DataError} `missing-column`.
 */
export function findKey(
  wanted: WantedColumn,
  keys: readonly string[],
  path: string,
): string | undefined {
  const name = findName(wanted, keys);
  if (name === undefined && wanted.required) {
    throw missingColumn(wanted, `the keys ${keys.join(", ")}`, path);
  }
  return name;
}

function findName(
  { given, known, rivals = [] }: WantedColumn,
  names: readonly string[],
): string | undefined {
  if (given === undefined && rivals.some((rival) => names.includes(rival))) return undefined;
  const candidates = given === undefined ? known : [given];
  return candidates.find((candidate) => names.includes(candidate));
}

function missingColumn(wanted: WantedColumn, found: string, path: string): DataError {
  const { flag, given, known } = wanted;
  const names = (given === undefined ? known : [given]).map((name) => `"${name}"`).join(" or ");
  return new DataError(
    `Cannot read "${path}": line 1 has ${found}, expected ${names}: name the column with ${flag}`,
    { code: "missing-column", path },
  );
}
