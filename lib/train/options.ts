/**
 * What training is asked to do, what it tells while it runs, and what it gives back.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import type { Placement } from "../adapter/placement.ts";
import type { WrittenFile } from "../checkpoint/execute.ts";
import type { DeviceName, OpenBackendOptions } from "../compute/open.ts";
import type { MetricValues } from "../eval/compare.ts";
import type { ClozeChoice } from "../eval/head.ts";
import type { Metric } from "../text/tasks.ts";

/**
 * How heads are trained.
 *
 * - `plain`: all heads at once, with the task's loss. Heads come to do different things, so that
 *   merging them by weights loses accuracy.
 * - `mergeable`: all heads start alike, and every step draws two of them, each of which stands for
 *   all heads in one pass; the loss adds how far the two passes' outputs are apart, and each step
 *   draws all heads towards their mean. Heads stay close to each other, so that their plain average
 *   loses next to nothing.
 */
export type Recipe = "plain" | "mergeable";

/** The shape of the learning rate over the steps after the warm-up. */
export type Schedule = "linear" | "cosine" | "constant";

/** What a mergeable step compares two passes' outputs by; regression is always `mse`. */
export type Consistency = "kl" | "mse";

/** The module that training starts from, where it is a new one. */
export interface NewAdapter {
  /** Heads of every layer, M. */
  readonly heads: number;
  /** Width of a head, d. */
  readonly headDim: number;
  /** Whether the heads' outputs are added up or averaged. */
  readonly combine: "sum" | "mean";
  /** Whether heads start alike; the recipe `mergeable` always does. */
  readonly sharedInit: boolean;
  /** Where in their layers the modules stand; after the attention block, unless given. */
  readonly placement?: Placement;
}

/** What the classifier decides, where that is stated instead of taken from the data. */
export interface ClassifierTask {
  /** Kind and names of the outputs. */
  readonly task: AdapterTask;
  /** Rows of the classifier: one a label, 1 for regression. */
  readonly numLabels: number;
}

/** How training goes; each has the default of the same name in {@linkcode TRAINING_DEFAULTS}. */
export interface TrainingSettings {
  /** How heads are trained. */
  readonly recipe: Recipe;
  /** What the recipe `mergeable` compares two passes by. */
  readonly consistency: Consistency;
  /** Weight of that comparison in the loss, λ. */
  readonly consistencyWeight: number;
  /**
   * How strongly the recipe `mergeable` draws heads together: each step takes off this times the
   * learning rate of every head's distance to their mean, 0 for none.
   */
  readonly elasticity: number;
  /** Passes over the rows; a fraction stops within the last one. */
  readonly epochs: number;
  /** The highest learning rate. */
  readonly learningRate: number;
  /** Rows of a step. */
  readonly batch: number;
  /** Weight decay of AdamW, apart from the gradient. */
  readonly weightDecay: number;
  /** Whether LayerNorms and biases decay as well. */
  readonly decayAll: boolean;
  /** Steps of the warm-up: below 1 a fraction of all steps, else their number. */
  readonly warmup: number;
  /** How the learning rate falls after the warm-up. */
  readonly schedule: Schedule;
  /** Share of the classifier's inputs that each step sets to zero, in [0, 1); 0 without one. */
  readonly dropout: number;
  /**
   * Share of the modules' attention probabilities that each step sets to zero, in [0, 1); the others
   * are scaled up. The authors' code has 0.1.
   */
  readonly attentionDropout: number;
  /** The largest norm of all gradients together; longer ones are scaled down to it, 0 clips none. */
  readonly clip: number;
  /** Share of the target that is spread evenly over all classes, in [0, 1). */
  readonly labelSmoothing: number;
  /** Seed of weights, order and dropout, an integer in [0, 2^32). */
  readonly seed: number;
}

/** What training uses where nothing else is asked. */
export const TRAINING_DEFAULTS: TrainingSettings = {
  recipe: "plain",
  consistency: "kl",
  consistencyWeight: 1,
  elasticity: 30,
  epochs: 3,
  learningRate: 1e-3,
  batch: 32,
  weightDecay: 0.01,
  decayAll: false,
  warmup: 0.06,
  schedule: "linear",
  dropout: 0.1,
  attentionDropout: 0,
  clip: 1,
  labelSmoothing: 0,
  seed: 0,
};

