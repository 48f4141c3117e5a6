/**
 * Text without labels, for what is fitted to it or measured on it.
 *
 * @module
 */

import type { Encoding } from "../text/tokenizer.ts";
import { type DataOptions, readRows } from "./rows.ts";
import { countTokens, encodeRows, taskOf } from "./run.ts";
import type { Session } from "./session.ts";

/** Where text was taken from, and how much of it. */
export interface TextOrigin {
  /** The file. */
  readonly path: string;
  /** Rows taken. */
  readonly rows: number;
  /** Their tokens, after truncation. */
  readonly tokens: number;
}

/** Text, ready to run. */
export interface TextSample extends TextOrigin {
  /** One token sequence a row. */
  readonly encodings: readonly Encoding[];
}

/**
 * Reads rows of text and tokenises them; labels are not looked at. Rows are taken from all over the
 * file, evenly: one that is sorted by label or length would not be represented by its start.
 *
 * @param session The open session; its head says what the task is.
 * @param options The file and its columns.
 * @param count Rows to take at most.
 * @param signal Stops the work.
 * @returns The sample.
 * @throws {DataError} naming file and line of what cannot be read.
 * @throws {InterruptedError} when the signal is aborted.
 */
export async function readText(
  session: Session,
  options: DataOptions,
  count: number,
  signal?: AbortSignal,
): Promise<TextSample> {
  const { rows } = await readRows(options, taskOf(session), false);
  const encodings = encodeRows(session, takeEvenly(rows, count), signal);
  return sampleOf(options.data, encodings);
}

/**
 * Names token sequences as a sample of a file.
 *
 * @param path The file.
 * @param encodings One token sequence a row; kept.
 * @returns The sample.
 */
export function sampleOf(path: string, encodings: readonly Encoding[]): TextSample {
  return { path, rows: encodings.length, tokens: countTokens(encodings), encodings };
}

/**
 * Takes some of many, evenly spaced, in order.
 *
 * @param items All of them.
 * @param count How many to take at most.
 * @returns The first one and those at equal distances from it; all where there are no more.
 */
export function takeEvenly<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}
