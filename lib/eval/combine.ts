/**
 * Putting the shards of a check together again.
 *
 * @module
 */

import { DataError, UsageError } from "../errors.ts";
import { findTask } from "../text/tasks.ts";
import type { CheckRecord, CheckRun } from "./check_record.ts";
import type { Outputs } from "./compare.ts";
import { requireDefined } from "./run.ts";
import { formatShard, shardOfRow, WHOLE } from "./shards.ts";

/** A run and the file that it was read from. */
export interface ReadRun {
  /** The file. */
  readonly path: string;
  /** What it holds. */
  readonly run: CheckRun;
}

/** The device of runs that were made on several. */
export const MIXED_DEVICES = "mixed";

/** Shards and rows that a message names at most. */
const NAMED_SHARDS = 6;
const NAMED_ROWS = 3;

/** What must be the same in every shard of a check, and how messages call it. */
const SHARED: readonly (readonly [string, (record: CheckRecord) => unknown])[] = [
  ["data file", ({ inputs }) => inputs.data],
  ["number of rows", ({ rows }) => rows],
  ["number of shards", ({ shard }) => shard.count],
  ["base", ({ inputs }) => inputs.base],
  ["adapter before", ({ inputs }) => inputs.before],
  ["adapter after", ({ inputs }) => inputs.after],
  ["configs of base, tokenizer and adapters", ({ inputs }) => inputs.settings],
  ["task and options", ({ settings }) => settings],
  ["metric", ({ metric, alsoReport }) => [metric, alsoReport]],
  ["labels", ({ outputs }) => outputs],
  ["version of tinygraft", ({ tinygraft }) => tinygraft],
];

/**
 * Puts shards together.
 *
 * @param parts The shards of one check, in any order; or one run of all rows.
 * @param task A task whose metrics to judge by, where it is not the one of the run.
 * @returns The run of all rows; its device is `mixed` where the shards ran on different ones.
 * @throws {DataError} with code `shard-mismatch` where they are not of one check, `duplicate-rows`
 * and `missing-rows`, naming rows and shards.
 * @throws {UsageError} with code `unknown-task`, or for a task of another kind.
 */
export function combineRuns(parts: readonly ReadRun[], task?: string): CheckRun {
  const [first] = parts;
  if (first === undefined) throw new TypeError("Cannot combine shards: there are none");
  for (const part of parts) requireSameCheck(first, part);
  const places = placeRows(parts, first.run.record);
  const record = judgedBy(joinRecords(parts), task);
  const targets = first.run.targets instanceof Uint32Array
    ? new Uint32Array(record.rows)
    : new Float64Array(record.rows);
  for (const { run } of parts) {
    for (const [i, row] of run.indices.entries()) targets[row] = run.targets[i]!;
  }
  requireDefined(record.metric, targets, first.path);
  return {
    record,
    indices: places,
    targets,
    before: join(parts, ({ before }) => before, record.rows),
    after: join(parts, ({ after }) => after, record.rows),
  };
}

function requireSameCheck(first: ReadRun, part: ReadRun): void {
  for (const [name, read] of SHARED) {
    const [wanted, found] = [first, part].map(({ run }) => JSON.stringify(read(run.record)));
    if (wanted === found) continue;
    throw new DataError(
      `Cannot combine "${part.path}" with "${first.path}": its ${name} is ${found}, expected ` +
        `${wanted}: give the shards of one check`,
      { code: "shard-mismatch", path: part.path },
    );
  }
  const [wanted, found] = [first, part].map(({ run }) => [run.before.cols, run.after.cols].join());
  if (wanted === found) return;
  throw new DataError(
    `Cannot combine "${part.path}" with "${first.path}": its rows have ${found} logits, expected ` +
      `${wanted}: give the shards of one check`,
    { code: "shard-mismatch", path: part.path },
  );
}

/** Sees to it that every row is there once; returns all of them. */
function placeRows(parts: readonly ReadRun[], { rows, shard: { count } }: CheckRecord): number[] {
  const owner = new Map<number, ReadRun>();
  for (const part of parts) {
    for (const row of part.run.indices) {
      const other = owner.get(row);
      if (other !== undefined) {
        throw new DataError(
          `Cannot combine "${part.path}" with "${other.path}": row ${row} of shard ` +
            `${formatShard({ index: shardOfRow(row, count), count })} stands in both, expected ` +
            "every row once: give each shard once",
          { code: "duplicate-rows", path: part.path },
        );
      }
      owner.set(row, part);
    }
  }
  const all = Array.from({ length: rows }, (_, row) => row);
  const missing = all.filter((row) => !owner.has(row));
  if (missing.length === 0) return all;
  throw new DataError(
    `Cannot combine ${parts.length === 1 ? "one file" : `${parts.length} files`}: ` +
      `${missing.length} of ${rows} rows are missing, ${describeMissing(missing, count)}: run ` +
      "what is missing and give its predictions too",
    { code: "missing-rows" },
  );
}

function describeMissing(missing: readonly number[], count: number): string {
  const byShard = Map.groupBy(missing, (row) => shardOfRow(row, count));
  const named = [...byShard].sort(([a], [b]) => a - b).slice(0, NAMED_SHARDS)
    .map(([index, rows]) => {
      const more = rows.length > NAMED_ROWS ? ", …" : "";
      const list = `${rows.slice(0, NAMED_ROWS).join(", ")}${more}`;
      return `${rows.length === 1 ? "row" : "rows"} ${list} of shard ` +
        formatShard({ index, count });
    });
  const rest = byShard.size - named.length;
  return named.join("; ") + (rest > 0 ? `; and rows of ${rest} more shards` : "");
}

function joinRecords(parts: readonly ReadRun[]): CheckRecord {
  const records = parts.map(({ run }) => run.record);
  const first = records[0]!;
  const errors = records.flatMap(({ precisionError }) => precisionError ?? []);
  const devices = new Set(records.map(({ device }) => device));
  const descriptions = new Set(records.map(({ deviceDescription }) => deviceDescription));
  return {
    ...first,
    shard: WHOLE,
    tokens: records.reduce((sum, { tokens }) => sum + tokens, 0),
    device: devices.size === 1 ? first.device : MIXED_DEVICES,
    deviceDescription: [...descriptions].join("; "),
    ...(errors.length === 0 ? {} : {
      precisionError: {
        rows: errors.reduce((sum, { rows }) => sum + rows, 0),
        maxLogitError: Math.max(...errors.map(({ maxLogitError }) => maxLogitError)),
        changedLabels: errors.reduce((sum, { changedLabels }) => sum + changedLabels, 0),
      },
    }),
  };
}

function judgedBy(record: CheckRecord, name: string | undefined): CheckRecord {
  if (name === undefined) return record;
  const task = findTask(name);
  if (task.name === record.settings.task) return record;
  if (task.kind !== record.outputs.type) {
    throw new UsageError(
      `Cannot judge the predictions as task "${name}": it is ${task.kind}, they are of a ` +
        `${record.outputs.type}: leave --task out`,
    );
  }
  const { metric, alsoReport } = task;
  const settings = { ...record.settings, task: task.name };
  return { ...record, settings, metric, alsoReport };
}

function join(
  parts: readonly ReadRun[],
  read: (run: CheckRun) => Outputs,
  rows: number,
): Outputs {
  const { cols } = read(parts[0]!.run);
  const logits = new Float32Array(rows * cols);
  for (const { run } of parts) {
    const from = read(run).logits;
    for (const [i, row] of run.indices.entries()) {
      logits.set(from.subarray(i * cols, (i + 1) * cols), row * cols);
    }
  }
  return { logits, rows, cols };
}
