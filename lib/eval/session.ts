/**
 * What evaluation needs in one hand: the base, its tokenizer, the adapters and a device.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import { baseContentHash } from "../adapter/embedded.ts";
import { type Adapter, adapterWarnings, checkFits, openAdapter } from "../adapter/open.ts";
import { DEFAULT_PLACEMENT } from "../adapter/placement.ts";
import { type OpenModel, openModel } from "../checkpoint/open_model.ts";
import { assertLocal } from "../checkpoint/place.ts";
import { readJsonFile, statPath } from "../checkpoint/sources.ts";
import type { Backend } from "../compute/backend.ts";
import { type DeviceName, openBackend, type OpenBackendOptions } from "../compute/open.ts";
import { TinygraftError } from "../errors.ts";
import type { EncoderConfig } from "../model/config.ts";
import { checkModel } from "../model/resolve.ts";
import { Encoder } from "../runtime/encoder.ts";
import {
  type AdapterWeights,
  type EncoderWeights,
  loadAdapter,
  loadEncoder,
  loadModules,
} from "../runtime/load.ts";
import { quote } from "../tensor/quote.ts";
import type { Cloze } from "../text/cloze.ts";
import { createTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import { type DecidedHead, decideHead, type HeadChoice, unusedClassifiers } from "./head.ts";

/** Tokens of a row at most, unless asked otherwise: the length the paper's GLUE runs used. */
export const DEFAULT_MAX_LENGTH = 128;

