/**
 * The flags of `train`, and the library's options that they make.
 *
 * @module
 */

import type { DeviceName } from "../lib/compute/open.ts";
import { UsageError } from "../lib/errors.ts";
import {
  type ClozeLoss,
  TRAINING_DEFAULTS,
  type TrainingQuestion,
  type TrainOptions,
} from "../lib/train/options.ts";
import { INIT_FLAGS, placementOf, TASK_FLAGS, taskOptions } from "./adapter_flags.ts";
import type { Invocation } from "./command.ts";
import { taskOfRows } from "./data_location.ts";
import { type Flag, type FlagValues, WRITING_FLAGS } from "./flags.ts";
import { clozeChoice, HEAD_FLAGS } from "./head_flags.ts";
import { REPORT_FLAG } from "./report.ts";
import { DATA_FLAGS, RUN_FLAGS, threadsOf } from "./run_flags.ts";
import { tuningFile } from "./tuning_file.ts";

const DEFAULTS = TRAINING_DEFAULTS;

/** The rows, and how they are read. */
const ROW_FLAGS: readonly Flag[] = [
  {
    name: "data",
    kind: "string",
    value: "FILE",
    help: "labelled rows to learn from, also hf://datasets/…",
  },
  {
    name: "eval",
    kind: "string",
    value: "FILE",
    help: "labelled rows to judge by, to keep the best",
  },
  ...DATA_FLAGS.map((flag): Flag =>
    flag.name === "limit" ? { ...flag, help: "learn from N rows only, drawn by the seed" } : flag
  ),
];

/** The recipe and the optimiser. */
const SETTING_FLAGS: readonly Flag[] = [
  {
    name: "recipe",
    kind: "string",
    value: "NAME",
    choices: ["plain", "mergeable"],
    default: DEFAULTS.recipe,
    help: "plain, or mergeable: heads that can be averaged",
  },
  {
    name: "consistency",
    kind: "string",
    value: "NAME",
    choices: ["kl", "mse"],
    help: "mergeable: compare passes by kl (the default) or mse",
  },
  {
    name: "elasticity",
    kind: "number",
    min: 0,
    help: `mergeable: pull of heads to their mean, times --lr (default: ${DEFAULTS.elasticity})`,
  },
  {
    name: "epochs",
    kind: "number",
    min: 0.01,
    default: DEFAULTS.epochs,
    help: "passes over the rows",
  },
  {
    name: "lr",
    kind: "number",
    min: 0,
    default: DEFAULTS.learningRate,
    help: "highest learning rate",
  },
  { name: "batch", kind: "integer", min: 1, default: DEFAULTS.batch, help: "rows of a step" },
  {
    name: "weight-decay",
    kind: "number",
    min: 0,
    default: DEFAULTS.weightDecay,
    help: "decay of AdamW, on matrices only",
  },
  { name: "decay-all", kind: "boolean", help: "decay LayerNorms and biases too" },
  {
    name: "warmup",
    kind: "number",
    min: 0,
    default: DEFAULTS.warmup,
    help: "steps of rising rate; below 1: share of all steps",
  },
  {
    name: "schedule",
    kind: "string",
    value: "NAME",
    choices: ["linear", "cosine", "constant"],
    default: DEFAULTS.schedule,
    help: "fall of the rate: linear, cosine or constant",
  },
  {
    name: "dropout",
    kind: "number",
    min: 0,
    max: 0.99,
    default: DEFAULTS.dropout,
    help: "share of the classifier's inputs dropped",
  },
  {
    name: "attention-dropout",
    kind: "number",
    min: 0,
    max: 0.99,
    default: DEFAULTS.attentionDropout,
    help: "share of the heads' attention dropped; the authors have 0.1",
  },
  {
    name: "clip",
    kind: "number",
    min: 0,
    default: DEFAULTS.clip,
    help: "largest norm of the gradient, 0 for no limit",
  },
  {
    name: "label-smoothing",
    kind: "number",
    min: 0,
    max: 0.99,
    default: DEFAULTS.labelSmoothing,
    help: "share of each target spread over all classes",
  },
];

