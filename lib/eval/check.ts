/**
 * The check after a merge: accuracy of two adapters on the same rows, and what the second lost.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import type { Backend } from "../compute/backend.ts";
import { TinygraftError } from "../errors.ts";
import type { Logits } from "../runtime/classify.ts";
import type { Row } from "../text/dataset.ts";
import { compareOutputs, type Comparison } from "./compare.ts";
import type { HeadChoice } from "./head.ts";
import { argmax } from "./metrics.ts";
import { describePrecision, measurePrecision, type PrecisionError } from "./precision.ts";
import type { DataOptions } from "./rows.ts";
import { runRows, taskOf } from "./run.ts";
import { openSession, type SessionOptions } from "./session.ts";

/** What to check. */
export interface CheckOptions extends DataOptions, Omit<SessionOptions, "adapters"> {
  /** The adapter before the merge: a folder, or a checkpoint made by `inject`. */
  readonly before: string;
  /** The adapter after the merge. */
  readonly after: string;
  /** The largest drop of the metric that still passes, as a fraction. */
  readonly maxDrop: number;
  /** Most rows in a batch. */
  readonly batch?: number | undefined;
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Where the time of a check went, in seconds. */
export interface CheckTimings {
  /** Opening files and device, hashing the base, uploading the weights. */
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

/** What the check found. */
export interface CheckResult extends Comparison {
  /** Which head gave the outputs. */
  readonly head: HeadChoice["kind"];
  /** The device that ran it. */
  readonly device: Backend["name"];
  /** The device's own name. */
  readonly deviceDescription: string;
  /** What f16 cost, where it was asked for. */
  readonly precisionError?: PrecisionError;
  /** The largest drop that passes. */
  readonly maxDrop: number;
  /** Whether the drop is at most that. */
  readonly passed: boolean;
  /** Tokens run, once for both adapters. */
  readonly tokens: number;
  /** Where the time went. */
  readonly timings: CheckTimings;
  /** One prediction a row, made when first read; not enumerable: a copy of the result lacks them. */
  readonly predictions: readonly CheckPrediction[];
  /** The rows, as many as predictions and in their order. */
  readonly rows: readonly Row[];
  /** What the outputs mean. */
  readonly task: AdapterTask;
}

/** Both adapters' outputs for one row, as `--predictions` writes them. */
export interface CheckPrediction {
  /** 0-based row of the data set. */
  readonly index: number;
  /** The row's class index or score. */
  readonly label: number;
  /** Outputs of the adapter before. */
  readonly before: RowOutput;
  /** Outputs of the adapter after. */
  readonly after: RowOutput;
}

/** One adapter's outputs for one row. */
export interface RowOutput {
  /** The classifier's outputs. */
  readonly logits: readonly number[];
  /** The class index of the largest logit, or the score. */
  readonly prediction: number;
}

/**
 * Checks what a merge cost: runs both adapters over the same rows in one pass.
 *
 * @param options Base, adapters, data and device.
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
  const started = performance.now();
  const opening = { ...options, adapters: [options.before, options.after] };
  using session = await openSession(opening);
  const [before, after] = session.adapters as [Adapter, Adapter];
  requireSameTask(before, after);
  const task = taskOf(session);
  const loaded = performance.now();
  const { data, targets, variants, tokens, timings } = await runRows(session, {
    ...options,
    maxSequences: options.batch,
  });
  const ran = performance.now();
  const [logitsBefore, logitsAfter] = variants as [Logits, Logits];
  const kind = task.type;
  const comparison = compareOutputs(logitsBefore, logitsAfter, targets, { kind, ...data });
  const precisionError = options.precision === "f16"
    ? await measurePrecision(opening, session, data.rows, variants)
    : undefined;
  if (precisionError) options.onWarning?.(describePrecision(precisionError));
  const ended = performance.now();
  const result = {
    ...comparison,
    head: options.head?.kind ?? "adapter",
    device: session.backend.name,
    deviceDescription: session.backend.description,
    ...(precisionError ? { precisionError } : {}),
    maxDrop: options.maxDrop,
    passed: comparison.drop <= options.maxDrop,
    tokens,
    timings: {
      load: (loaded - started) / 1000,
      ...timings,
      compare: (ended - ran) / 1000,
      total: (ended - started) / 1000,
    },
    rows: data.rows,
    task,
  };
  return withPredictions(result, () => predictionsOf(logitsBefore, logitsAfter, targets, kind));
}

/** Most callers want no row by row outputs, which take half a kilobyte a row: made when read. */
function withPredictions(
  result: Omit<CheckResult, "predictions">,
  list: () => CheckPrediction[],
): CheckResult {
  let known: CheckPrediction[] | undefined;
  // Not enumerable, or a spread would make them.
  return Object.defineProperty(result, "predictions", {
    get: () => known ??= list(),
  }) as CheckResult;
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

function predictionsOf(
  before: Logits,
  after: Logits,
  targets: ArrayLike<number>,
  kind: "classification" | "regression",
): CheckPrediction[] {
  const outputs = (variant: Logits) => {
    const classes = kind === "classification"
      ? argmax(variant.logits, variant.rows, variant.cols)
      : undefined;
    return (row: number): RowOutput => {
      const logits = [...variant.logits.subarray(row * variant.cols, (row + 1) * variant.cols)];
      return { logits, prediction: classes?.[row] ?? logits[0]! };
    };
  };
  const [outputBefore, outputAfter] = [outputs(before), outputs(after)];
  return Array.from({ length: before.rows }, (_, index) => ({
    index,
    label: targets[index]!,
    before: outputBefore(index),
    after: outputAfter(index),
  }));
}
