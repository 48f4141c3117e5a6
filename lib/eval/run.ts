/**
 * A data set's rows through every adapter of a session.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import { DataError, InterruptedError } from "../errors.ts";
import { type ClassifyOptions, classifyRows, type Logits } from "../runtime/classify.ts";
import type { RunTimings } from "../runtime/classify.ts";
import type { Row } from "../text/dataset.ts";
import type { Metric } from "../text/tasks.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { type DataOptions, type DataRows, readRows, targetsOf } from "./rows.ts";
import type { Session } from "./session.ts";

/** What to run. */
export interface RunOptions extends DataOptions, ClassifyOptions {}

/** What every adapter of a session gave for the same rows. */
export interface RowsRun {
  /** The rows, their task and metric. */
  readonly data: DataRows;
  /** Class indices, or scores for regression, one a row. */
  readonly targets: Uint32Array | Float64Array;
  /** Logits of each adapter, in the session's order. */
  readonly variants: readonly Logits[];
  /** Tokens of all rows, after truncation. */
  readonly tokens: number;
  /** Where the time went, in seconds; `tokenize` includes reading the file. */
  readonly timings: RunTimings & { readonly tokenize: number };
}

/** Labelled rows, ready to run. */
export interface LabelledRows {
  /** The rows, their task and metric. */
  readonly data: DataRows;
  /** Class indices, or scores for regression, one a row. */
  readonly targets: Uint32Array | Float64Array;
  /** One token sequence a row. */
  readonly encodings: readonly Encoding[];
  /** Tokens of all rows, after truncation. */
  readonly tokens: number;
}

/**
 * Reads labelled rows and runs them through every adapter of a session, in one pass.
 *
 * @param session The open session; its head says what the labels are.
 * @param options The file, its columns, and how to run.
 * @returns Rows, targets and logits.
 * @throws {DataError} naming file and line of what cannot be read; with code `undefined-metric`
 * when the task's metric has no value on these labels.
 * @throws {InterruptedError} when the signal is aborted.
 */
export async function runRows(session: Session, options: RunOptions): Promise<RowsRun> {
  const started = performance.now();
  const { encodings, ...rows } = await readLabelled(session, options, options.signal);
  const tokenize = (performance.now() - started) / 1000;
  const { variants, timings } = await classifyRows(session.encoder, encodings, options);
  return { ...rows, variants, timings: { ...timings, tokenize } };
}

/**
 * Reads labelled rows and tokenises them.
 *
 * @param session The open session; its head says what the labels are.
 * @param options The file and its columns.
 * @param signal Stops the work.
 * @returns Rows, targets and token sequences.
 * @throws {DataError} and {InterruptedError} as {@linkcode runRows}.
 */
export async function readLabelled(
  session: Session,
  options: DataOptions,
  signal?: AbortSignal,
): Promise<LabelledRows> {
  const task = taskOf(session);
  const data = await readRows(options, task, true);
  const targets = targetsOf(data, options.data, task, session.numLabels);
  requireDefined(data.metric, targets, options.data);
  const encodings = encodeRows(session, data.rows, signal);
  return { data, targets, encodings, tokens: countTokens(encodings) };
}

/**
 * Tells what a session's outputs mean.
 *
 * @param session The open session.
 * @returns The task.
 * @throws {TypeError} when the session has neither an adapter nor a head.
 */
export function taskOf({ task }: Session): AdapterTask {
  if (task !== undefined) return task;
  throw new TypeError("Cannot run rows: the session has no adapter and no head");
}

/** Tokens of all sequences. */
export function countTokens(encodings: readonly Encoding[]): number {
  return encodings.reduce((sum, { ids }) => sum + ids.length, 0);
}

/**
 * Refuses labels on which a metric has no value: a correlation with a constant is 0 / 0, and a gate
 * on it would pass whatever the adapters do.
 *
 * @param metric The metric.
 * @param targets Class indices or scores, one a row.
 * @param path The file, for messages.
 * @throws {DataError} with code `undefined-metric` for a correlation with labels that are all equal.
 */
export function requireDefined(metric: Metric, targets: ArrayLike<number>, path: string): void {
  if (metric === "accuracy" || metric === "f1" || metric === "macroF1") return;
  const first = targets[0];
  for (let i = 1; i < targets.length; i++) if (targets[i] !== first) return;
  throw new DataError(
    `Cannot compute ${metric} on "${path}": every one of its ${targets.length} labels is ` +
      `${first}, expected at least two different ones: take more rows`,
    { code: "undefined-metric", path },
  );
}

/**
 * Tokenises rows with a session's tokenizer and length, as cloze questions where it asks some.
 *
 * @param session The open session.
 * @param rows The rows.
 * @param signal Stops the work.
 * @returns One token sequence a row.
 * @throws {InterruptedError} when the signal is aborted.
 */
export function encodeRows(
  { tokenizer, cloze, maxLength }: Session,
  rows: readonly Row[],
  signal?: AbortSignal,
): Encoding[] {
  return rows.map(({ text, pair }) => {
    if (signal?.aborted) throw new InterruptedError();
    return (cloze ?? tokenizer).encode(text, pair, maxLength);
  });
}