/** How long it goes on, and what it leaves. */
const COURSE_FLAGS: readonly Flag[] = [
  {
    name: "eval-every",
    kind: "integer",
    min: 1,
    help: "steps between evaluations (default: an epoch)",
  },
  {
    name: "patience",
    kind: "integer",
    min: 1,
    help: "stop after N evaluations without a new best",
  },
  {
    name: "save-every",
    kind: "integer",
    min: 1,
    default: 50,
    help: "steps between saved states: what a killed run loses at most",
  },
  { name: "resume", kind: "boolean", help: "go on from where a stopped run of this command was" },
  { name: "metrics", kind: "string", value: "FILE.jsonl", help: "write every step and evaluation" },
];

/** The flags of `init` that say what a new module is like. */
const MODULE_FLAGS = ["heads", "head-dim", "combine", "placement", "shared-init"];

/** The cloze question in the place of a classifier. */
const CLOZE_FLAGS: readonly Flag[] = [
  ...HEAD_FLAGS.filter(({ name }) => name !== "head").map((flag) =>
    flag.name === "cloze"
      ? {
        ...flag,
        help: "train no classifier: the base's head for masked tokens answers this question",
      }
      : flag
  ),
  {
    name: "cloze-loss",
    kind: "string",
    value: "WHAT",
    choices: ["words", "vocabulary"],
    help: "compare the right word with the others given (the default), or with all tokens",
  },
];

/** Every flag of `train`. */
export const TRAIN_FLAGS: readonly Flag[] = [
  ...ROW_FLAGS,
  {
    name: "from",
    kind: "string",
    value: "ADAPTER",
    help: "go on from this adapter, not a new one",
  },
  {
    name: "clone",
    kind: "integer",
    value: "N",
    min: 2,
    max: 1024,
    help: "with --from: start from N copies of its heads, as the authors do",
  },
  {
    name: "clone-noise",
    kind: "number",
    value: "N",
    min: 0,
    default: 1e-6,
    help: "how far apart the copies start: standard deviation",
  },
  ...INIT_FLAGS,
  ...CLOZE_FLAGS,
  ...SETTING_FLAGS,
  ...COURSE_FLAGS,
  ...RUN_FLAGS.filter(({ name }) => name === "device" || name === "max-length"),
  REPORT_FLAG,
  {
    name: "export-torch",
    kind: "string",
    value: "DIR",
    help: "train nothing: write the run as a folder for PyTorch",
  },
  ...WRITING_FLAGS.map((flag): Flag =>
    flag.name === "force"
      ? { ...flag, help: "replace an existing output, accept --from of another base" }
      : flag
  ),
];

/**
 * Reads the flags as the library's options, and readies the process for a device.
 *
 * @param invocation The call.
 * @returns The options, without what is told while it runs.
 * @throws {UsageError} for flags that contradict each other and for an unknown task.
 */
export function trainOptions(invocation: Invocation): TrainOptions {
  const { args, flags, io, warn } = invocation;
  const [base, output] = args as [string, string];
  const head = questionOf(flags);
  const task = taskOfRows(invocation, flags.required("data"));
  const options: TrainOptions = {
    ...settingsOf(flags),
    base,
    output,
    head,
    data: flags.required("data"),
    evalData: flags.string("eval"),
    task,
    text: flags.string("text"),
    textPair: flags.string("text-pair"),
    label: flags.string("label"),
    limit: flags.number("limit"),
    ...startOf(flags),
    maxLength: flags.number("max-length"),
    evalEvery: flags.number("eval-every"),
    patience: flags.number("patience"),
    saveEvery: flags.number("save-every"),
    resume: flags.boolean("resume"),
    force: flags.boolean("force"),
    verify: flags.boolean("verify"),
    device: flags.required("device") as DeviceName,
    tuning: tuningFile(io),
    threads: threadsOf(io),
    signal: io.signal,
    onWarning: warn,
  };
  const judging = ["eval-every", "patience"].find((name) => flags.given(name));
  if (options.evalData === undefined && judging !== undefined) {
    throw new UsageError(
      `Cannot use --${judging}: there are no rows to judge by, expected a file: give --eval too`,
    );
  }
  io.prepareDevice();
  return options;
}

