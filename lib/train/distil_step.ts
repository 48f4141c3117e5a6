/**
 * The gradients of one step of distillation: text through the stacked adapter and through the
 * merged one, and back through the merged one.
 *
 * @module
 */

import { headsOfLayer } from "../adapter/config.ts";
import type { Backend } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import { packBatches, type PackedBatch } from "../runtime/batch.ts";
import type { AdapterWeights } from "../runtime/load.ts";
import { runLayer } from "../runtime/placed_layer.ts";
import {
  freeTrainingModule,
  placeTrainingModule,
  type TrainingModule,
} from "../runtime/training_module.ts";
import { TrainingPass } from "../runtime/training_pass.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { classify, classifyBack } from "./classifier.ts";
import { divergence, relativeSquares, squaredError } from "./loss.ts";
import type { EncoderParts } from "./step.ts";
import type { TrainableAdapter } from "./trainable.ts";

/** What is distilled from what. */
export interface DistilAdapters {
  /** The modules to imitate, on the backend. */
  readonly stacked: Pick<AdapterWeights, "modules" | "layerNormEps">;
  /** What is trained; its classifier is that of the stacked adapter and stays as it is. */
  readonly merged: TrainableAdapter;
}

/** Each layer's output, f32 [tokens, hidden_size]; of the last layer [sequences, hidden_size]. */
type LayerStates = readonly Float32Array[];

/**
 * Computes the gradients of a merged adapter against the stacked one, step by step. The loss is a
 * mean over a step's rows of `KL(p_stacked || p_merged)`, for regression of the squared difference
 * of the outputs, plus `hiddenWeight` times the mean over layers of the mean over tokens of
 * `|h - h*|² / |h*|²`, where h are a layer's outputs and * is the stacked model. Of the last layer
 * only the tokens count that the classifier reads.
 *
 * The stacked model's states are computed in the step that needs them: kept for all text they would
 * take `4 · layers · hidden_size` bytes a token.
 */
export class DistilGradients {
  readonly #parts: EncoderParts;
  readonly #adapters: DistilAdapters;
  readonly #hiddenWeight: number;
  readonly #pass: TrainingPass;
  readonly #targets: readonly Value[];

  /**
   * Makes room for a pass of each adapter.
   *
   * @param parts The base on its device.
   * @param adapters Both adapters; the merged one's gradients are overwritten by each step.
   * @param hiddenWeight Weight of the hidden states in the loss, 0 or more.
   */
  constructor(parts: EncoderParts, adapters: DistilAdapters, hiddenWeight: number) {
    const { hiddenSize, numHiddenLayers: count } = parts.weights.config;
    const { merged } = adapters;
    this.#parts = parts;
    this.#adapters = adapters;
    this.#hiddenWeight = hiddenWeight;
    this.#pass = new TrainingPass({
      ...parts,
      widths: Array.from(
        { length: count },
        (_, i) => merged.widthOf(i % merged.moduleCount, "all"),
      ),
      passes: 1,
      placement: merged.config.placement,
    });
    this.#targets = Array.from({ length: count }, (_, layer) => {
      const rowsFollow = layer + 1 === count ? "sequences" : "tokens";
      return parts.backend.value(`stacked output of layer ${layer}`, rowsFollow, hiddenSize);
    });
  }

  /**
   * Computes loss and gradients of a step.
   *
   * @param encodings The step's rows.
   * @returns The loss; the gradients of the modules stand in the merged adapter's parameters.
   * @throws {DeviceError} the first fault that the device reported.
   */
  async run(encodings: readonly Encoding[]): Promise<number> {
    const { backend } = this.#parts;
    const { merged } = this.#adapters;
    const { layerNormEps: eps } = merged.config;
    merged.clearGradients();
    const modules = this.#place(backend);
    const own = { modules, eps };
    const tokens = encodings.reduce((sum, { ids }) => sum + ids.length, 0);
    const { maxTokens } = backend;
    let loss = 0;
    try {
      for (const batch of packBatches(encodings, { maxTokens, maxSequences: Infinity })) {
        const wanted = await this.#runStacked(batch);
        this.#pass.begin(batch);
        this.#pass.forward(0, own);
        const found = await backend.read(this.#pass.outputs(0));
        const judged = this.#judge(found, wanted, { tokens, rows: encodings.length });
        loss += judged.loss;
        this.#pass.backward(0, own, judged.selected, judged.inner);
        const [gradients] = await this.#pass.readGradients(1);
        for (const [layer, arrays] of gradients!.entries()) {
          merged.addGradients(layer % merged.moduleCount, "all", arrays);
        }
      }
    } finally {
      for (const module of modules) freeTrainingModule(backend, module);
    }
    return loss;
  }

  /** Gives the room back to the backend. */
  free(): void {
    this.#pass.free();
    for (const value of this.#targets) this.#parts.backend.free(value);
  }

  #place(backend: Backend): TrainingModule[] {
    const { merged } = this.#adapters;
    return Array.from({ length: merged.moduleCount }, (_, module) => {
      const heads = headsOfLayer(merged.config, module);
      const arrays = merged.moduleArrays(module, "all");
      return placeTrainingModule(backend, `merged module ${module}`, arrays, heads);
    });
  }

  async #runStacked(batch: PackedBatch): Promise<LayerStates> {
    const { layers, backend } = this.#parts;
    const { stacked: { modules, layerNormEps: eps }, merged } = this.#adapters;
    const { placement } = merged.config;
    let hidden = layers.embed(batch);
    for (const [layer, output] of this.#targets.entries()) {
      const module = modules[layer % modules.length]!;
      const selects = output.rowsFollow === "sequences";
      const options = { placed: { module, eps, placement }, selects, into: output };
      hidden = await runLayer(layers, layer, hidden, options);
    }
    return await backend.read(this.#targets);
  }

  /** From both models' states to the loss, and to its gradient at every layer of the merged one. */
  #judge(
    found: LayerStates,
    wanted: LayerStates,
    step: { readonly tokens: number; readonly rows: number },
  ): { loss: number; selected: Float32Array; inner: Float32Array[] } {
    const { hiddenSize: cols } = this.#parts.weights.config;
    const count = found.length;
    const outputs = this.#judgeOutputs(found[count - 1]!, wanted[count - 1]!, step.rows);
    let { loss } = outputs;
    const scale = this.#hiddenWeight / count;
    const inner = scale === 0 ? [] : found.map((states, layer) => {
      const stepRows = layer + 1 === count ? step.rows : step.tokens;
      const each = relativeSquares(states, wanted[layer]!, { cols, stepRows }, scale);
      loss += each.loss;
      return each.gradient;
    });
    const last = inner.pop();
    const selected = outputs.gradient.map((slope, i) => slope + (last?.[i] ?? 0));
    return { loss, selected, inner };
  }

  /** The loss of the classifier's outputs, and its gradient at the states that it reads. */
  #judgeOutputs(
    found: Float32Array,
    wanted: Float32Array,
    stepRows: number,
  ): { loss: number; gradient: Float32Array } {
    const { classifier: { weight, bias }, config } = this.#adapters.merged;
    const values = { weight: weight.values, bias: bias.values };
    const [logits, target] = [classify(found, values), classify(wanted, values)];
    const shape = { cols: bias.values.length, stepRows };
    const { loss, gradient } = config.task.type === "regression"
      ? squaredError(logits, target, shape)
      : divergence(logits, target, shape);
    const into = { weight: weight.gradient, bias: bias.gradient }; // of a frozen classifier: unused
    const ones = new Float64Array(found.length).fill(1);
    return { loss, gradient: classifyBack(gradient, found, values, ones, into) };
  }
}
