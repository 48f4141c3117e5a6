/**
 * A new adapter for a base: an identity at the start, since its output is zero.
 *
 * @module
 */

import type { Checkpoint } from "../checkpoint/open.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { UsageError } from "../errors.ts";
import type { ResolvedModel } from "../model/resolve.ts";
import { isFloatDtype } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/shape.ts";
import { VERSION } from "../version.ts";
import type { AdapterConfig, AdapterTask } from "./config.ts";
import { baseContentHash, embeddedAdapterTensors } from "./embedded.ts";
import { fileSources } from "./open.ts";
import { DEFAULT_PLACEMENT, type Placement } from "./placement.ts";
import { adapterSteps, type FreshAdapter, planAdapter } from "./plan.ts";
import { gaussians, seededUint32 } from "../tensor/random.ts";
import { adapterTensors, type AdapterTensorSpec } from "./tensors.ts";

/** Standard deviation of the weights of query, key, value and classifier. */
const INIT_DEVIATION = 0.02;

/** Epsilon of the modules' LayerNorm. */
const LAYER_NORM_EPS = 1e-5;

/** What kind of adapter to make. */
export interface InitOptions {
  /** Heads of every layer, M. */
  readonly heads: number;
  /** Width of a head, d. */
  readonly headDim: number;
  /** Whether the heads' outputs are added up or averaged. */
  readonly combine: "sum" | "mean";
  /** Where in a layer the modules stand; after the attention block, unless given. */
  readonly placement?: Placement;
  /** What the classifier decides. */
  readonly task: AdapterTask;
  /** Rows of the classifier: one a label, 1 for regression. */
  readonly numLabels: number;
  /** Whether every head starts from head 0's query, key and value rows. */
  readonly sharedInit: boolean;
  /** Seed of the random values, an integer in [0, 2^32). */
  readonly seed: number;
  /** Name of the base for people, such as a Hub repository; not recorded when absent. */
  readonly baseName?: string;
}

/** A fresh adapter and its size. */
export interface InitResult {
  /** The adapter. */
  readonly adapter: FreshAdapter;
  /** Its parameters, in elements: the modules and the classifier, all that is trained. */
  readonly parameters: number;
  /** `parameters` over the base's own: 0.0005 is 0.05 %. */
  readonly share: number;
}

/**
 * Makes the values of a fresh adapter.
 *
 * Weights of query, key, value and classifier are drawn from N(0, 0.02²); the LayerNorm is 1 and
 * 0; biases and the output are 0, so that the adapter changes nothing. The numbers come from one
 * sfc32 generator through the Box-Muller transform in f64, rounded to f32 once, in the order of
 * the table: modules layer by layer, then the classifier. With `sharedInit` as many numbers are
 * drawn and head 0's rows then replace the other heads', so that head 0 and the classifier are
 * those of the same seed without it.
 *
 * @param config The adapter's config.
 * @param options Number of labels, seed and whether heads share their start.
 * @returns Values by relative name, f32, row-major; the caller owns them.
 * @see arXiv 2211.01979 for the module
 */
export function initTensors(
  config: AdapterConfig,
  options: Pick<InitOptions, "numLabels" | "sharedInit" | "seed">,
): Map<string, Float32Array> {
  const next = seededUint32(options.seed);
  const arrays = new Map<string, Float32Array>();
  for (const spec of adapterTensors(config, options.numLabels)) {
    const values = drawValues(spec, next);
    if (options.sharedInit && spec.template.headRows) shareFirstHead(values, spec, config.headDim);
    arrays.set(spec.name, values);
  }
  return arrays;
}

function drawValues({ shape, template }: AdapterTensorSpec, next: () => number): Float32Array {
  const length = elementCount(shape);
  switch (template.init) {
    case "ones":
      return new Float32Array(length).fill(1);
    case "zeros":
      return new Float32Array(length);
    case "normal":
      return Float32Array.from(gaussians(length, next), (value) => INIT_DEVIATION * value);
  }
}

/** `values` is `[heads · headDim, …]`: the first headDim rows are copied over all others. */
function shareFirstHead(values: Float32Array, { shape }: AdapterTensorSpec, headDim: number): void {
  const block = headDim * elementCount(shape.slice(1));
  for (let begin = block; begin < values.length; begin += block) {
    values.copyWithin(begin, 0, block);
  }
}

