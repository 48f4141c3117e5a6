/**
 * An adapter whose values are trained: by tensor for the optimiser and the files, by module for
 * passes over the encoder.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { FreshAdapter } from "../adapter/plan.ts";
import { adapterTensors, moduleCount } from "../adapter/tensors.ts";
import { ARRAY_TENSORS, LAYER_ARRAYS, type LayerModule } from "../merge/layer.ts";
import type { ModuleArrays } from "../runtime/training_module.ts";
import type { Parameter } from "./optimizer.ts";

/** Which heads a pass runs: all, or one that stands for all. */
export type PassHead = number | "all";

/** The tensors of one module that heads share in rows, in the order of their fused product. */
const FUSED = ["query", "key", "value"] as const;

/** The part of a module's heads that a pass runs. */
interface HeadRange {
  /** First column of the heads' outputs. */
  readonly first: number;
  /** Columns. */
  readonly count: number;
  /** Columns of all heads, E. */
  readonly inner: number;
  /** What the output weight is multiplied with. */
  readonly scale: number;
}

/** Values by relative name, as files have them. */
export type TensorValues = ReadonlyMap<string, Float32Array>;

/** An adapter's parameters, with gradients beside them. */
export class TrainableAdapter {
  /** What kind of adapter it is. */
  readonly config: AdapterConfig;
  /** Rows of the classifier; 0 where there is none. */
  readonly numLabels: number;
  /** Every tensor, in the order of the adapter's table. */
  readonly parameters: readonly Parameter[];
  /** Each module's tensors by their names below it. */
  readonly #modules: readonly ReadonlyMap<string, Parameter>[];

  /**
   * Takes over an adapter's values.
   *
   * @param config The adapter's config.
   * @param arrays Its values by relative name; copied.
   * @param options Rows of the classifier, 0 for none; whether LayerNorms and biases decay too.
   */
  constructor(
    config: AdapterConfig,
    arrays: TensorValues,
    options: { readonly numLabels: number; readonly decayAll: boolean },
  ) {
    this.config = config;
    this.numLabels = options.numLabels;
    const parameters: Parameter[] = [];
    const modules = Array.from({ length: moduleCount(config) }, () => new Map<string, Parameter>());
    for (const { name, shape, template, layer } of adapterTensors(config, options.numLabels)) {
      const values = Float32Array.from(arrays.get(name)!);
      const gradient = new Float64Array(values.length);
      const decays = options.decayAll || shape.length > 1;
      const parameter = { name, shape, values, gradient, decays };
      parameters.push(parameter);
      if (layer !== undefined) modules[layer]!.set(template.name, parameter);
    }
    this.parameters = parameters;
    this.#modules = modules;
  }

  /**
   * The classifier's two tensors.
   *
   * @throws {TypeError} when there is none.
   */
  get classifier(): { readonly weight: Parameter; readonly bias: Parameter } {
    const [weight, bias] = ["weight", "bias"].map((part) =>
      this.parameters.find(({ name }) => name === `classifier.${part}`)
    );
    if (weight !== undefined && bias !== undefined) return { weight, bias };
    throw new TypeError("Cannot use the classifier of an adapter without one: take another head");
  }

  /** Modules: one a layer, or one for all. */
  get moduleCount(): number {
    return this.#modules.length;
  }

  /** Values trained, in elements. */
  get parameterCount(): number {
    return this.parameters.reduce((sum, { values }) => sum + values.length, 0);
  }

  /**
   * Columns of the heads that a pass runs in one module.
   *
   * @param module The module, from 0.
   * @param head Which heads.
   * @returns The count, E of the pass.
   */
  widthOf(module: number, head: PassHead): number {
    return this.#range(module, head).count;
  }

  /**
   * Gathers a module as a pass runs it. One head that stands for all has its output multiplied by
   * their number, so that its output has the size of their sum.
   *
   * @param module The module, from 0.
   * @param head Which heads.
   * @returns New arrays.
   */
  moduleArrays(module: number, head: PassHead): ModuleArrays {
    const { first, count, inner, scale } = this.#range(module, head);
    const values = (name: string) => this.#tensor(module, name).values;
    const hidden = this.config.hiddenSize;
    const qkvWeight = new Float32Array(3 * count * hidden);
    const qkvBias = new Float32Array(3 * count);
    for (const [i, part] of FUSED.entries()) {
      const rows = values(`${part}.weight`).subarray(first * hidden, (first + count) * hidden);
      qkvWeight.set(rows, i * count * hidden);
      qkvBias.set(values(`${part}.bias`).subarray(first, first + count), i * count);
    }
    const all = values("output.weight");
    const outputWeight = new Float32Array(hidden * count);
    for (let row = 0; row < hidden; row++) {
      for (let col = 0; col < count; col++) {
        outputWeight[row * count + col] = scale * all[row * inner + first + col]!;
      }
    }
    return {
      normWeight: values("norm.weight").slice(),
      normBias: values("norm.bias").slice(),
      qkvWeight,
      qkvBias,
      outputWeight,
      outputBias: values("output.bias").slice(),
    };
  }

