/**
 * From labels as a file spells them to rows of the classifier, or to numbers.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { Row } from "./dataset.ts";
import { malformedRow } from "./records.ts";
import { plainName, type Task } from "./tasks.ts";

/** Where labels come from, for messages and for the task's own spellings. */
export interface LabelOptions {
  /** The file, for messages. */
  readonly path: string;
  /** The task, when it is known. */
  readonly task?: Task | undefined;
}

const CLASS_ID = /^(0|[1-9][0-9]*)$/;
const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i;

/**
 * Gives each row the index of its label among the classifier's labels.
 *
 * A label of the file is read by the first of these rules that applies:
 * 1. It is one of the classifier's labels, spelled alike: that label. A label of the task's that
 *    differs from the classifier's in case, hyphens or underscores only (RTE says "not_entailment",
 *    published models "NOT-ENTAILMENT") counts as spelled alike.
 * 2. It is one of the task's labels, and none of these is a label of the classifier (SST-2 says
 *    "0" and "1" where an adapter has "negative" and "positive"): the label at the same place,
 *    since the task lists its labels in class order.
 * 3. It is a whole number, and neither the classifier nor the task has labels that are whole
 *    numbers: a class id, which counts the task's labels where there is a task, else the
 *    classifier's.
 *
 * @param rows The rows, in file order; each must have a label.
 * @param labels The classifier's labels, in the order of its rows.
 * @param options The file and the task.
 * @returns Indices into `labels`, u32 [rows].
 * @throws {DataError} `label-mismatch` when task and classifier differ in number of labels, or
 * share some labels but not all; `unknown-label` for a label that no rule reads; `malformed-row`
 * for a row without one.
 *
 * @example Names where the file has numbers
 * ```ts
 * import { findTask, labelIndices } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const rows = [{ text: "so good", label: "1", line: 2 }];
 * const options = { path: "dev.tsv", task: findTask("sst2") };
 * assertEquals([...labelIndices(rows, ["negative", "positive"], options)], [1]);
 * ```
 */
export function labelIndices(
  rows: readonly Row[],
  labels: readonly string[],
  { path, task }: LabelOptions,
): Uint32Array<ArrayBuffer> {
  const indices = spellings(labels, path, task);
  return Uint32Array.from(rows, ({ label, line }) => {
    if (label === undefined) throw malformedRow(path, line, "it has no label");
    const index = indices.get(String(label));
    if (index !== undefined) return index;
    throw new DataError(
      `Cannot read "${path}" line ${line}: label "${label}" is not known, expected one of ` +
        `${[...indices.keys()].join(", ")}: mend the row or choose another task or adapter`,
      { code: "unknown-label", path },
    );
  });
}

/**
 * Reads each row's label as a number, for regression.
 *
 * @param rows The rows, in file order; each must have a label.
 * @param options The file.
 * @returns The numbers, f64 [rows].
 * @throws {DataError} `malformed-row` for a label that is not a finite decimal number.
 */
export function labelValues(
  rows: readonly Row[],
  { path }: LabelOptions,
): Float64Array<ArrayBuffer> {
  return Float64Array.from(rows, ({ label, line }) => {
    const value = typeof label === "string" && !NUMBER.test(label) ? NaN : Number(label);
    if (Number.isFinite(value)) return value;
    const found = label === undefined ? "it has no label" : `label "${label}" is not a number`;
    throw malformedRow(path, line, found);
  });
}

/** Every spelling that can be read, and the classifier's row it stands for. */
function spellings(
  labels: readonly string[],
  path: string,
  task: Task | undefined,
): ReadonlyMap<string, number> {
  const known = task?.labels ?? labels;
  const indices = new Map(labels.map((label, i) => [label, i]));
  for (const [i, label] of labels.entries()) {
    const same = known.find((each) => plainName(each) === plainName(label));
    if (same !== undefined && !indices.has(same)) indices.set(same, i);
  }
  const shared = known.filter((label) => indices.has(label)).length;
  if (known.length !== labels.length || (shared > 0 && shared < known.length)) {
    throw new DataError(
      `Cannot use "${path}": task ${task?.title} has the labels ${known.join(", ")}, but the ` +
        `classifier has ${labels.join(", ")}: choose the task that the adapter was made for`,
      { code: "label-mismatch", path },
    );
  }
  if (shared === 0) known.forEach((label, i) => indices.set(label, i));
  if (![...labels, ...known].some((label) => CLASS_ID.test(label))) {
    known.forEach((label, i) => indices.set(String(i), indices.get(label) ?? i));
  }
  return indices;
}
