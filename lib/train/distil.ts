/**
 * Distillation: training merged heads to do on unlabelled text what all heads do.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import { adapterTensors } from "../adapter/tensors.ts";
import { InterruptedError, TinygraftError, UsageError } from "../errors.ts";
import { countTokens } from "../eval/run.ts";
import { alignedHeads } from "../merge/aligned.ts";
import { foldLayer } from "../merge/fold.ts";
import { centreLayer } from "../merge/heads.ts";
import { ARRAY_TENSORS, LAYER_ARRAYS, type LayerModule } from "../merge/layer.ts";
import type { AdapterArrays } from "../merge/merge_adapter.ts";
import { freeModules, placeModule } from "../runtime/place.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { nextTurn } from "../turn.ts";
import { batchesOfEpoch, stepsPerEpoch } from "./batches.ts";
import { DistilGradients } from "./distil_step.ts";
import { AdamW, clipGradients } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import type { EncoderParts } from "./step.ts";
import { TrainableAdapter } from "./trainable.ts";

/** How distillation goes; each has the default of the same name in {@linkcode DISTIL_DEFAULTS}. */
export interface DistilSettings {
  /** Rows of a step. */
  readonly batch: number;
  /** The highest learning rate; it falls to 0 in a straight line. */
  readonly learningRate: number;
  /** Share of the steps in which the learning rate rises first, in [0, 1). */
  readonly warmup: number;
  /** Weight of the hidden states of all layers in the loss, beside the classifier's outputs. */
  readonly hiddenWeight: number;
  /** The largest norm of all gradients together; longer ones are scaled down to it, 0 clips none. */
  readonly clip: number;
  /** Seed of the order of rows, an integer in [0, 2^32). */
  readonly seed: number;
}

/** What distillation uses where nothing else is asked. */
export const DISTIL_DEFAULTS: DistilSettings = {
  batch: 32,
  learningRate: 5e-4,
  warmup: 0.1,
  hiddenWeight: 1,
  clip: 1,
  seed: 0,
};

/** What distillation works on. */
export interface DistilInput {
  /** The base on its device; it stays open and belongs to the caller. */
  readonly parts: EncoderParts;
  /** Config of the stacked adapter. */
  readonly config: AdapterConfig;
  /** Its values; left unchanged. */
  readonly stacked: AdapterArrays;
  /** Merged modules to start from, one for each of the stacked ones; left unchanged. */
  readonly start: readonly LayerModule[];
  /** One token sequence a text, at least one. */
  readonly encodings: readonly Encoding[];
}

