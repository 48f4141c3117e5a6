/**
 * The rows of a training run: what is learnt from, what it is judged by, and what the classifier
 * decides.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { TinygraftError } from "../errors.ts";
import { readDataFile } from "../eval/data_file.ts";
import type { ClozeChoice } from "../eval/head.ts";
import { requireDefined } from "../eval/run.ts";
import type { Row } from "../text/dataset.ts";
import { labelIndices, labelValues } from "../text/labels.ts";
import { quote } from "../tensor/quote.ts";
import { findTask, type Metric, type Task } from "../text/tasks.ts";
import { countClasses, resolveClassifier } from "./labels.ts";
import type { ClassCount, ClassifierTask, TrainOptions } from "./options.ts";
import { randomFor, shuffle } from "./random.ts";
import type { Targets } from "./step.ts";

/** Rows of one file, with what the classifier should say. */
export interface LabelledData {
  /** The file. */
  readonly path: string;
  /** The rows, in file order. */
  readonly rows: readonly Row[];
  /** Class indices, or scores for regression, one a row. */
  readonly targets: Targets;
}

/** What a run learns from and is judged by. */
export interface TrainingData {
  /** Rows to learn from. */
  readonly train: LabelledData;
  /** Rows to judge by, if any. */
  readonly eval: LabelledData | undefined;
  /** What the classifier decides. */
  readonly classifier: ClassifierTask;
  /** Whether its labels were taken from the rows. */
  readonly inferred: boolean;
  /** Whether an adapter to go on from has the same outputs, so that its classifier is kept. */
  readonly keepsClassifier: boolean;
  /** Rows of each class; empty for regression. */
  readonly classes: readonly ClassCount[];
  /** What the best is chosen by. */
  readonly metric: Metric;
  /** What is reported beside it. */
  readonly alsoReport: readonly Metric[];
}

/** The options that data depends on. */
export interface DataChoice extends
  Pick<
    TrainOptions,
    | "data"
    | "evalData"
    | "task"
    | "text"
    | "textPair"
    | "label"
    | "limit"
    | "classifier"
    | "head"
  > {
  /** The seed that draws rows where there is a limit. */
  readonly seed: number;
}

/**
 * Reads the rows of a run.
 *
 * @param options The files, their columns, what the classifier decides and the seed.
 * @param from The adapter to go on from, if any: its labels hold where they are the same.
 * @returns Rows, targets and task.
 * @throws {DataError} naming file and line of what cannot be read; `one-class`, `unknown-label`,
 * `label-mismatch`, `undefined-metric`.
 * @throws {UsageError} with code `unknown-task`.
 */
export async function readTrainingData(
  options: DataChoice,
  from: Adapter | undefined,
): Promise<TrainingData> {
  const task = options.task === undefined ? undefined : findTask(options.task);
  const all = await readRows(options.data, options, task);
  const resolved = resolveClassifier({
    stated: options.classifier,
    task,
    rows: all,
    path: options.data,
  });
  const rows = takeRandom(all, options.limit, options.seed);
  const keepsClassifier = from !== undefined && sameOutputs(resolved, from, task);
  const classifier: ClassifierTask = keepsClassifier
    ? { task: { ...from.config.task, ...datasetOf(resolved) }, numLabels: from.numLabels }
    : { task: resolved.task, numLabels: resolved.numLabels };
  if (task !== undefined && task.kind !== classifier.task.type) {
    throw kindMismatch(task, classifier);
  }
  const inferred = resolved.inferred && !keepsClassifier;
  if (options.head !== undefined) checkWords(options.head, classifier, inferred);
  const label = (rows: readonly Row[], path: string): LabelledData => {
    return { path, rows, targets: targetsOf(rows, path, classifier, task) };
  };
  const train = label(rows, options.data);
  const { labels } = classifier.task;
  const metrics = metricsOf(classifier, task);
  const { evalData } = options;
  const judged = evalData === undefined
    ? undefined
    : label(await readRows(evalData, options, task), evalData);
  if (judged !== undefined) requireDefined(metrics.metric, judged.targets, judged.path);
  return {
    train,
    eval: judged,
    classifier,
    inferred,
    keepsClassifier,
    classes: train.targets instanceof Uint32Array
      ? countClasses(train.targets, labels, classifier.numLabels, options.data)
      : [],
    ...metrics,
  };
}

