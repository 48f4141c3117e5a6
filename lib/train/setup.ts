/**
 * What a run needs before its first step: base and device, rows, and the adapter to be trained.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import { baseContentHash } from "../adapter/embedded.ts";
import { countBaseParameters, initAdapter, initTensors } from "../adapter/init.ts";
import type { Adapter } from "../adapter/open.ts";
import { readFloats } from "../checkpoint/open.ts";
import type { OpenModel } from "../checkpoint/open_model.ts";
import type { Backend } from "../compute/backend.ts";
import { UsageError } from "../errors.ts";
import { encodeRows } from "../eval/run.ts";
import { openSession, type Session } from "../eval/session.ts";
import type { EncoderConfig } from "../model/config.ts";
import { EncoderLayers } from "../runtime/layers.ts";
import { loadMaskedLmHead, loadTransposedHead } from "../runtime/load_head.ts";
import { FrozenHead, type FrozenHeadOptions } from "../runtime/training_head.ts";
import { trainingBytesPerToken } from "../runtime/training_values.ts";
import { loadTransposed } from "../runtime/transposed.ts";
import { verbalizerTokens } from "../text/cloze.ts";
import { VERSION } from "../version.ts";
import { cloneHeads } from "./clone.ts";
import { type LabelledData, readTrainingData, type TrainingData } from "./data.ts";
import { describeImbalance } from "./labels.ts";
import type { NewAdapter, TrainingSettings, TrainOptions } from "./options.ts";
import { classifierHead, frozenHead, type OutputHead } from "./output_head.ts";
import type { Fingerprint } from "./state.ts";
import { type EncoderParts, type LabelledEncodings, passesOf } from "./step.ts";
import { type TensorValues, TrainableAdapter } from "./trainable.ts";

/** The module that is made where nothing else is asked. */
const NEW_ADAPTER: NewAdapter = { heads: 4, headDim: 1, combine: "sum", sharedInit: false };

/** Bytes that the activations of a batch may take. */
const ACTIVATION_BYTES = 2 ** 30;

/** Tokens of a batch at most: more make no step faster. */
const MOST_TOKENS = 2048;

/** The same where each sequence may have as many outputs as there are words: they take room. */
const MOST_VOCABULARY_TOKENS = 256;

/** Everything that the steps of a run work on; dispose it to free the device. */
export interface TrainingSetup extends Disposable {
  /** Base, tokenizer and device. */
  readonly session: Session;
  /** The base for gradients. */
  readonly parts: EncoderParts;
  /** The rows as read. */
  readonly data: TrainingData;
  /** Rows to learn from. */
  readonly train: LabelledEncodings;
  /** Rows to judge by, if any. */
  readonly eval: LabelledEncodings | undefined;
  /** What is trained. */
  readonly adapter: TrainableAdapter;
  /** What stands between hidden states and the loss. */
  readonly head: OutputHead;
  /** The adapter's parameters over the base's own. */
  readonly share: number;
  /** What a saved state of this run belongs to. */
  readonly fingerprint: Fingerprint;
}

/**
 * Opens and reads everything.
 *
 * @param options What to train, on what.
 * @param settings How.
 * @returns The setup; the caller disposes it.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together; nothing
 * stays open then.
 */
export async function openTraining(
  options: TrainOptions,
  settings: TrainingSettings,
): Promise<TrainingSetup> {
  checkStart(options);
  using opened = new DisposableStack();
  const { from, onWarning } = options;
  const session = opened.use(
    await openSession({
      ...options,
      adapters: from === undefined ? [] : [from],
      device: options.device ?? "auto",
      maxTokens: (config) =>
        Math.min(
          tokensOfBatch(config, passesOf(settings)),
          options.head?.loss === "vocabulary" ? MOST_VOCABULARY_TOKENS : Infinity,
        ),
    }),
  );
  const { checkpoint, model } = session.base;
  const [source] = session.adapters;
  const data = await readTrainingData({ ...options, seed: settings.seed }, source);
  warnOfData(data, onWarning);
  const adapter = await startingAdapter(session.base, source, data, options, settings);
  const { backend, weights } = session;
  const parts = {
    backend,
    weights,
    transposed: await loadTransposed(checkpoint, model, backend),
    layers: new EncoderLayers(backend, weights),
  };
  const encode = ({ rows, targets }: LabelledData): LabelledEncodings => {
    return { encodings: encodeRows(session, rows, options.signal), targets };
  };
  const setup = {
    session,
    parts,
    data,
    train: encode(data.train),
    eval: data.eval && encode(data.eval),
    adapter,
    head: await headOf(session, adapter, options, settings),
    share: adapter.parameterCount / countBaseParameters(checkpoint, model),
    fingerprint: await fingerprintOf(options, settings, session, data, adapter),
  };
  const stack = opened.move();
  return { ...setup, [Symbol.dispose]: () => stack.dispose() };
}

