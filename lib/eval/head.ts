/**
 * Which head gives the outputs: the adapters' classifiers, or one that the base carries.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import { embeddedAdapterTensors } from "../adapter/embedded.ts";
import type { Adapter } from "../adapter/open.ts";
import type { OpenModel } from "../checkpoint/open_model.ts";
import type { Backend } from "../compute/backend.ts";
import { TinygraftError, UsageError } from "../errors.ts";
import { findClassificationHead, findMaskedLmHead } from "../model/heads.ts";
import { readHeadTask } from "../model/head_task.ts";
import type { HeadWeights } from "../runtime/load.ts";
import { loadClassificationHead, loadMaskedLmHead } from "../runtime/load_head.ts";
import { type Cloze, createCloze, verbalizerTokens } from "../text/cloze.ts";
import { parseClozePattern } from "../text/cloze_pattern.ts";
import type { Tokenizer } from "../text/tokenizer.ts";

/** Which head to run. */
export type HeadChoice =
  /** Each adapter's own classifier. */
  | { readonly kind: "adapter" }
  /** The head for sequence classification that the base was fine-tuned with. */
  | { readonly kind: "base" }
  /**
   * The base's head for masked tokens, asked a cloze question: the logits are those of some words
   * at the mask.
   */
  | {
    readonly kind: "cloze";
    /** The question, as `parseClozePattern` reads it. */
    readonly pattern: string;
    /** One word a label, in the labels' order. */
    readonly verbalizer: readonly string[];
  };

/** The choice of the base's head for masked tokens. */
export type ClozeChoice = Extract<HeadChoice, { readonly kind: "cloze" }>;

/** A head that fits base and adapters, before anything is on a device. */
export interface DecidedHead {
  /** What its outputs mean. */
  readonly task: AdapterTask;
  /** Its outputs. */
  readonly numLabels: number;
  /** Makes token sequences of rows; undefined where these are the texts alone. */
  readonly cloze: Cloze | undefined;
  /** Puts its weights onto a backend; undefined where each adapter has its own. */
  readonly load: ((backend: Backend) => Promise<HeadWeights>) | undefined;
}

/**
 * Finds the head and what its outputs mean.
 *
 * @param choice Which head.
 * @param base The open base; stays open.
 * @param adapters The open adapters, if any; the first says what the labels are.
 * @param tokenizer The base's tokenizer.
 * @returns The head; undefined without an adapter where the adapters' heads were asked for.
 * @throws {TinygraftError} with code `missing-tensor` where the base has no such head,
 * `label-mismatch` where it does not decide what the adapters do, `invalid-config`.
 * @throws {UsageError} with code `invalid-cloze` for a pattern or a word that cannot be used.
 */
export function decideHead(
  choice: HeadChoice,
  base: OpenModel,
  adapters: readonly Adapter[],
  tokenizer: Tokenizer,
): DecidedHead | undefined {
  if (choice.kind === "base") return decideBase(base, adapters);
  if (choice.kind === "cloze") return decideCloze(choice, base, adapters, tokenizer);
  const [adapter] = adapters;
  if (adapter === undefined) return undefined;
  const { config: { task }, numLabels } = adapter;
  return { task, numLabels, cloze: undefined, load: undefined };
}