function questionOf(flags: FlagValues): TrainingQuestion | undefined {
  const question = clozeChoice(flags);
  const loss = flags.string("cloze-loss") as ClozeLoss | undefined;
  if (loss === undefined) return question;
  if (question !== undefined) return { ...question, loss };
  throw new UsageError("Cannot use --cloze-loss alone: give --cloze PATTERN with it");
}

function settingsOf(flags: FlagValues): Partial<TrainOptions> {
  const consistency = flags.string("consistency");
  const elasticity = flags.number("elasticity");
  const ofMergeable = (["consistency", "elasticity"] as const).find((name) => flags.given(name));
  if (ofMergeable !== undefined && flags.required("recipe") !== "mergeable") {
    throw new UsageError(
      `Cannot use --${ofMergeable} with --recipe plain: ${
        ofMergeable === "consistency"
          ? "it compares the two passes of a mergeable step"
          : "it draws the heads of a mergeable adapter together"
      }: give --recipe mergeable`,
    );
  }
  return {
    recipe: flags.required("recipe") as "plain" | "mergeable",
    ...(consistency === undefined ? {} : { consistency: consistency as "kl" | "mse" }),
    ...(elasticity === undefined ? {} : { elasticity }),
    epochs: flags.number("epochs")!,
    learningRate: flags.number("lr")!,
    batch: flags.number("batch")!,
    weightDecay: flags.number("weight-decay")!,
    decayAll: flags.boolean("decay-all"),
    warmup: flags.number("warmup")!,
    schedule: flags.required("schedule") as "linear" | "cosine" | "constant",
    // A frozen head has none: its default is for a classifier.
    ...(flags.has("cloze") && !flags.given("dropout") ? {} : { dropout: flags.number("dropout")! }),
    attentionDropout: flags.number("attention-dropout")!,
    clip: flags.number("clip")!,
    labelSmoothing: flags.number("label-smoothing")!,
    seed: flags.number("seed")!,
  };
}

/** The module and the classifier that training starts from. */
function startOf(
  flags: FlagValues,
): Pick<TrainOptions, "adapter" | "classifier" | "clone" | "from"> {
  const from = flags.string("from");
  const shape = MODULE_FLAGS.find((name) => flags.given(name));
  if (from !== undefined && shape !== undefined) {
    throw new UsageError(
      `Cannot use --${shape} with --from: the module of ${from} has its shape already: leave one out`,
    );
  }
  const isStated = TASK_FLAGS.some(({ name }) => flags.given(name));
  const classifier = isStated ? { classifier: taskOptions(flags) } : {};
  const copies = flags.number("clone");
  const stray = ["clone", "clone-noise"].find((name) => flags.given(name));
  if (stray !== undefined && (from === undefined || copies === undefined)) {
    throw new UsageError(
      `Cannot use --${stray} alone: expected --from ADAPTER and --clone N: give both`,
    );
  }
  const clone = copies === undefined
    ? {}
    : { clone: { copies, noise: flags.number("clone-noise")! } };
  if (from !== undefined) return { from, ...clone, ...classifier };
  return {
    adapter: {
      heads: flags.number("heads")!,
      headDim: flags.number("head-dim")!,
      combine: flags.required("combine") === "mean" ? "mean" : "sum",
      placement: placementOf(flags),
      sharedInit: flags.boolean("shared-init"),
    },
    ...classifier,
  };
}
