/**
 * What a classifier is to decide, and how evenly its classes are represented.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { Row } from "../text/dataset.ts";
import type { Task } from "../text/tasks.ts";
import type { ClassCount, ClassifierTask } from "./options.ts";

/** A class with a smaller share of the rows than this is told of. */
const RARE_SHARE = 0.05;

/** Names listed in a message at most. */
const LISTED = 8;

const WHOLE_NUMBER = /^(0|-?[1-9][0-9]*)$/;
const DECIMAL = /^[+-]?[0-9]*\.[0-9]+(e[+-]?[0-9]+)?$/i;

/** Tasks of SuperGLUE; every other preset is of GLUE. */
const SUPER_GLUE = ["boolq", "cb"];

/** Where {@linkcode resolveClassifier} looks. */
export interface ClassifierSources {
  /** What was stated, which overrules the rest. */
  readonly stated?: ClassifierTask | undefined;
  /** The preset, which overrules the rows. */
  readonly task?: Task | undefined;
  /** Every row to learn from, each with a label. */
  readonly rows: readonly Row[];
  /** The file, for messages. */
  readonly path: string;
}

/**
 * Says what a classifier is to decide: what was stated, else what the task says, else the labels
 * that the rows have. Whole numbers are ordered by value, all other labels by code unit, so that
 * the order does not depend on that of the rows.
 *
 * @param sources What was stated, the task and the rows.
 * @returns Kind and number of outputs; `inferred` where they were taken from the rows.
 * @throws {DataError} `one-class` for rows of one label; `label-mismatch` for labels that look
 * like scores, or that differ from row to row as texts and ids do.
 *
 * @example Names of classes from the rows
 * ```ts
 * import { resolveClassifier } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const rows = ["b", "a", "b", "b"].map((label, i) => ({ text: "", label, line: i + 2 }));
 * const { task, numLabels } = resolveClassifier({ rows, path: "train.tsv" });
 * assertEquals([task.labels, numLabels], [["a", "b"], 2]);
 * ```
 */
export function resolveClassifier(
  { stated, task, rows, path }: ClassifierSources,
): ClassifierTask & { readonly inferred: boolean } {
  const dataset = task === undefined ? {} : { dataset: datasetName(task) };
  if (stated !== undefined) {
    return { ...stated, task: { ...dataset, ...stated.task }, inferred: false };
  }
  if (task?.kind === "regression") {
    return {
      task: { type: "regression", labels: null, ...dataset },
      numLabels: 1,
      inferred: false,
    };
  }
  const labels = task?.labels ?? labelsOf(rows, path);
  return {
    task: { type: "classification", labels, ...dataset },
    numLabels: labels.length,
    inferred: task === undefined,
  };
}

/** As `task.dataset` of an adapter's config spells it. */
function datasetName({ name }: Task): string {
  return `${SUPER_GLUE.includes(name) ? "super_glue" : "glue"}/${name}`;
}

function labelsOf(rows: readonly Row[], path: string): string[] {
  const labels = [...new Set(rows.map(({ label }) => String(label)))];
  if (labels.some(isDecimal)) {
    throw new DataError(
      `Cannot take the classes from "${path}": ${quoteSome(labels.filter(isDecimal))} look like ` +
        "scores, expected names or whole numbers: give --regression, or --labels where they are " +
        "names",
      { code: "label-mismatch", path },
    );
  }
  if (labels.length > 2 && labels.length > rows.length / 2) {
    throw new DataError(
      `Cannot take the classes from "${path}": ${labels.length} different labels in ` +
        `${rows.length} rows, such as ${
          quoteSome(labels)
        }, expected classes that recur: name the ` +
        "label's column by --label, or the classes by --labels",
      { code: "label-mismatch", path },
    );
  }
  if (labels.length < 2) throw oneClass(path, labels[0]);
  return labels.every((label) => WHOLE_NUMBER.test(label))
    ? labels.sort((a, b) => Number(a) - Number(b))
    : labels.sort();
}

function isDecimal(label: string): boolean {
  return DECIMAL.test(label);
}

function quoteSome(labels: readonly string[]): string {
  const shown = labels.slice(0, LISTED).map(quote).join(", ");
  return labels.length > LISTED ? `${shown} and ${labels.length - LISTED} more` : shown;
}

function oneClass(path: string, label: string | undefined): DataError {
  return new DataError(
    `Cannot learn from "${path}": every row has the label ${quote(label ?? "")}, expected two ` +
      "classes or more: name the label's column by --label, or take rows of other classes too",
    { code: "one-class", path },
  );
}

/**
 * Counts the rows of each class.
 *
 * @param targets Class indices, one a row.
 * @param labels Names in the order of the classifier's rows; `null` numbers them.
 * @param numLabels Rows of the classifier.
 * @param path The file, for messages.
 * @returns One count a class, in the classifier's order.
 * @throws {DataError} `one-class` when all rows are of one class.
 */
export function countClasses(
  targets: Uint32Array,
  labels: readonly string[] | null,
  numLabels: number,
  path: string,
): ClassCount[] {
  const rows = new Array<number>(numLabels).fill(0);
  for (const target of targets) rows[target]! += 1;
  const counts = rows.map((count, i) => ({ label: labels?.[i] ?? String(i), rows: count }));
  const found = counts.filter((count) => count.rows > 0);
  if (found.length < 2) throw oneClass(path, found[0]?.label);
  return counts;
}

/**
 * Says which classes are too rare to be learnt well, or to be seen by accuracy.
 *
 * @param counts The rows of each class.
 * @returns One line; `undefined` where each class has its share: 5 % of the rows, or half of an
 * even share where there are many classes.
 */
export function describeImbalance(counts: readonly ClassCount[]): string | undefined {
  const total = counts.reduce((sum, { rows }) => sum + rows, 0);
  const least = total * Math.min(RARE_SHARE, 0.5 / counts.length);
  const rare = counts.filter(({ rows }) => rows < least).sort((a, b) => a.rows - b.rows);
  if (rare.length === 0) return undefined;
  const shown = rare.slice(0, LISTED).map(({ label, rows }) => `${quote(label)} ${rows}`);
  const more = rare.length > LISTED ? ` and ${rare.length - LISTED} more` : "";
  const [largest] = [...counts].sort((a, b) => b.rows - a.rows);
  return `Rare classes among ${total} rows: ${shown.join(", ")}${more}; always answering ` +
    `${quote(largest!.label)} is right in ${(100 * largest!.rows / total).toFixed(1)} % of them`;
}

/**
 * Lists the rows of each class in one line.
 *
 * @param counts The rows of each class.
 * @param inferred Whether the classes were taken from the rows, which is then said.
 * @returns Names and counts in the classifier's order, the first few where there are many.
 */
export function describeClasses(counts: readonly ClassCount[], inferred = false): string {
  const shown = counts.slice(0, LISTED).map(({ label, rows }) => `${quote(label)} ${rows}`);
  const more = counts.length > LISTED ? ` and ${counts.length - LISTED} more` : "";
  const origin = inferred ? ", taken from the rows" : "";
  return `${counts.length} classes${origin}: ${shown.join(", ")}${more}`;
}
