/**
 * Training: from labelled rows to an adapter folder.
 *
 * @module
 */

import { adapterSteps, planAdapter } from "../adapter/plan.ts";
import { fileSources } from "../adapter/open.ts";
import { checkOutput, execute } from "../checkpoint/execute.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { TrainingCourse } from "./course.ts";
import type { TrainOptions, TrainResult } from "./options.ts";
import { trainingSettings } from "./settings.ts";
import { openTraining, type TrainingSetup } from "./setup.ts";
import { removeState } from "./state.ts";
import type { TensorValues } from "./trainable.ts";

/**
 * Trains an adapter and its classifier on a frozen base, and writes it as a folder. With `head` it
 * trains the adapter alone, below the base's head for masked tokens, by the cross-entropy over the
 * words of a cloze question or the whole vocabulary.
 *
 * The gradients of the modules are computed on the device, those of the classifier on the host in
 * f64; AdamW steps in f64 on f32 values. A seed reproduces a run to the byte on one backend. Every
 * `saveEvery` steps the state is saved beside the output; after a kill the same options with
 * `resume` end with the bytes of a run that was not stopped.
 *
 * @param options Base, rows, output and settings.
 * @returns What was written and how it went.
 * @throws {UsageError} when settings make no sense.
 * @throws {DataError} when rows cannot be read, all have one label, or a label is not known.
 * @throws {TinygraftError} with code `diverged` when the loss becomes infinite or NaN, naming the
 * step; `state-mismatch` when the state to go on from belongs to another run; `output-exists`.
 * @throws {InterruptedError} when the signal is aborted; the state was saved.
 * @see arXiv 2211.01979 for the module, arXiv 2205.12410 for routing with consistency,
 * arXiv 2001.07676 for cloze questions
 *
 * @example Two steps on the reference device
 * ```ts
 * import { train } from "tinygraft";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const data = `${folder}/rows.tsv`;
 * await Deno.writeTextFile(data, "sentence\tlabel\nwhere is it\tdelivery\nit broke\tdefect\n");
 * const { steps, classes } = await train({
 *   base: "fixtures/mini/encoder",
 *   output: `${folder}/adapter`,
 *   data,
 *   device: "reference",
 *   epochs: 2,
 *   batch: 2,
 * });
 * assertEquals([steps, classes.length], [2, 2]);
 * assert((await Deno.stat(`${folder}/adapter/adapter_model.safetensors`)).isFile);
 * ```
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const settings = trainingSettings(options);
  using setup = await openTraining(options, settings);
  const { adapter, data, session, share } = setup;
  // An output that cannot be written is found before the work, not after.
  checkOutput(planOf(options, setup, adapter.values(), 0), { force: options.force ?? false });
  const course = new TrainingCourse(setup, options, settings);
  const { values, kept, loss, ...outcome } = await course.run();
  const plan = planOf(options, setup, values, outcome.steps);
  const { force = false, verify = false } = options;
  const written = await execute(plan, { force, verify });
  removeState(options.output);
  return {
    ...outcome,
    loss,
    eval: kept,
    written,
    metric: data.metric,
    labels: data.classifier.task.labels,
    rows: data.train.rows.length,
    evalRows: data.eval?.rows.length ?? 0,
    classes: data.classes,
    head: options.head?.kind ?? "adapter",
    parameters: adapter.parameterCount,
    share,
    settings,
    device: session.backend.name,
    deviceDescription: session.backend.description,
  };
}

function planOf(
  { output, data, evalData }: TrainOptions,
  { session: { base, adapters }, adapter }: TrainingSetup,
  values: TensorValues,
  steps: number,
): Plan {
  const { checkpoint } = base;
  const inputs = [
    checkpoint.location,
    ...checkpoint.files.map(({ path }) => path),
    ...adapters.flatMap((source) => source.inputs),
    data,
    ...(evalData === undefined ? [] : [evalData]),
  ];
  const fresh = adapter.toFresh(values, `trained for ${steps} steps`);
  const sources = [...fileSources(checkpoint), ...adapters.flatMap((source) => source.sources)];
  return planAdapter(adapter.config, adapterSteps(fresh), output, inputs, { sources });
}