/**
 * Says how many tokens a batch may have, so that its activations are within their room; a step may
 * take several batches.
 *
 * @param config The base's sizes.
 * @param passes Passes whose activations are kept at once.
 * @returns Tokens, 1 at least.
 */
export function tokensOfBatch(config: EncoderConfig, passes: number): number {
  const bytes = trainingBytesPerToken(config, passes);
  return Math.max(1, Math.min(MOST_TOKENS, Math.floor(ACTIVATION_BYTES / bytes)));
}

/**
 * Tells of rare classes, and of rows that are learnt from and judged by.
 *
 * @param data The rows.
 * @param onWarning Told in one line each.
 */
export function warnOfData(
  { classes, train, eval: judged }: TrainingData,
  onWarning: TrainOptions["onWarning"],
): void {
  const imbalance = describeImbalance(classes);
  if (imbalance !== undefined) onWarning?.(imbalance);
  if (judged !== undefined && judged.path === train.path) {
    onWarning?.(`"${judged.path}" is learnt from and judged by: the metric will flatter`);
  }
}

/**
 * Makes the adapter that a run starts from: a new one, or the values of another.
 *
 * @param base The base.
 * @param source The adapter to go on from, if any; stays open.
 * @param data The rows, which say what the classifier decides.
 * @param options The shape of a new module.
 * @param settings Recipe and seed.
 * @returns The adapter in memory.
 * @throws {UsageError} when the recipe cannot be followed with its heads.
 */
export async function startingAdapter(
  base: OpenModel,
  source: Adapter | undefined,
  data: TrainingData,
  options: Pick<TrainOptions, "adapter" | "baseName" | "clone" | "head">,
  settings: TrainingSettings,
): Promise<TrainableAdapter> {
  const rows = options.head === undefined ? data.classifier.numLabels : 0;
  const sizes = { numLabels: rows, decayAll: settings.decayAll };
  let [config, arrays] = source === undefined
    ? await newAdapter(base, data, options, settings)
    : await continuedAdapter(source, data, sizes.numLabels, settings);
  const { clone } = options;
  if (clone !== undefined) [config, arrays] = cloneHeads(config, arrays, clone, settings.seed);
  const adapter = new TrainableAdapter(config, arrays, sizes);
  checkHeads(adapter.config, settings);
  return adapter;
}

async function newAdapter(
  base: OpenModel,
  { classifier: { task, numLabels } }: TrainingData,
  { adapter: shape = NEW_ADAPTER, baseName }: Pick<TrainOptions, "adapter" | "baseName">,
  { recipe, seed }: TrainingSettings,
): Promise<[AdapterConfig, TensorValues]> {
  const sharedInit = shape.sharedInit || recipe === "mergeable";
  const name = baseName === undefined ? {} : { baseName };
  const options = { ...shape, ...name, sharedInit, task, numLabels, seed };
  const { adapter } = await initAdapter(base.checkpoint, base.model, options);
  return [adapter.config, adapter.arrays];
}

async function continuedAdapter(
  source: Adapter,
  { classifier: { task }, keepsClassifier }: TrainingData,
  numLabels: number,
  { seed }: TrainingSettings,
): Promise<[AdapterConfig, TensorValues]> {
  // What it was merged from says nothing about what training makes of it.
  const { mergedFrom: _merged, ...kept } = source.config;
  const config: AdapterConfig = { ...kept, task, tinygraftVersion: VERSION };
  const arrays = keepsClassifier
    ? new Map<string, Float32Array>()
    : initTensors(config, { numLabels, sharedInit: false, seed });
  for (const [name, entry] of source.tensors) {
    const isOld = name.startsWith("classifier.") && !keepsClassifier;
    if (!isOld) arrays.set(name, await readFloats(entry));
  }
  return [config, arrays];
}

