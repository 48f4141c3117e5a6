/**
 * A planned merge measured before it is written: on text layer by layer, on labelled rows by the
 * task's metric.
 *
 * @module
 */

import { type MeasuredLayer, measureMerge } from "../calibrate/measure.ts";
import type { AdapterMerge } from "../merge/merge_adapter.ts";
import { CALIBRATION_ROWS } from "../merge/method_names.ts";
import type { BaseSizes } from "../merge/advice.ts";
import type { Backend } from "../compute/backend.ts";
import { classifyRows, type Logits } from "../runtime/classify.ts";
import type { AdapterWeights } from "../runtime/load.ts";
import { placeAdapter } from "../runtime/place.ts";
import {
  type CompareOptions,
  compareOutputs,
  type Comparison,
  type MetricValues,
  readPredictions,
} from "./compare.ts";
import { computeMetric } from "./metrics.ts";
import type { DataOptions } from "./rows.ts";
import { type LabelledRows, readLabelled } from "./run.ts";
import type { Session, SessionOptions } from "./session.ts";
import { readText, sampleOf, takeEvenly, type TextOrigin, type TextSample } from "./text_rows.ts";

/** Rows that layers are measured on: errors are means over thousands of tokens by then. */
const MEASURED_ROWS = 256;

/** What a merge is fitted to and measured on, and where. */
export interface EvidenceOptions
  extends Omit<SessionOptions, "adapters">, Omit<DataOptions, "data"> {
  /** A file of labelled rows: the metric before and after. Nothing is ever fitted to it. */
  readonly data?: string | undefined;
  /** A file of text, whose labels are not looked at, that merging is fitted to. */
  readonly calibrate?: string | undefined;
  /** Rows of `calibrate` to use, taken evenly; {@linkcode CALIBRATION_ROWS} by default. */
  readonly calibrationRows?: number | undefined;
  /** Most rows in a batch. */
  readonly batch?: number | undefined;
  /** Stops the work; nothing was written by then. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far the work is, and which part of it. */
  readonly onProgress?: ((done: number, total: number, label: string) => void) | undefined;
}

/** Labelled rows as they were run. */
export interface MeasuredRows extends TextOrigin {
  /** Name of the task preset in use, if any. */
  readonly task: string | undefined;
}

/** What running a merge showed. */
export interface MeasuredMerge {
  /** The device that ran it. */
  readonly device: Backend["name"];
  /** The device's own name. */
  readonly deviceDescription: string;
  /** The base's sizes, which the heads' share of compute comes from. */
  readonly base: BaseSizes;
  /** The text that merging was fitted to, if any. */
  readonly calibration?: TextOrigin;
  /** The text that layers were measured on: labelled rows where there are any. */
  readonly text: TextOrigin;
  /** One measurement a layer, against the adapter before; of a soup against the exact mean. */
  readonly layers: readonly MeasuredLayer[];
  /** The labelled rows, if any. */
  readonly data?: MeasuredRows;
  /** The metric before and after on the labelled rows, if any. */
  readonly comparison?: Comparison;
}

/** Rows that a session has read: labelled, text to fit to, or both. */
export interface Evidence {
  /** Labelled rows, and their file. */
  readonly labelled?: LabelledRows & { readonly path: string };
  /** Text to fit to. */
  readonly text?: TextSample;
}

/**
 * Reads and tokenises all rows that a merge is fitted to and measured on.
 *
 * @param session The open session; its first adapter says what the task is.
 * @param options The files and their columns.
 * @returns The rows.
 * @throws {DataError} naming file and line of what cannot be read.
 * @throws {InterruptedError} when the signal is aborted.
 */
export async function readEvidence(session: Session, options: EvidenceOptions): Promise<Evidence> {
  const { data, calibrate, calibrationRows = CALIBRATION_ROWS, signal } = options;
  const labelled = data === undefined ? undefined : {
    ...await readLabelled(session, { ...options, data }, signal),
    path: data,
  };
  if (calibrate === undefined) return labelled === undefined ? {} : { labelled };
  // The limit is one of labelled rows; a column of labels is none of this file's business.
  const columns = { ...options, data: calibrate, limit: undefined };
  const text = await readText(session, columns, calibrationRows, signal);
  return { text, ...(labelled === undefined ? {} : { labelled }) };
}

/** Both adapters' outputs on labelled rows, and how they are judged. */
export interface MeasuredOutputs {
  /** Of the adapter before; of a soup the exact mean. */
  readonly before: Logits;
  /** Of the merged adapter. */
  readonly after: Logits;
  /** Class indices, or scores for regression, one a row. */
  readonly targets: Uint32Array | Float64Array;
  /** The kind of task and its metrics. */
  readonly options: CompareOptions;
}

/** What {@linkcode runVariants} gives: logits of the adapter before, after, and of others. */
export interface VariantLogits {
  /** Of the adapter before. */
  readonly before: Logits;
  /** Of the merged adapter. */
  readonly after: Logits;
  /** Of the other adapters, in order. */
  readonly others: readonly Logits[];
}

