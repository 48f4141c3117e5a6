/**
 * The known tasks: GLUE, and those FewGLUE tasks that classify one text or a pair of texts.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";

/** A measure of how good predictions are. */
export type Metric = "accuracy" | "f1" | "macroF1" | "matthews" | "pearson" | "spearman";

/** Where a task's data sets keep texts and labels. */
export interface TaskColumns {
  /** Names that the text's column goes by, best first. */
  readonly text: readonly string[];
  /** Names that the second text's column goes by, best first; absent for tasks of one text. */
  readonly textPair?: readonly string[];
  /** Names that the label's column goes by, best first. */
  readonly label: readonly string[];
  /** The 0-based columns of the task's own TSV files, where these have no header. */
  readonly headerless?: { readonly text: number; readonly label: number };
}

/** What is known about a task. */
export interface Task {
  /** The name as the command line spells it. */
  readonly name: string;
  /** The name as its authors spell it. */
  readonly title: string;
  /** Whether outputs are classes or one number. */
  readonly kind: "classification" | "regression";
  /** The labels as data sets spell them, in class order; null for regression. */
  readonly labels: readonly string[] | null;
  /** The task's own metric. */
  readonly metric: Metric;
  /** Metrics reported beside it. */
  readonly alsoReport: readonly Metric[];
  /** Where texts and labels stand. */
  readonly columns: TaskColumns;
}

const SENTENCES = { text: ["sentence1"], textPair: ["sentence2"], label: ["label"] };

/**
 * Every known task. Columns are those of the original GLUE files, then those of the Hub's data
 * sets and of FewGLUE where they differ. The FewGLUE tasks COPA, MultiRC, WSC and WiC are not
 * here: they choose among answers or point at words, which is no plain classification of texts.
 */
export const TASKS: readonly Task[] = [
  classification("sst2", "SST-2", ["0", "1"], { text: ["sentence"], label: ["label"] }),
  classification("cola", "CoLA", ["0", "1"], {
    text: ["sentence"],
    label: ["label"],
    headerless: { text: 3, label: 1 },
  }, "matthews"),
  classification(
    "mrpc",
    "MRPC",
    ["0", "1"],
    {
      text: ["#1 String", "sentence1"],
      textPair: ["#2 String", "sentence2"],
      label: ["Quality", "label"],
    },
    "accuracy",
    ["f1"],
  ),
  classification("rte", "RTE", ["entailment", "not_entailment"], {
    text: ["sentence1", "premise"],
    textPair: ["sentence2", "hypothesis"],
    label: ["label"],
  }),
  {
    name: "stsb",
    title: "STS-B",
    kind: "regression",
    labels: null,
    metric: "pearson",
    alsoReport: ["spearman"],
    columns: { ...SENTENCES, label: ["score", "label"] },
  },
  classification("wnli", "WNLI", ["0", "1"], SENTENCES),
  classification("qnli", "QNLI", ["entailment", "not_entailment"], {
    text: ["question"],
    textPair: ["sentence"],
    label: ["label"],
  }),
  classification(
    "qqp",
    "QQP",
    ["0", "1"],
    {
      text: ["question1"],
      textPair: ["question2"],
      label: ["is_duplicate", "label"],
    },
    "accuracy",
    ["f1"],
  ),
  classification("mnli", "MNLI", ["entailment", "neutral", "contradiction"], {
    text: ["sentence1", "premise"],
    textPair: ["sentence2", "hypothesis"],
    label: ["gold_label", "label"],
  }),
  classification("boolq", "BoolQ", ["false", "true"], {
    text: ["passage"],
    textPair: ["question"],
    label: ["label"],
  }),
  classification(
    "cb",
    "CB",
    ["entailment", "contradiction", "neutral"],
    {
      text: ["premise"],
      textPair: ["hypothesis"],
      label: ["label"],
    },
    "accuracy",
    ["macroF1"],
  ),
];

function classification(
  name: string,
  title: string,
  labels: readonly string[],
  columns: TaskColumns,
  metric: Metric = "accuracy",
  alsoReport: readonly Metric[] = [],
): Task {
  return { name, title, kind: "classification", labels, metric, alsoReport, columns };
}

/** Strips a name of what it is compared without, so that "STS-B", "sts_b" and "stsb" are one. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}

/**
 * Finds a task by name, whatever its case, hyphens and underscores.
 *
 * @param name The name, for example "sst2" or "SST-2".
 * @returns The task.
 * @throws {UsageError} `unknown-task` when there is none of this name.
 *
 * @example Finding a task
 * ```ts
 * import { findTask } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(findTask("STS-B").metric, "pearson");
 * ```
 */
export function findTask(name: string): Task {
  const task = TASKS.find((task) => task.name === plainName(name));
  if (task) return task;
  const names = TASKS.map((task) => task.name);
  throw new UsageError(
    `Unknown task "${name}": expected one of ${names.join(", ")}` +
      didYouMean(plainName(name), names),
    { code: "unknown-task" },
  );
}
