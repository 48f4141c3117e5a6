/**
 * Predictions of one adapter, or of a base: labels and probabilities of texts.
 *
 * @module
 */

import { findEmbeddedConfig } from "../adapter/embedded.ts";
import { openModel } from "../checkpoint/open_model.ts";
import type { Backend } from "../compute/backend.ts";
import { classifyRows } from "../runtime/classify.ts";
import type { Row } from "../text/dataset.ts";
import type { HeadChoice } from "./head.ts";
import { argmax } from "./metrics.ts";
import { describePrecision, measurePrecision } from "./precision.ts";
import { type DataOptions, readRows } from "./rows.ts";
import { encodeRows, taskOf } from "./run.ts";
import { openSession, type SessionOptions } from "./session.ts";

/** What to predict: rows of a file, or texts. */
export interface PredictOptions
  extends Partial<Omit<DataOptions, "limit">>, Omit<SessionOptions, "adapters"> {
  /**
   * The adapter: a folder, or a checkpoint made by `inject`. Left out, it is the one that the base
   * carries; where it carries none, the base is run alone, with its own head unless one is asked.
   */
  readonly adapter?: string | undefined;
  /** Texts to classify, where there is no file. */
  readonly texts?: readonly string[] | undefined;
  /** Rows to take from the file's start. */
  readonly limit?: number | undefined;
  /** Most rows in a batch. */
  readonly batch?: number | undefined;
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** One row's prediction. */
export interface Prediction {
  /** 0-based row. */
  readonly index: number;
  /** The label's name; its class index where labels have no names; the score for regression. */
  readonly label: string | number;
  /** Probabilities in label order; `null` for regression. */
  readonly probabilities: readonly number[] | null;
  /** The classifier's outputs. */
  readonly logits: readonly number[];
}

/** What {@linkcode predictRows} found. */
export interface PredictResult {
  /** Which head gave the outputs. */
  readonly head: HeadChoice["kind"];
  /** The device that ran it. */
  readonly device: Backend["name"];
  /** Names of the labels in order, if they have names. */
  readonly labels: readonly string[] | null;
  /** The rows, as read. */
  readonly rows: readonly Row[];
  /** One prediction a row. */
  readonly predictions: readonly Prediction[];
}

/**
 * Classifies texts with one adapter, or with the base alone.
 *
 * @param options Base, adapter or head, and a file or texts.
 * @returns One prediction a row.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together.
 *
 * @example One sentence
 * ```ts
 * import { predictRows } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const { predictions } = await predictRows({
 *   base: "fixtures/mini/encoder",
 *   adapter: "fixtures/mini/adapter",
 *   texts: ["where is my parcel"],
 *   device: "reference",
 * });
 * assertEquals(predictions.length, 1);
 * ```
 */
export async function predictRows(options: PredictOptions): Promise<PredictResult> {
  const adapter = options.adapter ?? await carrierOf(options.base);
  const head: HeadChoice = options.head ?? { kind: adapter === undefined ? "base" : "adapter" };
  const opening = { ...options, head, adapters: adapter === undefined ? [] : [adapter] };
  using session = await openSession(opening);
  const { type, labels } = taskOf(session);
  const { data, texts = [] } = options;
  const rows: readonly Row[] = data === undefined
    ? texts.map((text, index) => ({ text, line: index + 1 }))
    : (await readRows({ ...options, data }, taskOf(session), false)).rows;
  const encodings = encodeRows(session, rows, options.signal);
  const { variants } = await classifyRows(session.encoder, encodings, {
    maxSequences: options.batch,
    signal: options.signal,
    onProgress: options.onProgress,
  });
  if (options.precision === "f16") {
    const error = await measurePrecision(opening, session, rows, variants);
    options.onWarning?.(describePrecision(error));
  }
  const { logits, cols } = variants[0]!;
  const regression = type === "regression";
  const classes = regression ? undefined : argmax(logits, rows.length, cols);
  const predictions = rows.map((_, index): Prediction => {
    const outputs = logits.subarray(index * cols, (index + 1) * cols);
    const label = classes === undefined
      ? outputs[0]!
      : labels?.[classes[index]!] ?? classes[index]!;
    const probabilities = regression ? null : softmax(outputs);
    return { index, label, probabilities, logits: [...outputs] };
  });
  return { head: head.kind, device: session.backend.name, labels, rows, predictions };
}

/** The base, if it carries an adapter. */
async function carrierOf(base: string): Promise<string | undefined> {
  using model = await openModel(base);
  return findEmbeddedConfig(model.checkpoint) === undefined ? undefined : base;
}

/** Probabilities of logits, in f64; the maximum is subtracted, so that none overflows. */
function softmax(logits: Float32Array): number[] {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