/**
 * Runs labelled rows through a merge's two adapters, and others, in one pass.
 *
 * @param session The open session.
 * @param merge The planned merge.
 * @param labelled The rows.
 * @param options Batch size, signal and progress.
 * @param others More adapters to run beside.
 * @returns The logits.
 */
export async function runVariants(
  session: Session,
  { before, after }: AdapterMerge,
  labelled: LabelledRows,
  options: EvidenceOptions,
  others: readonly AdapterWeights[] = [],
): Promise<VariantLogits> {
  const merged = [before, after].map((adapter) => placeAdapter(adapter, session.backend));
  const all = await runAdapters(session, [...merged, ...others], labelled, options, "Checking");
  const [logitsBefore, logitsAfter, ...rest] = all as [Logits, Logits, ...Logits[]];
  return { before: logitsBefore, after: logitsAfter, others: rest };
}

/**
 * Runs labelled rows through adapters in one pass.
 *
 * @param session The open session.
 * @param adapters Their weights on its device.
 * @param labelled The rows.
 * @param options Batch size, signal and progress.
 * @param label What is being done, for the progress.
 * @returns The logits of each adapter, in order.
 */
export async function runAdapters(
  session: Session,
  adapters: readonly AdapterWeights[],
  labelled: LabelledRows,
  options: EvidenceOptions,
  label: string,
): Promise<Logits[]> {
  const encoder = session.encoder.withAdapters(adapters);
  const { variants } = await classifyRows(encoder, labelled.encodings, {
    maxSequences: options.batch,
    signal: options.signal,
    onProgress: (done, total) => options.onProgress?.(done, total, label),
  });
  return variants;
}

/**
 * Compares two adapters' logits on labelled rows by the task's metric.
 *
 * @param session The open session; its first adapter says what kind of task it is.
 * @param labelled The rows.
 * @param before Logits of one adapter.
 * @param after Logits of the other.
 * @returns The comparison.
 */
export function compareLogits(
  session: Session,
  labelled: LabelledRows,
  before: Logits,
  after: Logits,
): Comparison {
  return compareOutputs(before, after, labelled.targets, judgedBy(session, labelled));
}

/**
 * Tells how outputs on labelled rows are judged.
 *
 * @param session The open session; its first adapter says what kind of task it is.
 * @param labelled The rows.
 * @returns The kind of task and its metrics.
 */
export function judgedBy(session: Session, { data }: LabelledRows): CompareOptions {
  const { metric, alsoReport } = data;
  return { kind: session.adapters[0]!.config.task.type, metric, alsoReport };
}

/**
 * Computes the task's metrics of one adapter's logits on labelled rows.
 *
 * @param session The open session; its first adapter says what kind of task it is.
 * @param labelled The rows.
 * @param logits The logits.
 * @returns The metric that the task is judged by, and those reported beside it.
 */
export function metricsOf(
  session: Session,
  { data, targets }: LabelledRows,
  logits: Logits,
): MetricValues {
  const kind = session.adapters[0]!.config.task.type;
  const predictions = readPredictions(logits, targets, kind);
  const names = [data.metric, ...data.alsoReport];
  return Object.fromEntries(names.map((name) => [name, computeMetric(name, predictions)]));
}

/**
 * Measures a planned merge's layers on text.
 *
 * @param session The open session.
 * @param merge The planned merge.
 * @param evidence Rows from {@linkcode readEvidence}; labelled ones are preferred, as nothing was
 * fitted to them.
 * @param options Signal and progress.
 * @returns All of the measurement but the metric.
 */
export async function measureLayers(
  session: Session,
  { before, after }: AdapterMerge,
  { labelled, text }: Evidence,
  { signal, onProgress }: EvidenceOptions,
): Promise<MeasuredMerge> {
  const { backend, weights } = session;
  const { hiddenSize, intermediateSize } = weights.config;
  const sample = labelled === undefined
    ? sampleOf(text!.path, takeEvenly(text!.encodings, MEASURED_ROWS))
    : sampleOf(labelled.path, takeEvenly(labelled.encodings, MEASURED_ROWS));
  const run = {
    backend,
    weights,
    encodings: sample.encodings,
    signal,
    onProgress: (done: number, total: number) => onProgress?.(done, total, "Measuring layers"),
  };
  const layers = await measureMerge(run, before.modules, after.modules, before.placement);
  return {
    device: backend.name,
    deviceDescription: backend.description,
    base: { hiddenSize, intermediateSize },
    ...(text === undefined ? {} : { calibration: originOf(text) }),
    text: originOf(sample),
    layers,
    ...(labelled === undefined ? {} : {
      data: {
        path: labelled.path,
        rows: labelled.data.rows.length,
        tokens: labelled.tokens,
        task: labelled.data.task?.name,
      },
    }),
  };
}

function originOf({ path, rows, tokens }: TextOrigin): TextOrigin {
  return { path, rows, tokens };
}