/**
 * What a step on a cloze question compares the right word with:
 *
 * - `words`: the other words of the question, as in PET;
 * - `vocabulary`: all tokens, as the authors of tiny attention did; predictions are among the words
 *   all the same.
 */
export type ClozeLoss = "words" | "vocabulary";

/** The cloze question that is trained on. */
export type TrainingQuestion = ClozeChoice & {
  /** What the loss compares with; the words when left out. */
  readonly loss?: ClozeLoss | undefined;
};

/** Copies of heads to start from. */
export interface CloneOptions {
  /** Copies of each head, 2 or more. */
  readonly copies: number;
  /** Standard deviation of the noise that sets all copies but the first apart. */
  readonly noise: number;
}

/** What to train, on what, and where to. */
export interface TrainOptions extends Partial<TrainingSettings> {
  /** The base: a checkpoint folder, or a file beside its config.json. It is never changed. */
  readonly base: string;
  /** What the adapter's config is to call the base, such as `org/name`; nothing when left out. */
  readonly baseName?: string | undefined;
  /** The adapter folder to write; it must not exist unless `force` is given. */
  readonly output: string;
  /** The labelled rows to learn from: a TSV, CSV or JSONL file. */
  readonly data: string;
  /** Labelled rows to judge by; without them the last step's adapter is kept. */
  readonly evalData?: string | undefined;
  /** Name of a task preset: its columns, labels and metric, for both files. */
  readonly task?: string | undefined;
  /** Column of the text, by name or 0-based index, in both files. */
  readonly text?: string | undefined;
  /** Column of the second text. */
  readonly textPair?: string | undefined;
  /** Column of the label. */
  readonly label?: string | undefined;
  /** Rows of `data` to take, drawn by the seed; `undefined` takes all. */
  readonly limit?: number | undefined;
  /** What the classifier decides; `undefined` takes it from the task, else from the data. */
  readonly classifier?: ClassifierTask | undefined;
  /**
   * A cloze question that the base's head for masked tokens answers, in the place of a classifier:
   * only the modules are trained then, and what is written has no classifier. `undefined` trains a
   * classifier.
   */
  readonly head?: TrainingQuestion | undefined;
  /** The new module's shape; not to be given with `from`. `undefined` is four heads of width 1. */
  readonly adapter?: NewAdapter | undefined;
  /** An adapter to go on from: its module, and its classifier where the labels are the same. */
  readonly from?: string | undefined;
  /** Copies of that adapter's heads to start from; `undefined` takes them as they are. */
  readonly clone?: CloneOptions | undefined;
  /** Tokens of a row at most; `undefined` is 128, or the base's table where that is shorter. */
  readonly maxLength?: number | undefined;
  /** Steps between evaluations; `undefined` evaluates after every epoch. */
  readonly evalEvery?: number | undefined;
  /** Evaluations without a new best after which training stops; `undefined` never does. */
  readonly patience?: number | undefined;
  /** Steps between saved states, which is what a killed run loses at most; 50 by default. */
  readonly saveEvery?: number | undefined;
  /**
   * Whether to go on from the state that a stopped run of the same options left beside `output`;
   * where there is none, training starts anew.
   */
  readonly resume?: boolean | undefined;
  /** Whether an existing output is replaced, and `from` accepted for a base of other content. */
  readonly force?: boolean | undefined;
  /** Whether what was written is compared by SHA-256, else by CRC-32. */
  readonly verify?: boolean | undefined;
  /** Which device to run on; `auto` by default. */
  readonly device?: DeviceName | undefined;
  /** Where to keep which kernels are fastest on a GPU. */
  readonly tuning?: OpenBackendOptions["tuning"] | undefined;
  /** Threads of the device `wasm`; one a core when left out. */
  readonly threads?: number | undefined;
  /** Stops the work after the step it is at; the state is saved for `resume`. */
  readonly signal?: AbortSignal | undefined;
  /** Told in one line each: rare classes, labels taken from the data, a fallback of the device. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Told what happens, step by step. */
  readonly onEvent?: ((event: TrainEvent) => void) | undefined;
}

/** How many rows of a data set have a label. */
export interface ClassCount {
  /** The label, as the classifier names it. */
  readonly label: string;
  /** Its rows. */
  readonly rows: number;
}