/** The adapter's own classifier, or the base's head for masked tokens. */
async function headOf(
  { base, backend, tokenizer, weights }: Session,
  adapter: TrainableAdapter,
  { head: choice }: TrainOptions,
  settings: TrainingSettings,
): Promise<OutputHead> {
  if (choice === undefined) return classifierHead(backend, adapter);
  const { verbalizer, loss } = choice;
  const words = verbalizerTokens(tokenizer, verbalizer);
  const tokens = loss === "vocabulary" ? firstOf(words, base.model.config.vocabSize) : words;
  const { layerNormEps } = weights.config;
  const head = await loadFrozenHead(base, backend, tokens, {
    layerNormEps,
    passes: passesOf(settings),
  });
  return frozenHead(head, words.length);
}

/**
 * Loads a base's head for masked tokens, with its way back.
 *
 * @param base The base.
 * @param backend Where to.
 * @param tokens The tokens that it scores, in this order.
 * @param options Epsilon of the head's LayerNorm, and the passes whose states are kept at once.
 * @returns The head; its weights belong to the backend.
 * @throws {TinygraftError} when the base has no such head.
 */
export async function loadFrozenHead(
  { checkpoint, model }: OpenModel,
  backend: Backend,
  tokens: readonly number[],
  options: Pick<FrozenHeadOptions, "layerNormEps" | "passes">,
): Promise<FrozenHead> {
  return new FrozenHead({
    backend,
    head: await loadMaskedLmHead(checkpoint, model, backend, tokens),
    transposed: await loadTransposedHead(checkpoint, model, backend, tokens),
    ...options,
  });
}

/** Every token with some of them first, so that these keep their numbers as classes. */
function firstOf(words: readonly number[], vocabSize: number): number[] {
  const known = new Set(words);
  const rest = Array.from({ length: vocabSize }, (_, id) => id).filter((id) => !known.has(id));
  return [...words, ...rest];
}

/**
 * Checks that a run starts from one adapter.
 *
 * @param options What to train.
 * @throws {UsageError} when both an adapter and the shape of a new one were given.
 */
export function checkStart(options: TrainOptions): void {
  if (options.from === undefined || options.adapter === undefined) return;
  throw new UsageError(
    "Cannot train: both an adapter to go on from and the shape of a new one were given, " +
      "expected one of them",
  );
}

/** One head stands for all in every layer at once, so that layers must have as many. */
function checkHeads(config: AdapterConfig, { recipe }: TrainingSettings): void {
  if (recipe === "plain") return;
  const heads = Array.from({ length: config.numHiddenLayers }, (_, i) => headsOfLayer(config, i));
  if (new Set(heads).size === 1) return;
  throw new UsageError(
    `Cannot train the heads to be mergeable: the layers have ${heads.join(", ")} heads, expected ` +
      "the same number in each: use the recipe plain",
  );
}

async function fingerprintOf(
  { evalEvery, patience, head }: TrainOptions,
  settings: TrainingSettings,
  { base, maxLength, backend }: Session,
  data: TrainingData,
  { config }: TrainableAdapter,
): Promise<Fingerprint> {
  const { numHeads, headDim, combine, placement, task } = config;
  return {
    tinygraft: VERSION,
    ...settings,
    evalEvery,
    patience,
    head,
    maxLength,
    device: backend.name,
    heads: numHeads,
    ...{ headDim, combine, placement, task: { type: task.type, labels: task.labels } },
    base: config.baseModelSha256 ?? await baseContentHash(base.checkpoint, base.model),
    data: await digest(data.train),
    evalData: data.eval && await digest(data.eval),
  };
}

/** SHA-256 of a data set's texts and targets, hexadecimal. */
async function digest({ rows, targets }: LabelledData): Promise<string> {
  const texts = rows.map(({ text, pair }) => pair === undefined ? [text] : [text, pair]);
  const bytes = new TextEncoder().encode(JSON.stringify([texts, [...targets]]));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