  /**
   * Adds a pass's gradients to those of a module's tensors.
   *
   * @param module The module, from 0.
   * @param head Which heads the pass ran.
   * @param gradients Gradients in the shapes of {@linkcode moduleArrays}.
   */
  addGradients(module: number, head: PassHead, gradients: ModuleArrays): void {
    const { first, count, inner, scale } = this.#range(module, head);
    const gradient = (name: string) => this.#tensor(module, name).gradient;
    const hidden = this.config.hiddenSize;
    const { qkvWeight, qkvBias, outputWeight } = gradients;
    for (const [i, part] of FUSED.entries()) {
      const size = count * hidden;
      addAt(
        gradient(`${part}.weight`),
        first * hidden,
        qkvWeight.subarray(i * size, (i + 1) * size),
      );
      addAt(gradient(`${part}.bias`), first, qkvBias.subarray(i * count, (i + 1) * count));
    }
    const all = gradient("output.weight");
    for (let row = 0; row < hidden; row++) {
      for (let col = 0; col < count; col++) {
        all[row * inner + first + col]! += scale * outputWeight[row * count + col]!;
      }
    }
    addAt(gradient("norm.weight"), 0, gradients.normWeight);
    addAt(gradient("norm.bias"), 0, gradients.normBias);
    addAt(gradient("output.bias"), 0, gradients.outputBias);
  }

  /**
   * Draws every module's heads towards their mean, as workers of elastic averaging are drawn to
   * their centre; what heads share stays.
   *
   * @param share How much of a head's distance to the mean is taken off, in [0, 1].
   * @see S. Zhang, A. Choromanska and Y. LeCun, "Deep learning with Elastic Averaging SGD",
   * arXiv 1412.6651
   */
  drawTogether(share: number): void {
    for (const [module, tensors] of this.#modules.entries()) {
      const heads = headsOfLayer(this.config, module);
      for (const name of FUSED.flatMap((part) => [`${part}.weight`, `${part}.bias`])) {
        drawSlices(tensors.get(name)!.values, share, { outer: 1, heads });
      }
      const outer = this.config.hiddenSize;
      drawSlices(tensors.get("output.weight")!.values, share, { outer, heads });
    }
  }

  /** Sets all gradients to 0. */
  clearGradients(): void {
    for (const { gradient } of this.parameters) gradient.fill(0);
  }

  /** The modules in f64, as merging and placing on a backend take them; new arrays. */
  modules(): LayerModule[] {
    const { config } = this;
    return this.#modules.map((tensors, module) => {
      const arrays = LAYER_ARRAYS.map((array) =>
        [array, Float64Array.from(tensors.get(ARRAY_TENSORS[array])!.values)] as const
      );
      return {
        hiddenSize: config.hiddenSize,
        numHeads: headsOfLayer(config, module),
        headDim: config.headDim,
        combine: config.combine,
        layerNormEps: config.layerNormEps,
        ...Object.fromEntries(arrays) as Record<keyof typeof ARRAY_TENSORS, Float64Array>,
      };
    });
  }

  /** The values by relative name; new arrays. */
  values(): Map<string, Float32Array<ArrayBuffer>> {
    return new Map(this.parameters.map(({ name, values }) => [name, values.slice()]));
  }

  /**
   * Sets all values.
   *
   * @param arrays Values by relative name; copied.
   */
  setValues(arrays: TensorValues): void {
    for (const { name, values } of this.parameters) values.set(arrays.get(name)!);
  }

  /**
   * Makes an adapter that can be written.
   *
   * @param arrays Values by relative name; kept.
   * @param origin Where they come from, for plans.
   * @returns The adapter.
   */
  toFresh(arrays: TensorValues, origin: string): FreshAdapter {
    return { config: this.config, numLabels: this.numLabels, arrays, origin };
  }

  #tensor(module: number, name: string): Parameter {
    return this.#modules[module]!.get(name)!;
  }

  #range(module: number, head: PassHead): HeadRange {
    const { headDim, combine } = this.config;
    const heads = headsOfLayer(this.config, module);
    const inner = heads * headDim;
    const scale = combine === "mean" ? 1 / heads : 1;
    return head === "all"
      ? { first: 0, count: inner, inner, scale }
      : { first: head * headDim, count: headDim, inner, scale: scale * heads };
  }
}

/** Adds numbers to those of a longer list, from an index on. */
function addAt(target: Float64Array, begin: number, summands: Float32Array): void {
  for (let i = 0; i < summands.length; i++) target[begin + i]! += summands[i]!;
}

/** Draws values, `[outer, heads, …]`, towards their mean over the heads. */
function drawSlices(
  values: Float32Array,
  share: number,
  { outer, heads }: { readonly outer: number; readonly heads: number },
): void {
  const inner = values.length / (outer * heads);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (head: number) => (o * heads + head) * inner + i;
      let sum = 0;
      for (let head = 0; head < heads; head++) sum += values[at(head)]!;
      const pulled = share * sum / heads;
      for (let head = 0; head < heads; head++) {
        values[at(head)] = (1 - share) * values[at(head)]! + pulled;
      }
    }
  }
}
