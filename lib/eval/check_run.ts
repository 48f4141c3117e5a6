/**
 * Running both adapters of a check over the rows of a data set, or over a part of them.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { DataError, TinygraftError } from "../errors.ts";
import { classifyRows, type Logits, type RunTimings } from "../runtime/classify.ts";
import type { Row } from "../text/dataset.ts";
import { VERSION } from "../version.ts";
import type { CheckInputs } from "./check_inputs.ts";
import { type CheckRun, type CheckSettings, RECORD_FORMAT } from "./check_record.ts";
import { describePrecision, measurePrecision } from "./precision.ts";
import { type DataOptions, type DataRows, readRows, targetsOf } from "./rows.ts";
import { countTokens, encodeRows, requireDefined, taskOf } from "./run.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { formatShard, type Shard, shardRows, WHOLE } from "./shards.ts";

/** What to run. */
export interface CheckRunOptions extends DataOptions, Omit<SessionOptions, "adapters"> {
  /** The adapter before the merge: a folder, or a checkpoint made by `inject`. */
  readonly before: string;
  /** The adapter after the merge. */
  readonly after: string;
  /** Which part of the rows; all of them when left out. */
  readonly shard?: Shard | undefined;
  /** Most rows in a batch. */
  readonly batch?: number | undefined;
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a run gave that is not kept with it. */
export interface FreshRun {
  /** The run. */
  readonly run: CheckRun;
  /** The rows that were run, in the order of its outputs. */
  readonly rows: readonly Row[];
  /** Where the time went, in seconds. */
  readonly timings: RunTimings & { readonly load: number; readonly tokenize: number };
}

/**
 * Runs both adapters of a check in one pass.
 *
 * @param options Base, adapters, data and device.
 * @param inputs Their hashes.
 * @returns The run and its rows.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together.
 * @throws {DataError} with code `empty-data` when there are more shards than rows.
 */
export async function runCheck(options: CheckRunOptions, inputs: CheckInputs): Promise<FreshRun> {
  const started = performance.now();
  const opening = {
    ...options,
    baseHash: inputs.base,
    adapters: [options.before, options.after],
  };
  using session = await openSession(opening);
  const [before, after] = session.adapters as [Adapter, Adapter];
  requireSameTask(before, after);
  const task = taskOf(session);
  const loaded = performance.now();
  const { shard = WHOLE } = options;
  const { data, indices, targets } = await readShard(session, options, shard);
  const rows = indices.map((index) => data.rows[index]!);
  const encodings = encodeRows(session, rows, options.signal);
  const tokenized = performance.now();
  const run = { ...options, maxSequences: options.batch };
  const { variants, timings } = await classifyRows(session.encoder, encodings, run);
  const [logitsBefore, logitsAfter] = variants as [Logits, Logits];
  const precisionError = options.precision === "f16"
    ? await measurePrecision(opening, session, rows, variants)
    : undefined;
  if (precisionError) options.onWarning?.(describePrecision(precisionError));
  const record = {
    format: RECORD_FORMAT,
    tinygraft: VERSION,
    shard,
    rows: data.rows.length,
    tokens: countTokens(encodings),
    inputs,
    settings: settingsOf(options, data, session),
    metric: data.metric,
    alsoReport: data.alsoReport,
    outputs: { type: task.type, labels: task.labels },
    device: session.backend.name,
    deviceDescription: session.backend.description,
    ...(precisionError ? { precisionError } : {}),
  } as const;
  return {
    run: { record, indices, targets, before: logitsBefore, after: logitsAfter },
    rows,
    timings: {
      load: (loaded - started) / 1000,
      tokenize: (tokenized - loaded) / 1000,
      ...timings,
    },
  };
}

/** The rows are judged as a whole before a part is taken: it may well have labels of one kind. */
async function readShard(session: Session, options: CheckRunOptions, shard: Shard) {
  const task = taskOf(session);
  const data = await readRows(options, task, true);
  const all = targetsOf(data, options.data, task, session.numLabels);
  requireDefined(data.metric, all, options.data);
  const indices = shardRows(data.rows.length, shard);
  if (indices.length === 0) {
    throw new DataError(
      `Cannot run shard ${formatShard(shard)} of "${options.data}": it has ${data.rows.length} ` +
        "rows, expected one for each shard at least: take fewer shards",
      { code: "empty-data", path: options.data },
    );
  }
  const pick = (_: number, place: number) => all[indices[place]!]!;
  const targets = all instanceof Uint32Array
    ? new Uint32Array(indices.length).map(pick)
    : new Float64Array(indices.length).map(pick);
  return { data, indices, targets };
}

function settingsOf(options: CheckRunOptions, data: DataRows, session: Session): CheckSettings {
  return {
    task: data.task?.name ?? null,
    text: options.text ?? null,
    textPair: options.textPair ?? null,
    label: options.label ?? null,
    limit: options.limit ?? null,
    maxLength: session.maxLength,
    precision: options.precision ?? "f32",
    head: options.head ?? { kind: "adapter" },
  };
}

/** An adapter without a classifier, for a head of the base's, need not name its labels. */
function requireSameTask(before: Adapter, after: Adapter): void {
  const unnamed = [before, after].find(({ config, numLabels }) =>
    numLabels === 0 && config.task.labels === null
  );
  if (unnamed !== undefined && before.config.task.type === after.config.task.type) return;
  const describe = ({ config, numLabels }: Adapter) =>
    `${config.task.type} with ${config.task.labels?.join(", ") ?? `${numLabels} outputs`}`;
  const [wanted, found] = [describe(before), describe(after)];
  if (wanted === found) return;
  throw new TinygraftError(
    `Cannot compare "${after.location}" with "${before.location}": its task is ${found}, ` +
      `expected ${wanted}`,
    { code: "label-mismatch", path: after.location },
  );
}
