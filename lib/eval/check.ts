/**
 * The check after a merge: accuracy of two adapters on the same rows, and what the second lost.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import { DataError } from "../errors.ts";
import type { Row } from "../text/dataset.ts";
import { requireSameGround } from "./baseline.ts";
import { cacheKey, type CheckCache, keepRun, readKept } from "./check_cache.ts";
import { type CheckInputs, hashData, hashInputs } from "./check_inputs.ts";
import { type CheckFailure, type CheckLimits, judgeLimits } from "./check_limits.ts";
import {
  type CheckPrediction,
  type CheckRun,
  type CheckSettings,
  predictionsOf,
} from "./check_record.ts";
import { type CheckRunOptions, type FreshRun, runCheck } from "./check_run.ts";
import { combineRuns, MIXED_DEVICES } from "./combine.ts";
import { parsePredictions } from "./combine_read.ts";
import { compareOutputs, type Comparison } from "./compare.ts";
import type { HeadChoice } from "./head.ts";
import type { PrecisionError } from "./precision.ts";
import { readRows } from "./rows.ts";
import type { Shard } from "./shards.ts";

export type { CheckPrediction, RowOutput } from "./check_record.ts";

/** What to check, and what it must keep to. */
export interface CheckOptions extends Omit<CheckRunOptions, "shard">, CheckLimits {
  /** Where runs are kept; without it everything is evaluated. */
  readonly cache?: CheckCache | undefined;
}

/** What part of a check to run. */
export interface CheckShardOptions extends CheckRunOptions {
  /** Which part of the rows. */
  readonly shard: Shard;
  /** Where runs are kept; without it everything is evaluated. */
  readonly cache?: CheckCache | undefined;
}

/** Where the time of a check went, in seconds. */
export interface CheckTimings {
  /** Opening files and device, hashing what is run, uploading the weights. */
  readonly load: number;
  /** Reading and tokenising the rows. */
  readonly tokenize: number;
  /** Packing, gathering embeddings, uploading and recording. */
  readonly upload: number;
  /** Waiting for the device to finish. */
  readonly compute: number;
  /** Copying the logits back. */
  readonly readback: number;
  /** Metrics and their significance. */
  readonly compare: number;
  /** All of it. */
  readonly total: number;
}

/** What is said of a run, judged or not. */
export interface RunFacts {
  /** Which head gave the outputs. */
  readonly head: HeadChoice["kind"];
  /** The device that ran it; `mixed` where shards ran on different ones. */
  readonly device: string;
  /** The device's own name. */
  readonly deviceDescription: string;
  /** What f16 cost, where it was asked for. */
  readonly precisionError?: PrecisionError;
  /** Tokens run, once for both adapters. */
  readonly tokens: number;
  /** Hashes of what was run. */
  readonly inputs: CheckInputs;
  /** How the rows were read and run. */
  readonly settings: CheckSettings;
  /** Whether the outputs were taken from an earlier, identical run. */
  readonly cached: boolean;
  /** Where the time went. */
  readonly timings: CheckTimings;
  /** One prediction a row, made when first read; not enumerable: a copy of the result lacks them. */
  readonly predictions: readonly CheckPrediction[];
}

/** What the check found. */
export interface CheckResult extends Comparison, RunFacts {
  /** The largest drop that passes. */
  readonly maxDrop: number;
  /** The largest upper end of the drop's interval that passes, where there is a limit. */
  readonly maxDropUpper?: number;
  /** Whether every limit was kept. */
  readonly passed: boolean;
  /** The limits that were not. */
  readonly failures: readonly CheckFailure[];
  /** The rows in the order of the predictions; empty where shards were combined without data. */
  readonly rows: readonly Row[];
  /** What the outputs mean. */
  readonly task: AdapterTask;
}

/** What the run of a shard gave: outputs for {@linkcode combineChecks}, and no verdict. */
export interface CheckShardResult extends RunFacts {
  /** Which part. */
  readonly shard: Shard;
  /** Rows of this part. */
  readonly examples: number;
  /** Rows of all parts. */
  readonly rows: number;
}

