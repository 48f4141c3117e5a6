/**
 * The gradients of one step: rows through the encoder and back, by the recipe.
 *
 * @module
 */

import { headsOfLayer } from "../adapter/config.ts";
import type { Backend } from "../compute/backend.ts";
import { packBatches, type PackedBatch } from "../runtime/batch.ts";
import type { EncoderLayers } from "../runtime/layers.ts";
import type { EncoderWeights } from "../runtime/load.ts";
import {
  freeTrainingModule,
  placeTrainingModule,
  type TrainingModule,
} from "../runtime/training_module.ts";
import { type PassModules, TrainingPass } from "../runtime/training_pass.ts";
import type { TransposedLayer } from "../runtime/transposed.ts";
import type { Encoding } from "../text/tokenizer.ts";
import {
  crossEntropy,
  type Loss,
  type LossShape,
  squaredDifference,
  squaredError,
  symmetricDivergence,
} from "./loss.ts";
import type { TrainingSettings } from "./options.ts";
import { classifierHead, type OutputHead } from "./output_head.ts";
import { drawIndex, dropoutFactors, dropoutKeys, randomFor } from "./random.ts";
import type { PassHead, TrainableAdapter } from "./trainable.ts";

/** Class indices, or scores for regression, one a row. */
export type Targets = Uint32Array | Float64Array;

/** Rows to learn from or to judge by. */
export interface LabelledEncodings {
  /** One token sequence a row. */
  readonly encodings: readonly Encoding[];
  /** What the classifier should say. */
  readonly targets: Targets;
}

/** What gradients are computed on. */
export interface EncoderParts {
  /** The device. */
  readonly backend: Backend;
  /** The base. */
  readonly weights: EncoderWeights;
  /** Its transposed layers. */
  readonly transposed: readonly TransposedLayer[];
  /** Its layers with a workspace. */
  readonly layers: EncoderLayers;
}

/** The settings that a step's gradients depend on. */
export type StepSettings = Pick<
  TrainingSettings,
  | "recipe"
  | "consistency"
  | "consistencyWeight"
  | "dropout"
  | "attentionDropout"
  | "labelSmoothing"
  | "seed"
>;

/**
 * Computes the gradients of an adapter, step by step. A step's rows go through the device in as
 * many batches as its room for tokens asks for; which rows share a batch changes nothing but the
 * order of sums. The backend owns what this puts there.
 */
export class GradientComputer {
  readonly #parts: EncoderParts;
  readonly #adapter: TrainableAdapter;
  readonly #settings: StepSettings;
  readonly #head: OutputHead;
  readonly #pass: TrainingPass;

