/**
 * Splitting a data set's rows over machines.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

/** Shards of one check at most; a number beyond it is a slip. */
const MAX_SHARDS = 10_000;

/** One part of a data set's rows. */
export interface Shard {
  /** Which part, from 1. */
  readonly index: number;
  /** How many parts there are. */
  readonly count: number;
}

/** All rows. */
export const WHOLE: Shard = { index: 1, count: 1 };

/**
 * Reads a shard as the command line has it.
 *
 * @param text Part and number of parts, such as `2/7`; parts count from 1.
 * @returns The shard.
 * @throws {UsageError} for anything else.
 *
 * @example The second of seven
 * ```ts
 * import { parseShard } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseShard("2/7"), { index: 2, count: 7 });
 * ```
 */
export function parseShard(text: string): Shard {
  const [, first, second] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  const [index, count] = [Number(first), Number(second)];
  if (index >= 1 && index <= count && count <= MAX_SHARDS) return { index, count };
  throw new UsageError(
    `Bad value "${text}" of --shard: expected I/N, such as 2/7: part I of N, from 1 to N, N at ` +
      `most ${MAX_SHARDS}`,
  );
}

/** Writes a shard as {@linkcode parseShard} reads it. */
export function formatShard({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * Lists the rows of a shard: every N-th, so that each gets its share of long and short rows whether
 * the file is sorted or not, and a row's shard is known without the file.
 *
 * @param rows Rows of the data set.
 * @param shard The shard.
 * @returns 0-based rows, ascending; empty where there are fewer rows than shards.
 */
export function shardRows(rows: number, { index, count }: Shard): number[] {
  const length = Math.max(0, Math.ceil((rows - index + 1) / count));
  return Array.from({ length }, (_, i) => index - 1 + i * count);
}

/**
 * Tells which shard has a row.
 *
 * @param row The row, 0-based.
 * @param count How many shards there are.
 * @returns The shard's number, from 1.
 */
export function shardOfRow(row: number, count: number): number {
  return row % count + 1;
}