/**
 * Makes a fresh adapter for a base.
 *
 * @param base The open base; all its tensors are read once, for the content hash.
 * @param model What it was recognised as.
 * @param options What kind of adapter to make.
 * @returns The adapter in memory, the number of its parameters and their share of the base's.
 * @throws {UsageError} when a count, the seed or the labels make no sense.
 */
export async function initAdapter(
  base: Checkpoint,
  model: ResolvedModel,
  options: InitOptions,
): Promise<InitResult> {
  checkOptions(options);
  const config: AdapterConfig = {
    baseModelNameOrPath: options.baseName ?? null,
    baseModelType: model.config.modelType,
    hiddenSize: model.config.hiddenSize,
    numHiddenLayers: model.config.numHiddenLayers,
    numHeads: options.heads,
    headDim: options.headDim,
    combine: options.combine,
    placement: options.placement ?? DEFAULT_PLACEMENT,
    layerNormEps: LAYER_NORM_EPS,
    task: options.task,
    pooling: "first_token",
    baseModelSha256: await baseContentHash(base, model),
    tinygraftVersion: VERSION,
    extra: new Map(),
  };
  const { numLabels, seed } = options;
  const arrays = initTensors(config, options);
  const adapter = { config, numLabels, arrays, origin: `initialised, seed ${seed}` };
  const parameters = [...arrays.values()].reduce((sum, { length }) => sum + length, 0);
  return { adapter, parameters, share: parameters / countBaseParameters(base, model) };
}

function checkOptions(options: InitOptions): void {
  const { heads, headDim, numLabels, seed, task } = options;
  for (const [what, count] of Object.entries({ heads, headDim, numLabels })) {
    if (Number.isSafeInteger(count) && count >= 1) continue;
    throw new UsageError(`Cannot make an adapter: ${what} is ${count}, expected at least 1`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new UsageError(
      `Cannot make an adapter: the seed is ${seed}, expected an integer from 0 to 2^32 - 1`,
    );
  }
  const expected = task.type === "regression" ? 1 : task.labels?.length ?? numLabels;
  if (numLabels !== expected) {
    throw new UsageError(
      `Cannot make an adapter: numLabels is ${numLabels}, expected ${expected} for its task`,
    );
  }
}

/**
 * Counts the parameters of a base: the elements of its floating-point tensors, without the
 * adapter that it may carry; integer buffers such as position ids are none.
 *
 * @param base The open base.
 * @param model What it was recognised as.
 * @returns The count, in elements.
 */
export function countBaseParameters(base: Checkpoint, model: ResolvedModel): number {
  const adapter = new Set(embeddedAdapterTensors(base, model).values());
  let count = 0;
  for (const [name, { dtype, shape }] of base.tensors) {
    if (isFloatDtype(dtype) && !adapter.has(name)) count += elementCount(shape);
  }
  return count;
}

/**
 * Plans a new adapter folder for a base.
 *
 * @param base The open base; all its tensors are read once, for the content hash.
 * @param model What it was recognised as.
 * @param output The folder to be made.
 * @param options What kind of adapter to make.
 * @returns The plan, the config, the number of parameters (modules and classifier) and their
 *   share of the base's.
 * @throws {UsageError} when a count, the seed or the labels make no sense.
 *
 * @example Plan four heads of width 1 for two labels
 * ```ts
 * import { openModel, planInit } from "tinygraft";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using base = await openModel("fixtures/mini/encoder");
 * const { config, share } = await planInit(base.checkpoint, base.model, "my-adapter", {
 *   heads: 4,
 *   headDim: 1,
 *   combine: "sum",
 *   task: { type: "classification", labels: ["no", "yes"] },
 *   numLabels: 2,
 *   sharedInit: false,
 *   seed: 1,
 * });
 * assertEquals(config.numHeads, 4);
 * assert(share < 0.05);
 * ```
 */
export async function planInit(
  base: Checkpoint,
  model: ResolvedModel,
  output: string,
  options: InitOptions,
): Promise<{ plan: Plan; config: AdapterConfig; parameters: number; share: number }> {
  const { adapter, parameters, share } = await initAdapter(base, model, options);
  const inputs = [base.location, ...base.files.map(({ path }) => path)];
  const plan = planAdapter(adapter.config, adapterSteps(adapter), output, inputs, {
    sources: fileSources(base),
  });
  return { plan, config: adapter.config, parameters, share };
}