  /**
   * Makes room for a recipe's passes.
   *
   * @param parts The base on its device.
   * @param adapter What is trained; its gradients are overwritten by each step.
   * @param settings How.
   * @param head What stands between hidden states and the loss; the adapter's classifier unless
   * given. It has room for as many passes as {@linkcode passesOf} the recipe.
   */
  constructor(
    parts: EncoderParts,
    adapter: TrainableAdapter,
    settings: StepSettings,
    head: OutputHead = classifierHead(parts.backend, adapter),
  ) {
    const { config } = parts.weights;
    const mergeable = settings.recipe === "mergeable";
    this.#parts = parts;
    this.#adapter = adapter;
    this.#settings = settings;
    this.#head = head;
    this.#pass = new TrainingPass({
      ...parts,
      widths: Array.from(
        { length: config.numHiddenLayers },
        (_, layer) => adapter.widthOf(layer % adapter.moduleCount, mergeable ? 0 : "all"),
      ),
      passes: passesOf(settings),
      placement: adapter.config.placement,
      attentionDropout: settings.attentionDropout,
    });
  }

  /** Bytes that activations and their gradients take for one token of a batch. */
  get bytesPerToken(): number {
    return this.#pass.bytesPerToken;
  }

  /**
   * Computes loss and gradients of a step.
   *
   * @param rows The step's rows.
   * @param step The step, from 0: what dropout and the choice of heads depend on.
   * @returns The loss, a mean over the rows; the gradients stand in the adapter's parameters.
   * @throws {DeviceError} the first fault that the device reported.
   */
  async run(rows: LabelledEncodings, step: number): Promise<number> {
    const { backend, weights } = this.#parts;
    const { dropout, attentionDropout, seed } = this.#settings;
    const { encodings } = rows;
    this.#adapter.clearGradients();
    const heads = this.#drawHeads(step);
    // Two passes of one head are one, unless each drops something else inside.
    const distinct = attentionDropout > 0 ? heads : [...new Set(heads)];
    const size = heads.length * encodings.length * weights.config.hiddenSize;
    const factors = dropoutFactors(size, dropout, randomFor(seed, "dropout", step));
    const modules = distinct.map((head) => this.#place(head));
    const { maxTokens } = backend;
    let loss = 0;
    for (const batch of packBatches(encodings, { maxTokens, maxSequences: Infinity })) {
      const runs = modules.map((own, pass) => this.#runOf(own, batch, { step, pass }));
      this.#pass.begin(batch);
      const hidden = await backend.read(
        runs.map((own, pass) => this.#head.forward(pass, this.#pass.forward(pass, own))),
      );
      const passes = heads.map((head, i) => ({
        own: distinct.length === heads.length ? i : distinct.indexOf(head),
        factors: takeRows(factors, batch, { first: i * encodings.length, of: weights.config }),
      }));
      const judged = this.#judge(rows, batch, passes, hidden);
      loss += judged.loss;
      for (const [pass, own] of runs.entries()) {
        this.#head.backward(pass, judged.back[pass]!, this.#pass.selectedGradient);
        this.#pass.backward(pass, own, undefined);
      }
      await this.#addGradients(distinct);
    }
    for (const module of modules.flat()) freeTrainingModule(backend, module);
    return loss;
  }

  /** Which heads each pass of a step runs. */
  #drawHeads(step: number): readonly PassHead[] {
    const { recipe, seed } = this.#settings;
    if (recipe === "plain") return ["all"];
    const next = randomFor(seed, "heads", step);
    const count = headsOfLayer(this.#adapter.config, 0);
    return [drawIndex(next, count), drawIndex(next, count)];
  }

  /** A pass over a batch, with what its attention drops. */
  #runOf(
    modules: readonly TrainingModule[],
    batch: PackedBatch,
    at: { readonly step: number; readonly pass: number },
  ): PassModules {
    const { attentionDropout, seed } = this.#settings;
    const run = { modules, eps: this.#adapter.config.layerNormEps };
    if (attentionDropout === 0) return run;
    const layers = Array.from({ length: this.#parts.weights.layers.length }, (_, i) => i);
    return { ...run, keys: layers.map((layer) => dropoutKeys({ seed, ...at, layer }, batch)) };
  }

  #place(head: PassHead): TrainingModule[] {
    const { config, moduleCount } = this.#adapter;
    return Array.from({ length: moduleCount }, (_, module) => {
      const arrays = this.#adapter.moduleArrays(module, head);
      const numHeads = head === "all" ? headsOfLayer(config, module) : 1;
      return placeTrainingModule(this.#parts.backend, `module ${module}`, arrays, numHeads);
    });
  }

  /** From what was read to the loss, and back to the gradient of what each distinct pass gave. */
  #judge(
    { targets, encodings }: LabelledEncodings,
    { indices }: PackedBatch,
    passes: readonly { readonly own: number; readonly factors: Float64Array }[],
    states: readonly Float32Array[],
  ): { loss: number; back: Float32Array[] } {
    const shape = { cols: this.#head.numOutputs, stepRows: encodings.length };
    const logits = passes.map(({ own, factors }) => this.#head.outputs(states[own]!, factors));
    const losses = logits.map((each) => this.#taskLoss(each, pick(targets, indices), shape));
    let loss = losses.reduce((sum, each) => sum + each.loss, 0);
    if (logits.length === 2) loss += this.#addConsistency(logits[0]!, logits[1]!, losses, shape);
    const back = states.map(({ length }) => new Float32Array(length));
    for (const [i, { own, factors }] of passes.entries()) {
      const part = this.#head.back(losses[i]!.gradient, states[own]!, factors);
      for (let at = 0; at < part.length; at++) back[own]![at]! += part[at]!;
    }
    return { loss, back };
  }

  #taskLoss(logits: Float64Array, targets: Targets, shape: LossShape): Loss {
    return targets instanceof Uint32Array
      ? crossEntropy(logits, targets, shape, this.#settings.labelSmoothing)
      : squaredError(logits, targets, shape);
  }

  /** Adds what two passes' outputs are apart to their gradients; gives its share of the loss. */
  #addConsistency(
    a: Float64Array,
    b: Float64Array,
    losses: readonly Loss[],
    shape: LossShape,
  ): number {
    const { consistency, consistencyWeight } = this.#settings;
    const regression = this.#adapter.config.task.type === "regression";
    const compare = regression || consistency === "mse" ? squaredDifference : symmetricDivergence;
    const { loss, gradients } = compare(a, b, shape);
    for (const [i, { gradient }] of losses.entries()) {
      for (let at = 0; at < gradient.length; at++) {
        gradient[at]! += consistencyWeight * gradients[i]![at]!;
      }
    }
    return consistencyWeight * loss;
  }

  async #addGradients(heads: readonly PassHead[]): Promise<void> {
    const { moduleCount } = this.#adapter;
    const gradients = await this.#pass.readGradients(heads.length);
    for (const [pass, head] of heads.entries()) {
      for (const [layer, arrays] of gradients[pass]!.entries()) {
        this.#adapter.addGradients(layer % moduleCount, head, arrays);
      }
    }
  }
}

/**
 * Counts the passes of a recipe's step.
 *
 * @param settings The recipe.
 * @returns Passes over a batch whose activations are kept at once.
 */
export function passesOf({ recipe }: Pick<TrainingSettings, "recipe">): number {
  return recipe === "mergeable" ? 2 : 1;
}

/** The rows of a batch out of a step's `[passes · rows, hidden_size]`, in the batch's order. */
function takeRows(
  all: Float64Array,
  { indices }: PackedBatch,
  { first, of }: { readonly first: number; readonly of: { readonly hiddenSize: number } },
): Float64Array {
  const { hiddenSize } = of;
  const taken = new Float64Array(indices.length * hiddenSize);
  for (const [i, index] of indices.entries()) {
    const begin = (first + index) * hiddenSize;
    taken.set(all.subarray(begin, begin + hiddenSize), i * hiddenSize);
  }
  return taken;
}

/** The targets of some rows. */
export function pick(targets: Targets, rows: readonly number[]): Targets {
  return targets instanceof Uint32Array
    ? Uint32Array.from(rows, (row) => targets[row]!)
    : Float64Array.from(rows, (row) => targets[row]!);
}