function decideBase({ checkpoint, model }: OpenModel, adapters: readonly Adapter[]): DecidedHead {
  const { location } = checkpoint;
  // An adapter that the base carries may stand where a head of its own would.
  const adapted = new Set(embeddedAdapterTensors(checkpoint, model).values());
  const tensors = new Map([...checkpoint.tensors].filter(([name]) => !adapted.has(name)));
  const head = findClassificationHead(model, tensors, location);
  if (head === undefined) {
    const tensor = `${model.architecture.classificationHead.output}.weight`;
    throw new TinygraftError(
      `Cannot classify with a head of "${location}": it has none for sequence classification, ` +
        `expected a tensor "${tensor}": give an adapter with a classifier, or take a base that ` +
        "was fine-tuned on the task",
      { code: "missing-tensor", path: location, tensor },
    );
  }
  const own = readHeadTask(checkpoint.config ?? {}, head.outputs, location);
  const [first] = adapters;
  for (const { config: { task }, location: path } of adapters) {
    const same = task.type === own.type && (task.labels?.length ?? head.outputs) === head.outputs;
    if (same) continue;
    throw new TinygraftError(
      `Cannot use the head of "${location}" with "${path}": it has ${head.outputs} outputs for ` +
        `${own.type}, expected those of the adapter's task, ${task.type}` +
        `${task.labels === null ? "" : ` with ${task.labels.join(", ")}`}`,
      { code: "label-mismatch", path },
    );
  }
  return {
    task: {
      ...first?.config.task,
      ...own,
      labels: own.labels ?? first?.config.task.labels ?? null,
    },
    numLabels: head.outputs,
    cloze: undefined,
    load: (backend) => loadClassificationHead(checkpoint, model, backend),
  };
}

function decideCloze(
  { pattern, verbalizer }: ClozeChoice,
  { checkpoint, model }: OpenModel,
  [adapter]: readonly Adapter[],
  tokenizer: Tokenizer,
): DecidedHead {
  const { location, tensors } = checkpoint;
  const cloze = createCloze(parseClozePattern(pattern), tokenizer);
  const task = clozeTask(adapter, verbalizer);
  if (findMaskedLmHead(model, tensors, location) === undefined) {
    const tensor = `${model.architecture.maskedLmHead.dense.path}.weight`;
    throw new TinygraftError(
      `Cannot ask "${location}" a cloze question: it has no head for masked tokens, expected a ` +
        `tensor "${tensor}": take the base as it was saved after pretraining, with its whole head`,
      { code: "missing-tensor", path: location, tensor },
    );
  }
  const tokens = verbalizerTokens(tokenizer, verbalizer);
  return {
    task,
    numLabels: tokens.length,
    cloze,
    load: (backend) => loadMaskedLmHead(checkpoint, model, backend, tokens),
  };
}

/** The labels that the words stand for: the adapter's, or the words themselves. */
function clozeTask(adapter: Adapter | undefined, verbalizer: readonly string[]): AdapterTask {
  if (verbalizer.length < 2) {
    throw new UsageError(
      `Cannot ask a cloze question: there is ${verbalizer.length} word, expected one for each ` +
        "label, two or more",
      { code: "invalid-cloze" },
    );
  }
  if (adapter === undefined) return { type: "classification", labels: verbalizer };
  const { config: { task }, numLabels, location } = adapter;
  const labels = task.labels?.length ?? numLabels;
  if (task.type === "classification" && labels === verbalizer.length) return task;
  const expected = task.type === "regression"
    ? "labels, and the adapter's task is regression"
    : labels === 0
    ? "labels, and the adapter names none"
    : `${labels}, one for each of ${task.labels?.join(", ") ?? "the adapter's labels"}`;
  throw new TinygraftError(
    `Cannot ask "${location}" a cloze question: there are ${verbalizer.length} words ` +
      `(${verbalizer.join(", ")}), expected ${expected}`,
    { code: "label-mismatch", path: location },
  );
}

/**
 * Tells what to warn of when the adapters' classifiers are left aside.
 *
 * @param choice The head that is run.
 * @param adapters The adapters.
 * @returns The line; undefined where nothing is left aside.
 */
export function unusedClassifiers(
  { kind }: HeadChoice,
  adapters: readonly Adapter[],
): string | undefined {
  if (kind === "adapter" || adapters.every(({ numLabels }) => numLabels === 0)) return undefined;
  const used = kind === "base" ? "sequence classification" : "masked tokens";
  return `the adapters' own classifiers are not used: the outputs are those of the base's head for ` +
    used;
}