/** The predictions of a shard as a text. */
export interface PredictionsFile {
  /** The file, for messages. */
  readonly path: string;
  /** What `check --predictions` wrote. */
  readonly text: string;
}

/** How shards are judged once they are together. */
export interface CombineOptions extends CheckLimits {
  /** A task whose metrics to judge by, where it is not that of the run. */
  readonly task?: string | undefined;
  /** Path of the data file, for the rows' texts; those are left out without it. */
  readonly data?: string | undefined;
  /** Told in one line where the shards ran on different devices. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Checks what a merge cost: runs both adapters over the same rows in one pass.
 *
 * @param options Base, adapters, data, device and limits.
 * @returns Metrics of both, the drop with its significance, and whether it passes.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together.
 *
 * @example The adapter that the repository ships against itself
 * ```ts
 * import { checkMerge } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const result = await checkMerge({
 *   base: "fixtures/mini/encoder",
 *   before: "fixtures/mini/adapter",
 *   after: "fixtures/mini/adapter",
 *   data: "fixtures/mini/data/dev.tsv",
 *   device: "reference",
 *   limit: 4,
 *   maxDrop: 0.01,
 * });
 * assertEquals([result.drop, result.agreement, result.passed], [0, 1, true]);
 * ```
 */
export async function checkMerge(options: CheckOptions): Promise<CheckResult> {
  const { run, rows, cached, ...clock } = await obtain(options, options.baseline);
  return conclude(run, options, { rows: rows ?? await rowsOf(run, options.data), cached, clock });
}

/**
 * Runs a part of a check's rows, to be judged by {@linkcode combineChecks} with the other parts.
 *
 * @param options What to run, and which part.
 * @returns What was run; its predictions are what is to be kept.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together.
 */
export async function checkShard(options: CheckShardOptions): Promise<CheckShardResult> {
  const { run, cached, ...clock } = await obtain(options);
  const { shard, rows } = run.record;
  const facts = factsOf(run, cached, timingsOf(clock, performance.now()));
  return withPredictions({ shard, examples: run.indices.length, rows, ...facts }, run);
}

/**
 * Judges the shards of a check as if they had been run in one piece.
 *
 * @param files The predictions of every shard, in any order.
 * @param options What the check must keep to.
 * @returns What the unsplit check gives, timings and device aside.
 * @throws {DataError} with code `invalid-predictions`, `shard-mismatch`, `duplicate-rows` or
 * `missing-rows`.
 * @throws {TinygraftError} when the data cannot be read or is not what was run.
 */
export async function combineChecks(
  files: readonly PredictionsFile[],
  options: CombineOptions,
): Promise<CheckResult> {
  const started = performance.now();
  const parts = files.map(({ path, text }) => ({ path, run: parsePredictions(text, path) }));
  const run = combineRuns(parts, options.task);
  const { device, deviceDescription, inputs } = run.record;
  if (device === MIXED_DEVICES) {
    options.onWarning?.(
      `the shards ran on different devices, which round differently: ${deviceDescription}`,
    );
  }
  if (options.baseline) requireSameGround(options.baseline, { data: inputs.data });
  const rows = options.data === undefined ? [] : await sameRowsOf(run, options.data);
  const clock = { started, ran: performance.now(), timings: NO_TIME };
  return conclude(run, options, { rows, cached: false, clock });
}

/** A run, and when what about it happened. */
interface Obtained extends Clock {
  readonly run: CheckRun;
  readonly rows: readonly Row[] | undefined;
  readonly cached: boolean;
}

/** When work began and when it had its outputs, in milliseconds, and its parts in seconds. */
interface Clock {
  readonly started: number;
  readonly ran: number;
  readonly timings: FreshRun["timings"];
}

const NO_TIME = { load: 0, tokenize: 0, upload: 0, compute: 0, readback: 0 };

/** Takes a run from the cache, or makes it and keeps it there. */
async function obtain(
  options: CheckRunOptions & { readonly cache?: CheckCache | undefined },
  baseline?: CheckLimits["baseline"],
): Promise<Obtained> {
  const started = performance.now();
  const inputs = await hashInputs(options);
  // A baseline of other data is found before minutes of work, not after.
  if (baseline !== undefined) requireSameGround(baseline, { data: inputs.data });
  const { cache, onWarning } = options;
  const key = cacheKey(inputs, options);
  const kept = cache && await readKept(cache, key, onWarning);
  const hashed = performance.now();
  const hashing = (hashed - started) / 1000;
  if (kept !== undefined) {
    for (const warning of kept.warnings) onWarning?.(warning);
    const timings = { ...NO_TIME, load: hashing };
    return { run: kept.run, rows: undefined, cached: true, started, ran: hashed, timings };
  }
  const warnings: string[] = [];
  const { run, rows, timings } = await runCheck({
    ...options,
    onWarning: (message) => {
      warnings.push(message);
      onWarning?.(message);
    },
  }, inputs);
  const ran = performance.now();
  if (cache !== undefined) await keepRun(cache, key, { run, warnings });
  const all = { ...timings, load: hashing + timings.load };
  return { run, rows, cached: false, started, ran, timings: all };
}

/** The texts of a run's rows, read again. */
async function rowsOf({ record, indices }: CheckRun, data: string): Promise<readonly Row[]> {
  const { task, text, textPair, label, limit } = record.settings;
  const { rows } = await readRows(
    {
      ...{ data, task: task ?? undefined, text: text ?? undefined, limit: limit ?? undefined },
      ...{ textPair: textPair ?? undefined, label: label ?? undefined },
    },
    record.outputs,
    true,
  );
  return indices.map((index) => rows[index]!);
}

/** As {@linkcode rowsOf}, of a file that may be another one. */
async function sameRowsOf(run: CheckRun, data: string): Promise<readonly Row[]> {
  const [found, wanted] = [await hashData(data), run.record.inputs.data];
  if (found === wanted) return await rowsOf(run, data);
  throw new DataError(
    `Cannot show the rows of "${data}" beside these predictions: its SHA-256 is ${found}, ` +
      `expected ${wanted}: give the data that was run`,
    { code: "shard-mismatch", path: data },
  );
}

function conclude(
  run: CheckRun,
  limits: CheckLimits,
  { rows, cached, clock }: {
    readonly rows: readonly Row[];
    readonly cached: boolean;
    readonly clock: Clock;
  },
): CheckResult {
  const { record, targets } = run;
  const { metric, alsoReport, outputs } = record;
  const comparison = compareOutputs(run.before, run.after, targets, {
    kind: outputs.type,
    ...{ metric, alsoReport },
  });
  const { maxDrop, maxDropUpper, baseline } = limits;
  if (baseline !== undefined) {
    const { inputs: { data }, settings: { task } } = record;
    requireSameGround(baseline, { metric, task, data, examples: comparison.examples });
  }
  const failures = judgeLimits(comparison, limits);
  const result = {
    ...comparison,
    ...factsOf(run, cached, timingsOf(clock, performance.now())),
    maxDrop,
    ...(maxDropUpper === undefined ? {} : { maxDropUpper }),
    passed: failures.length === 0,
    failures,
    rows,
    task: outputs,
  };
  return withPredictions(result, run);
}

function factsOf(
  { record }: CheckRun,
  cached: boolean,
  timings: CheckTimings,
): Omit<RunFacts, "predictions"> {
  const { settings, device, deviceDescription, precisionError, tokens, inputs } = record;
  return {
    ...{ head: settings.head.kind, device, deviceDescription },
    ...(precisionError ? { precisionError } : {}),
    ...{ tokens, inputs, settings, cached, timings },
  };
}

function timingsOf({ started, ran, timings }: Clock, now: number): CheckTimings {
  return { ...timings, compare: (now - ran) / 1000, total: (now - started) / 1000 };
}

/** Most callers want no row by row outputs, which take half a kilobyte a row: made when read. */
function withPredictions<T>(result: T, run: CheckRun): T & Pick<RunFacts, "predictions"> {
  let known: CheckPrediction[] | undefined;
  // Not enumerable, or a spread would make them.
  return Object.defineProperty(result, "predictions", {
    get: () => known ??= [...predictionsOf(run)],
  }) as T & Pick<RunFacts, "predictions">;
}
