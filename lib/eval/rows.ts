/**
 * A data set's rows as an adapter sees them: its task, its labels, its metric.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import { TinygraftError } from "../errors.ts";
import type { Row } from "../text/dataset.ts";
import { labelIndices, labelValues } from "../text/labels.ts";
import { findTask, type Metric, type Task, TASKS } from "../text/tasks.ts";
import { readDataFile } from "./data_file.ts";

/** Which file, and how to read it. */
export interface DataOptions {
  /** Path of a TSV, CSV, JSONL or Parquet file. */
  readonly data: string;
  /** Name of a task preset; `undefined` takes the adapter's own data set where that is one. */
  readonly task?: string | undefined;
  /** Column of the text, by name or 0-based index. */
  readonly text?: string | undefined;
  /** Column of the second text. */
  readonly textPair?: string | undefined;
  /** Column of the label. */
  readonly label?: string | undefined;
  /** Rows to take from the start; `undefined` takes all. */
  readonly limit?: number | undefined;
}

/** Rows, and what is measured on them. */
export interface DataRows {
  /** The rows, in file order. */
  readonly rows: readonly Row[];
  /** The preset in use, if any. */
  readonly task: Task | undefined;
  /** What the task is judged by. */
  readonly metric: Metric;
  /** What is reported beside it. */
  readonly alsoReport: readonly Metric[];
}

/**
 * Reads a data set for a head.
 *
 * @param options The file and its columns.
 * @param decides What the head decides.
 * @param requireLabel Whether a row without a label is a fault.
 * @returns Rows, task and metric.
 * @throws {DataError} naming file and line of what cannot be read.
 * @throws {UsageError} with code `unknown-task`.
 */
export async function readRows(
  options: DataOptions,
  decides: AdapterTask,
  requireLabel: boolean,
): Promise<DataRows> {
  const task = options.task === undefined ? taskOf(decides, options) : findTask(options.task);
  if (task !== undefined && task.kind !== decides.type) {
    throw new TinygraftError(
      `Cannot use task "${task.name}": it is ${task.kind}, the adapter was made for ` +
        `${decides.type}: give the adapter's own task, or --text and --label`,
      { code: "label-mismatch" },
    );
  }
  const rows = await readDataFile({
    path: options.data,
    requireLabel,
    limit: options.limit,
    ...(task ? { task } : {}),
    ...(options.text === undefined ? {} : { text: options.text }),
    ...(options.textPair === undefined ? {} : { textPair: options.textPair }),
    ...(options.label === undefined ? {} : { label: options.label }),
  });
  const regression = decides.type === "regression";
  return {
    rows,
    task,
    metric: task?.metric ?? (regression ? "pearson" : "accuracy"),
    alsoReport: task?.alsoReport ?? (regression ? ["spearman"] : []),
  };
}

/**
 * The rows' labels as the classifier counts them.
 *
 * @param data Rows with labels, from {@linkcode readRows}.
 * @param path The file, for messages.
 * @param decides What the head decides.
 * @param numLabels Its outputs.
 * @returns Class indices, or scores for regression.
 * @throws {DataError} for a label that the classifier does not have, with file and line.
 */
export function targetsOf(
  { rows, task }: DataRows,
  path: string,
  decides: AdapterTask,
  numLabels: number,
): Uint32Array | Float64Array {
  if (decides.type === "regression") return labelValues(rows, { path });
  const labels = decides.labels ?? Array.from({ length: numLabels }, (_, i) => String(i));
  return labelIndices(rows, labels, { path, ...(task ? { task } : {}) });
}

/** An adapter says what it was trained on as `glue/sst2` or `super_glue/cb`; columns overrule it. */
function taskOf({ dataset }: AdapterTask, options: DataOptions): Task | undefined {
  if (options.text !== undefined || options.label !== undefined) return undefined;
  const [, name] = /^(?:super_)?glue\/(.+)$/.exec(dataset ?? "") ?? [];
  return TASKS.find((task) => task.name === name);
}