/** How a session is opened. */
export interface SessionOptions {
  /** The base: a checkpoint folder, or a file beside its config.json. */
  readonly base: string;
  /**
   * Adapter folders, or checkpoints made by `inject`, or adapters that are open and stay the
   * caller's; each becomes a variant. Without any, a head of the base's makes one: the base alone.
   */
  readonly adapters: readonly (string | Adapter)[];
  /** Which head to run; the adapters' own when left out. */
  readonly head?: HeadChoice | undefined;
  /** Which device to run on. */
  readonly device: DeviceName;
  /** Element type of weights and activations: `f32` when left out; f16 is for some GPUs. */
  readonly precision?: OpenBackendOptions["precision"] | undefined;
  /** Where to keep which kernels are fastest on a GPU; without it none is measured. */
  readonly tuning?: OpenBackendOptions["tuning"] | undefined;
  /** Threads of the device `wasm`; one a core when left out. */
  readonly threads?: number | undefined;
  /** Tokens of a row at most; `undefined` is 128, or the base's table where that is shorter. */
  readonly maxLength?: number | undefined;
  /** Whether adapters made for a base with other tensor content are accepted. */
  readonly force?: boolean | undefined;
  /** The base's content hash where it is known; else it is computed where an adapter names one. */
  readonly baseHash?: string | undefined;
  /** Tokens that a batch of such a base may hold; what suits the device when left out. */
  readonly maxTokens?: ((config: EncoderConfig) => number) | undefined;
  /**
   * Told in one line each: the fallback of `auto` to the reference backend, keys of an adapter's
   * config that are not known, classifiers and tensors of the base that are not used, and a base
   * that is accepted only because of `force`.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** An open session; dispose it to free the device and close the files. */
export interface Session extends Disposable {
  /** The base. */
  readonly base: OpenModel;
  /** The adapters, in the order asked. */
  readonly adapters: readonly Adapter[];
  /** What the outputs mean; undefined where there are none. */
  readonly task: AdapterTask | undefined;
  /** Outputs of the head; 0 where there is none. */
  readonly numLabels: number;
  /** The base's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Makes token sequences of rows; undefined where these are the texts alone. */
  readonly cloze: Cloze | undefined;
  /** Tokens of a row at most. */
  readonly maxLength: number;
  /** The device. */
  readonly backend: Backend;
  /** The base's weights on the device. */
  readonly weights: EncoderWeights;
  /** The adapters' weights on the device, in the order asked, each with its head. */
  readonly variants: readonly AdapterWeights[];
  /** The encoder, one variant an adapter; the base alone where there is none. */
  readonly encoder: Encoder;
}

/**
 * Opens base, adapters, tokenizer and device, and loads the weights.
 *
 * @param options Where everything is.
 * @returns The session; the caller disposes it.
 * @throws {TinygraftError} when anything is missing or does not fit together; nothing stays open.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const opened = new DisposableStack();
  const { head: choice = { kind: "adapter" } } = options;
  try {
    const base = opened.use(await openModel(options.base));
    const adapters: Adapter[] = [];
    for (const adapter of options.adapters) {
      if (typeof adapter !== "string") {
        adapters.push(adapter);
        continue;
      }
      assertLocal(adapter, "an adapter to run");
      const withoutClassifier = choice.kind !== "adapter";
      adapters.push(opened.use(await openAdapter(adapter, { withoutClassifier })));
    }
    await checkAll(base, adapters, options);
    const maxLength = chooseMaxLength(options.maxLength, base);
    const tokenizer = await openTokenizer(base.checkpoint.folder);
    const head = decideHead(choice, base, adapters, tokenizer);
    const unused = unusedClassifiers(choice, adapters);
    if (unused !== undefined) options.onWarning?.(unused);
    const maxTokens = options.maxTokens?.(base.model.config);
    const backend = await openBackend(options.device, {
      minTokens: maxLength,
      ...(maxTokens === undefined ? {} : { maxTokens: Math.max(maxLength, maxTokens) }),
      ...(options.precision ? { precision: options.precision } : {}),
      ...(options.tuning ? { tuning: options.tuning } : {}),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.onWarning ? { onFallback: options.onWarning } : {}),
    });
    opened.defer(() => backend.destroy());
    const weights = await loadEncoder(base.checkpoint, base.model, backend);
    const variants = await loadVariants(base, adapters, head, backend);
    const encoder = new Encoder(backend, weights, variants);
    const stack = opened.move();
    return {
      base,
      adapters,
      task: head?.task,
      numLabels: head?.numLabels ?? 0,
      tokenizer,
      cloze: head?.cloze,
      maxLength,
      backend,
      weights,
      variants,
      encoder,
      [Symbol.dispose]: () => stack.dispose(),
    };
  } catch (error) {
    opened.dispose();
    throw error;
  }
}

async function loadVariants(
  base: OpenModel,
  adapters: readonly Adapter[],
  head: DecidedHead | undefined,
  backend: Backend,
): Promise<AdapterWeights[]> {
  const shared = await head?.load?.(backend);
  const variants: AdapterWeights[] = [];
  for (const adapter of adapters) {
    variants.push(
      shared === undefined
        ? await loadAdapter(adapter, backend)
        : { ...await loadModules(adapter, backend), ...shared },
    );
  }
  if (shared === undefined || adapters.length > 0) return variants;
  const { layerNormEps } = base.model.config;
  return [{ modules: [], layerNormEps, placement: DEFAULT_PLACEMENT, ...shared }];
}

async function checkAll(
  base: OpenModel,
  adapters: readonly Adapter[],
  { force = false, base: basePath, baseHash, onWarning }: SessionOptions,
): Promise<void> {
  const unused = unusedTensors(base);
  if (unused !== undefined) onWarning?.(unused);
  const wanted = adapters.some(({ config }) => config.baseModelSha256 !== null);
  const hash = wanted ? baseHash ?? await baseContentHash(base.checkpoint, base.model) : undefined;
  for (const adapter of adapters) {
    for (const warning of adapterWarnings(adapter)) onWarning?.(warning);
    const accepted = checkFits(adapter, base.model, hash, { force, basePath });
    if (accepted !== undefined) onWarning?.(accepted);
  }
}

/** Layers beyond those that config.json counts, say, would be left out without a word. */
function unusedTensors({ checkpoint, model }: OpenModel): string | undefined {
  const { location, tensors } = checkpoint;
  const { warnings } = checkModel(checkpoint.config ?? {}, tensors, location);
  const names = warnings.flatMap(({ code, tensor }) =>
    code === "unexpected-tensor" && tensor !== undefined ? [quote(tensor)] : []
  );
  if (names.length === 0) return undefined;
  const { modelType, numHiddenLayers } = model.config;
  const rest = names.length === 1 ? "is not used" : `and ${names.length - 1} more are not used`;
  return `tensor ${names[0]} of "${location}" ${rest}: config.json says ${modelType} with ` +
    `${numHiddenLayers} layers, which has none of that name`;
}

/**
 * Says how many tokens a row may have.
 *
 * @param asked What was asked for; `undefined` is {@linkcode DEFAULT_MAX_LENGTH}, or the base's
 * table where that is shorter.
 * @param base The base.
 * @returns Tokens of a row at most.
 * @throws {TinygraftError} with code `sequence-too-long` when the base's table is shorter.
 */
export function chooseMaxLength(
  asked: number | undefined,
  { model, checkpoint }: OpenModel,
): number {
  const most = model.config.maxSequenceLength;
  if (asked === undefined) return Math.min(DEFAULT_MAX_LENGTH, most);
  if (asked <= most) return asked;
  throw new TinygraftError(
    `Cannot run "${checkpoint.location}" with ${asked} tokens a row: its position table is ` +
      `for ${most}: ask for at most ${most}`,
    { code: "sequence-too-long", path: checkpoint.location },
  );
}

/**
 * Opens the tokenizer beside a base's weights.
 *
 * @param folder The base's folder.
 * @returns The tokenizer.
 * @throws {TinygraftError} with code `not-found` where there is none.
 */
export async function openTokenizer(folder: string): Promise<Tokenizer> {
  const path = `${folder}/tokenizer.json`;
  if (statPath(path) === undefined) {
    throw new TinygraftError(
      `Cannot run the base in "${folder}": there is no tokenizer.json beside its weights: take ` +
        "it from the model that the base comes from",
      { code: "not-found", path },
    );
  }
  const json = await readJsonFile(path);
  let config: Record<string, unknown> | undefined;
  try {
    config = await readJsonFile(`${folder}/tokenizer_config.json`);
  } catch (error) {
    if (!(error instanceof TinygraftError && error.code === "not-found")) throw error;
  }
  return createTokenizer(json, config, path);
}