async function readRows(
  path: string,
  { text, textPair, label }: DataChoice,
  task: Task | undefined,
): Promise<Row[]> {
  return await readDataFile({
    path,
    requireLabel: true,
    ...(task === undefined ? {} : { task }),
    ...(text === undefined ? {} : { text }),
    ...(textPair === undefined ? {} : { textPair }),
    ...(label === undefined ? {} : { label }),
  });
}

/** Some of the rows, drawn by the seed, in file order. */
function takeRandom(rows: readonly Row[], limit: number | undefined, seed: number): readonly Row[] {
  if (limit === undefined || limit >= rows.length) return rows;
  const order = shuffle(rows.map((_, row) => row), randomFor(seed, "limit", 0));
  return order.slice(0, limit).sort((a, b) => a - b).map((row) => rows[row]!);
}

function targetsOf(
  rows: readonly Row[],
  path: string,
  { task: { type, labels }, numLabels }: ClassifierTask,
  task: Task | undefined,
): Targets {
  if (type === "regression") return labelValues(rows, { path });
  const names = labels ?? Array.from({ length: numLabels }, (_, i) => String(i));
  return labelIndices(rows, names, { path, task });
}

/**
 * Whether an adapter's classifier decides what is asked for: the same kind with the same labels;
 * labels taken from rows may be some of its labels, and a task's labels stand for its own in order.
 */
function sameOutputs(
  { task: wanted, numLabels, inferred }: ClassifierTask & { readonly inferred: boolean },
  { config: { task: own }, numLabels: ownCount }: Adapter,
  task: Task | undefined,
): boolean {
  if (wanted.type !== own.type) return false;
  if (wanted.type === "regression" || wanted.labels === null) return numLabels === ownCount;
  const names = new Set(own.labels ?? Array.from({ length: ownCount }, (_, i) => String(i)));
  const shared = wanted.labels.filter((label) => names.has(label)).length;
  if (shared === wanted.labels.length) return inferred || numLabels === ownCount;
  return task !== undefined && shared === 0 && numLabels === ownCount;
}

function datasetOf({ task: { dataset } }: ClassifierTask) {
  return dataset === undefined ? {} : { dataset };
}

function metricsOf({ task: { type } }: ClassifierTask, task: Task | undefined) {
  const regression = type === "regression";
  const metric: Metric = task?.metric ?? (regression ? "pearson" : "accuracy");
  const alsoReport: readonly Metric[] = task?.alsoReport ?? (regression ? ["spearman"] : []);
  return { metric, alsoReport };
}

/** Each word of a cloze question must be known to stand for one class. */
function checkWords(
  { verbalizer }: ClozeChoice,
  { task: { type, labels }, numLabels }: ClassifierTask,
  inferred: boolean,
): void {
  const words = `${verbalizer.length} words (${verbalizer.join(", ")})`;
  const classes = labels?.map(quote).join(", ") ?? numLabels;
  if (type === "regression" || numLabels !== verbalizer.length) {
    const expected = type === "regression"
      ? "classes instead of scores"
      : `one each for ${classes}`;
    throw new TinygraftError(
      `Cannot train on a cloze question: there are ${words}, expected ${expected}`,
      { code: "label-mismatch" },
    );
  }
  if (!inferred) return;
  throw new TinygraftError(
    `Cannot train on a cloze question: there are ${words} for the classes ${classes}, which were ` +
      "taken from the rows, expected to know which word stands for which: give the classes in the " +
      "words' order by --labels, or a --task",
    { code: "label-mismatch" },
  );
}

function kindMismatch(task: Task, { task: { type } }: ClassifierTask): TinygraftError {
  return new TinygraftError(
    `Cannot use task "${task.name}": it is ${task.kind}, the classifier was stated as ${type}: ` +
      "leave one of them out",
    { code: "label-mismatch" },
  );
}