/** How far distillation is to go. */
export interface DistilOptions extends Partial<DistilSettings> {
  /** Steps of the optimiser, at least one. */
  readonly steps: number;
  /** Stops the work between two steps. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each step with the rows done and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What distillation did. */
export interface DistilRecord extends DistilSettings {
  /** Steps of the optimiser. */
  readonly steps: number;
  /** Texts that it could draw from; each step took `batch` of them. */
  readonly rows: number;
  /** Their tokens, after truncation. */
  readonly tokens: number;
  /** The mean loss of the first tenth of the steps. */
  readonly lossBefore: number;
  /** The mean loss of the last tenth of the steps. */
  readonly lossAfter: number;
  /** Seconds that the steps took. */
  readonly seconds: number;
}

/** Distilled modules. */
export interface DistilledModules {
  /** One module a layer, folded and centred. */
  readonly modules: LayerModule[];
  /** How they were made. */
  readonly record: DistilRecord;
}

/**
 * Trains merged modules to give on unlabelled text what the stacked adapter gives: the classifier's
 * outputs, and the states of every layer. The classifier is the stacked adapter's and stays. A seed
 * reproduces the result to the byte on one backend.
 *
 * The loss is `KL(p_stacked || p_merged)`, for regression the mean squared difference, plus
 * `hiddenWeight` times the mean over layers and tokens of `|h - h*|² / |h*|²`; AdamW without decay.
 * A step costs a pass forward of either model and one back.
 *
 * @param input Base, both adapters and text; see {@linkcode DistilInput}.
 * @param options Steps and settings.
 * @returns The distilled modules and how they came about.
 * @throws {UsageError} when a setting makes no sense, or there is no text.
 * @throws {InterruptedError} when the signal is aborted.
 * @throws {TinygraftError} with code `diverged` when the loss becomes infinite or NaN.
 * @see G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network",
 * arXiv 1503.02531
 */
export async function distilModules(
  input: DistilInput,
  { steps, signal, onProgress, ...asked }: DistilOptions,
): Promise<DistilledModules> {
  const { parts, config, stacked, encodings } = input;
  const settings = distilSettings(steps, asked, encodings.length);
  const merged = trainableModules(input);
  const modules = stacked.modules.map((module, i) =>
    placeModule(module, parts.backend, `stacked module ${i}`)
  );
  const adapters = { stacked: { modules, layerNormEps: config.layerNormEps }, merged };
  const gradients = new DistilGradients(parts, adapters, settings.hiddenWeight);
  const started = performance.now();
  const losses: number[] = [];
  try {
    for await (const loss of takeSteps(merged, gradients, encodings, { ...settings, steps })) {
      losses.push(loss);
      onProgress?.(losses.length * settings.batch, steps * settings.batch);
      await nextTurn(); // signals are served between steps
      if (signal?.aborted) throw new InterruptedError();
    }
  } finally {
    gradients.free();
    freeModules(modules, parts.backend);
  }
  const tenth = Math.ceil(steps / 10);
  return {
    modules: merged.modules().map((module) => centreLayer(foldLayer(module))),
    record: {
      ...settings,
      steps,
      rows: encodings.length,
      tokens: countTokens(encodings),
      lossBefore: mean(losses.slice(0, tenth)),
      lossAfter: mean(losses.slice(-tenth)),
      seconds: (performance.now() - started) / 1000,
    },
  };
}

/** Steps of the optimiser; yields the loss of each one's rows before it. */
async function* takeSteps(
  merged: TrainableAdapter,
  gradients: DistilGradients,
  encodings: readonly Encoding[],
  settings: DistilSettings & { readonly steps: number },
): AsyncGenerator<number> {
  const trained = merged.parameters.filter(({ name }) => !name.startsWith("classifier."));
  const optimizer = new AdamW(trained);
  for (const [step, rows] of dealRows(encodings, settings).entries()) {
    const loss = await gradients.run(rows.map((row) => encodings[row]!));
    const norm = clipGradients(trained.map(({ gradient }) => gradient), settings.clip);
    if (!Number.isFinite(loss + norm)) throw diverged(step + 1, loss, norm);
    const learningRate = learningRateAt({ ...settings, schedule: "linear" }, step);
    optimizer.step({ learningRate, weightDecay: 0 });
    yield loss;
  }
}

/** What each setting may be. */
const RANGES: Readonly<
  Record<keyof DistilSettings, { readonly holds: (n: number) => boolean; readonly is: string }>
> = {
  batch: { holds: (n) => Number.isSafeInteger(n) && n >= 1, is: "a whole number of at least 1" },
  learningRate: { holds: (n) => n > 0 && n < Infinity, is: "a number above 0" },
  warmup: { holds: (n) => n >= 0 && n < 1, is: "a number from 0 to below 1" },
  hiddenWeight: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  clip: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  seed: {
    holds: (n) => Number.isInteger(n) && n >= 0 && n <= 0xffffffff,
    is: "a whole number from 0 to 2^32 - 1",
  },
};

function distilSettings(
  steps: number,
  asked: Partial<DistilSettings>,
  rows: number,
): DistilSettings {
  const refuse = (found: string, expected: string): never => {
    throw new UsageError(`Cannot distil: ${found}, expected ${expected}`);
  };
  if (!Number.isSafeInteger(steps) || steps < 1) {
    refuse(`steps is ${steps}`, "a whole number of at least 1");
  }
  if (rows === 0) refuse("there is no text", "at least one row");
  const keys = Object.keys(DISTIL_DEFAULTS) as (keyof DistilSettings)[];
  const settings = Object.fromEntries(keys.map((key) => [key, asked[key] ?? DISTIL_DEFAULTS[key]]));
  for (const key of keys) {
    if (!RANGES[key].holds(settings[key]!)) refuse(`${key} is ${settings[key]}`, RANGES[key].is);
  }
  return settings as unknown as DistilSettings;
}

/** The rows of each step, pass after pass over the text. */
function dealRows(
  encodings: readonly Encoding[],
  { steps, batch, seed }: DistilSettings & { readonly steps: number },
): number[][] {
  const lengths = encodings.map(({ ids }) => ids.length);
  const epochs = Math.ceil(steps / stepsPerEpoch(lengths.length, batch));
  const dealt = Array.from(
    { length: epochs },
    (_, epoch) => batchesOfEpoch({ lengths, batch, seed }, epoch),
  );
  return dealt.flat().slice(0, steps);
}

/** The modules to be trained, each head in balanced form, so that no factor moves faster. */
function trainableModules({ config, stacked, start }: DistilInput): TrainableAdapter {
  const { headDim, combine } = start[0]!;
  const numHeads = start.map((module) => module.numHeads);
  const equal = numHeads.every((count) => count === numHeads[0]);
  const merged = { ...config, headDim, combine, numHeads: equal ? numHeads[0]! : numHeads };
  const numLabels = stacked.classifierBias.length;
  const arrays = new Map([
    ["classifier.weight", Float32Array.from(stacked.classifierWeight)],
    ["classifier.bias", Float32Array.from(stacked.classifierBias)],
  ]);
  const balanced = start.map((module) =>
    alignedHeads(module, Array.from({ length: module.numHeads }, (_, head) => [head]))
  );
  for (const { name, template, layer } of adapterTensors(merged, numLabels)) {
    const array = LAYER_ARRAYS.find((each) => ARRAY_TENSORS[each] === template.name);
    if (layer === undefined || array === undefined) continue;
    arrays.set(name, Float32Array.from(balanced[layer]![array]));
  }
  return new TrainableAdapter(merged, arrays, { numLabels, decayAll: false });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function diverged(step: number, loss: number, norm: number): TinygraftError {
  return new TinygraftError(
    `Cannot go on distilling: at step ${step} the loss is ${loss} and the norm of the gradient ` +
      `${norm}, expected finite numbers: lower the learning rate`,
    { code: "diverged" },
  );
}
