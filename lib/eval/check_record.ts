/**
 * What a run of a check gave, row by row, and what it was run on: the form in which shards travel
 * and results are kept.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import type { Metric } from "../text/tasks.ts";
import type { CheckInputs } from "./check_inputs.ts";
import type { Outputs } from "./compare.ts";
import type { HeadChoice } from "./head.ts";
import { argmax } from "./metrics.ts";
import type { PrecisionError } from "./precision.ts";
import type { Shard } from "./shards.ts";

/** Version of the form; one of another version is refused. */
export const RECORD_FORMAT = 1;

/** How the rows were read and run. */
export interface CheckSettings {
  /** The task preset in use. */
  readonly task: string | null;
  /** Column of the text, where it was named. */
  readonly text: string | null;
  /** Column of the second text, where it was named. */
  readonly textPair: string | null;
  /** Column of the label, where it was named. */
  readonly label: string | null;
  /** Rows taken from the start; `null` is all. */
  readonly limit: number | null;
  /** Tokens of a row at most. */
  readonly maxLength: number;
  /** Element type of the device. */
  readonly precision: "f32" | "f16";
  /** Which head gave the outputs. */
  readonly head: HeadChoice;
}

/** What is known of a run beside its rows; it stands with the first of them. */
export interface CheckRecord {
  /** Version of this form. */
  readonly format: 1;
  /** Version of tinygraft that ran it. */
  readonly tinygraft: string;
  /** Which part of the rows. */
  readonly shard: Shard;
  /** Rows of all parts. */
  readonly rows: number;
  /** Tokens of this part's rows. */
  readonly tokens: number;
  /** Hashes of what was run. */
  readonly inputs: CheckInputs;
  /** How it was run. */
  readonly settings: CheckSettings;
  /** What is judged. */
  readonly metric: Metric;
  /** What is reported beside it. */
  readonly alsoReport: readonly Metric[];
  /** What the outputs mean. */
  readonly outputs: Pick<AdapterTask, "type" | "labels">;
  /** The device, `mixed` where parts ran on several. */
  readonly device: string;
  /** The device's own name. */
  readonly deviceDescription: string;
  /** What f16 cost, where it was asked for. */
  readonly precisionError?: PrecisionError;
}

/** One adapter's outputs for one row. */
export interface RowOutput {
  /** The classifier's outputs. */
  readonly logits: readonly number[];
  /** The class index of the largest logit, or the score. */
  readonly prediction: number;
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
  /** What was run; with the first row only. */
  readonly check?: CheckRecord;
}

/** A run of a check, or of a part of one. */
export interface CheckRun {
  /** What was run. */
  readonly record: CheckRecord;
  /** The rows' places in the data set, 0-based and ascending. */
  readonly indices: readonly number[];
  /** Class indices, or scores for regression, one a row. */
  readonly targets: Uint32Array | Float64Array;
  /** Outputs of the adapter before. */
  readonly before: Outputs;
  /** Outputs of the adapter after. */
  readonly after: Outputs;
}

/**
 * Makes the rows of a run as `--predictions` writes them, one after the other: together they would
 * take half a kilobyte a row.
 *
 * @param run The run.
 * @returns One object a row, in the order of the data set; the first says what was run.
 */
export function* predictionsOf(run: CheckRun): Generator<CheckPrediction> {
  const { record, indices, targets } = run;
  const isClasses = record.outputs.type === "classification";
  const [before, after] = [outputsOf(run.before, isClasses), outputsOf(run.after, isClasses)];
  for (const [row, index] of indices.entries()) {
    yield {
      index,
      label: targets[row]!,
      before: before(row),
      after: after(row),
      ...(row === 0 ? { check: record } : {}),
    };
  }
}

function outputsOf(
  { logits, rows, cols }: Outputs,
  isClasses: boolean,
): (row: number) => RowOutput {
  const classes = isClasses ? argmax(logits, rows, cols) : undefined;
  return (row) => {
    const values = [...logits.subarray(row * cols, (row + 1) * cols)];
    return { logits: values, prediction: classes?.[row] ?? values[0]! };
  };
}
