/**
 * A run without its steps: what it would learn from and write, found without a device.
 *
 * @module
 */

import { baseContentHash } from "../adapter/embedded.ts";
import { countBaseParameters } from "../adapter/init.ts";
import { checkFits, openAdapter } from "../adapter/open.ts";
import { adapterSteps, planAdapter } from "../adapter/plan.ts";
import { type OpenModel, openModel } from "../checkpoint/open_model.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { decideHead } from "../eval/head.ts";
import { openTokenizer } from "../eval/session.ts";
import { stepsOfRun } from "./batches.ts";
import { readTrainingData, type TrainingData } from "./data.ts";
import type { ClassCount, TrainingSettings, TrainOptions } from "./options.ts";
import { trainingSettings } from "./settings.ts";
import { checkStart, startingAdapter, warnOfData } from "./setup.ts";
import type { TrainableAdapter } from "./trainable.ts";

/** What a run would do. */
export interface TrainingPlan {
  /** The adapter folder, with the values that training starts from. */
  readonly plan: Plan;
  /** Steps of the run. */
  readonly steps: number;
  /** Rows to learn from. */
  readonly rows: number;
  /** Rows to judge by; 0 without `evalData`. */
  readonly evalRows: number;
  /** Rows of each class; empty for regression. */
  readonly classes: readonly ClassCount[];
  /** Whether the classes were taken from the rows. */
  readonly inferred: boolean;
  /** What is trained, in elements. */
  readonly parameters: number;
  /** `parameters` over the base's own. */
  readonly share: number;
}

/** What a run is made of. */
export interface PreparedRun {
  /** Every setting. */
  readonly settings: TrainingSettings;
  /** The base. */
  readonly base: OpenModel;
  /** The rows. */
  readonly data: TrainingData;
  /** The adapter to start from. */
  readonly adapter: TrainableAdapter;
}

/**
 * Plans a run: reads its rows and makes the adapter that it starts from, as `train` does before the
 * first step.
 *
 * @param options The run.
 * @returns The output and the run's numbers.
 * @throws {UsageError} when settings make no sense.
 * @throws {DataError} when rows cannot be read, all have one label, or a label is not known.
 *
 * @example How many steps a run takes
 * ```ts
 * import { planTraining } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const { steps, rows } = await planTraining({
 *   base: "fixtures/mini/encoder",
 *   output: "adapter",
 *   data: "fixtures/mini/data/train.tsv",
 *   limit: 64,
 *   epochs: 3,
 * });
 * assertEquals([rows, steps], [64, 6]);
 * ```
 */
export function planTraining(options: TrainOptions): Promise<TrainingPlan> {
  return withPreparedRun(options, (run) => planOfRun(run, options, options.output));
}

/**
 * Opens what a run is made of, without a device, and closes it afterwards.
 *
 * @param options The run.
 * @param use What to do with it.
 * @returns What `use` returned.
 */
export async function withPreparedRun<T>(
  options: TrainOptions,
  use: (run: PreparedRun) => T,
): Promise<T> {
  checkStart(options);
  const settings = trainingSettings(options);
  using opened = new DisposableStack();
  const base = opened.use(await openModel(options.base));
  const { from, head, force = false, onWarning } = options;
  const withoutClassifier = head !== undefined;
  const source = from === undefined
    ? undefined
    : opened.use(await openAdapter(from, { withoutClassifier }));
  if (source !== undefined) {
    const hash = await baseContentHash(base.checkpoint, base.model);
    const accepted = checkFits(source, base.model, hash, { force, basePath: options.base });
    if (accepted !== undefined) onWarning?.(accepted);
  }
  if (head !== undefined) {
    const tokenizer = await openTokenizer(base.checkpoint.folder);
    decideHead(head, base, source === undefined ? [] : [source], tokenizer); // or throws
  }
  const data = await readTrainingData({ ...options, seed: settings.seed }, source);
  warnOfData(data, onWarning);
  const adapter = await startingAdapter(base, source, data, options, settings);
  return use({ settings, base, data, adapter });
}

/**
 * Plans the folder of the adapter that a run starts from.
 *
 * @param run The run.
 * @param options Its options, for the inputs.
 * @param output The folder.
 * @returns The plan and the run's numbers.
 */
export function planOfRun(
  { settings, base: { checkpoint, model }, data, adapter }: PreparedRun,
  { data: path, evalData, from }: TrainOptions,
  output: string,
): TrainingPlan {
  const inputs = [checkpoint.location, path, evalData, from].filter((it) => it !== undefined);
  const start = adapter.toFresh(adapter.values(), "the start of training");
  const { train, eval: judged, classes, inferred } = data;
  return {
    plan: planAdapter(adapter.config, adapterSteps(start), output, inputs),
    steps: stepsOfRun(train.rows.length, settings),
    rows: train.rows.length,
    evalRows: judged?.rows.length ?? 0,
    classes,
    inferred,
    parameters: adapter.parameterCount,
    share: adapter.parameterCount / countBaseParameters(checkpoint, model),
  };
}