/** Told once, before the first step. */
export interface StartEvent {
  /** Which event it is. */
  readonly kind: "start";
  /** Steps of the whole run. */
  readonly steps: number;
  /** Steps already done by the run that this one continues, else 0. */
  readonly resumedFrom: number;
  /** Rows to learn from. */
  readonly rows: number;
  /** Their tokens, after truncation. */
  readonly tokens: number;
  /** Rows of each class; empty for regression. */
  readonly classes: readonly ClassCount[];
  /** Whether the classes were taken from the rows. */
  readonly inferred: boolean;
  /** What is trained, in elements. */
  readonly parameters: number;
  /** `parameters` over the base's own. */
  readonly share: number;
  /** The device's name. */
  readonly device: string;
  /** The device in words. */
  readonly deviceDescription: string;
}

/** One step of the optimiser. */
export interface StepRecord {
  /** Counted from 1. */
  readonly step: number;
  /** Passes over the rows so far, this step included: 1.5 is the middle of the second. */
  readonly epoch: number;
  /** The loss of the step's rows before the step, averaged over them. */
  readonly loss: number;
  /** The learning rate that the step was taken with. */
  readonly learningRate: number;
  /** The norm of all gradients together, before it was clipped. */
  readonly gradientNorm: number;
}

/** Told after each step. */
export interface StepEvent extends StepRecord {
  /** Which event it is. */
  readonly kind: "step";
  /** Rows of the step. */
  readonly rows: number;
  /** Tokens of the step. */
  readonly tokens: number;
  /** Seconds since this process began the first step; evaluations are not counted. */
  readonly seconds: number;
}

/** What the rows of `evalData` gave. */
export interface EvaluationRecord {
  /** The steps done before it. */
  readonly step: number;
  /** Passes over the rows so far. */
  readonly epoch: number;
  /** The mean loss, without dropout. */
  readonly loss: number;
  /** The task's metric and those reported beside it. */
  readonly metrics: MetricValues;
  /** Whether it is the best so far; ties keep the earlier. */
  readonly best: boolean;
}

/** Told after each evaluation. */
export interface EvaluationEvent extends EvaluationRecord {
  /** Which event it is. */
  readonly kind: "evaluation";
  /** Seconds that it took. */
  readonly seconds: number;
}

/** Told while evaluating, for a progress line. */
export interface EvaluatingEvent {
  /** Which event it is. */
  readonly kind: "evaluating";
  /** Rows done. */
  readonly done: number;
  /** Rows in all. */
  readonly total: number;
}

/** What happens during training. */
export type TrainEvent = StartEvent | StepEvent | EvaluationEvent | EvaluatingEvent;

/** What training gave. */
export interface TrainResult {
  /** Steps done, those of a continued run included. */
  readonly steps: number;
  /** The mean loss of the last epoch's steps. */
  readonly loss: number;
  /** The evaluation of the adapter that was kept: the best one; null without `evalData`. */
  readonly eval: EvaluationRecord | null;
  /** The files written. */
  readonly written: readonly WrittenFile[];
  /** The metric that the best is chosen by. */
  readonly metric: Metric;
  /** The classifier's labels in the order of its rows; null for regression. */
  readonly labels: readonly string[] | null;
  /** Rows to learn from. */
  readonly rows: number;
  /** Rows that it was judged by; 0 without `evalData`. */
  readonly evalRows: number;
  /** Rows to learn from of each class; empty for regression. */
  readonly classes: readonly ClassCount[];
  /** Which head gave the outputs: a classifier that was trained too, or the base's. */
  readonly head: "adapter" | "cloze";
  /** What was trained, in elements: the modules, and the classifier if there is one. */
  readonly parameters: number;
  /** `parameters` over the base's own: 0.0005 is 0.05 %. */
  readonly share: number;
  /** Whether `patience` ended it. */
  readonly stoppedEarly: boolean;
  /** The settings it ran with. */
  readonly settings: TrainingSettings;
  /** Every step and evaluation from the first on, those of a continued run included. */
  readonly history: {
    /** The steps, in order. */
    readonly steps: readonly StepRecord[];
    /** The evaluations, in order. */
    readonly evaluations: readonly EvaluationRecord[];
  };
  /** The device's name. */
  readonly device: string;
  /** The device in words. */
  readonly deviceDescription: string;
  /** Seconds that this process spent on steps, evaluations not counted. */
  readonly seconds: number;
  /** Rows learnt from a second, in this process. */
  readonly rowsPerSecond: number;
}
