/**
 * Forward and back through a frozen encoder, for the gradients of its tiny-attention modules.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { RowsFollow, Value, Weight } from "../compute/value.ts";
import type { PackedBatch } from "./batch.ts";
import type { EncoderLayers } from "./layers.ts";
import type { EncoderWeights, LayerWeights, WeightAndBias } from "./load.ts";
import { type ModuleArrays, splitAllGradients, type TrainingModule } from "./training_module.ts";
import { makeSavedLayers, type SavedLayer, TrainingValues } from "./training_values.ts";
import { type TransposedLayer, ZeroBiases } from "./transposed.ts";

/** What a training pass runs on. */
export interface TrainingPassOptions {
  /** Where the weights lie. */
  readonly backend: Backend;
  /** The base, from `loadEncoder`. */
  readonly weights: EncoderWeights;
  /** Its transposed layers, from `loadTransposed`. */
  readonly transposed: readonly TransposedLayer[];
  /** The base's layers with a workspace, which may serve other runs between two batches. */
  readonly layers: EncoderLayers;
  /** Columns of all heads of each layer's module, E. */
  readonly widths: readonly number[];
  /** Passes over a batch whose activations are kept at once. */
  readonly passes: number;
}

/**
 * Runs packed batches forward through the base with modules, keeps what gradients need, and goes
 * back from the selected hidden states to every module. The base is frozen, so that the way back
 * costs about what the way forward does; it ends at the first layer's module. Sequences do not
 * depend on each other: gradients of a larger batch are the sums over its parts.
 *
 * A layer keeps `9H + F + 4E` floats a token, with `H` hidden_size, `F` intermediate_size and `E`
 * columns of the module's heads: 20 KiB for `H` 384 and `F` 1536. Of the last layer's feed-forward
 * block only the selected tokens are computed.
 *
 * Use: `begin` a batch; for each pass `forward`, then read the selected hidden states; for each
 * pass `backward` with the loss's gradient there; then `readGradients`.
 *
 * @example Gradients of the sum of a sentence's first hidden state
 * ```ts
 * import {
 *   EncoderLayers,
 *   loadEncoder,
 *   loadTransposed,
 *   openBackend,
 *   openModel,
 *   packBatches,
 *   placeTrainingModule,
 *   TrainingPass,
 * } from "tinygraft";
 * import { assert } from "@std/assert";
 *
 * using base = await openModel("fixtures/mini/encoder");
 * const backend = await openBackend("reference");
 * const weights = await loadEncoder(base.checkpoint, base.model, backend);
 * const transposed = await loadTransposed(base.checkpoint, base.model, backend);
 * const layers = new EncoderLayers(backend, weights);
 * const parts = { backend, weights, transposed, layers };
 * const pass = new TrainingPass({ ...parts, widths: [1, 1, 1], passes: 1 });
 *
 * const { hiddenSize } = weights.config;
 * const floats = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
 * const module = placeTrainingModule(backend, "one head", {
 *   normWeight: floats(hiddenSize),
 *   normBias: floats(hiddenSize),
 *   qkvWeight: floats(3 * hiddenSize),
 *   qkvBias: floats(3),
 *   outputWeight: floats(hiddenSize),
 *   outputBias: floats(hiddenSize),
 * }, 1);
 * const row = { ids: Uint32Array.of(2, 17, 42, 3), typeIds: new Uint32Array(4) };
 * const [batch] = packBatches([row], { maxTokens: 64, maxSequences: 8 });
 * pass.begin(batch!);
 * const hidden = pass.forward(0, [module, module, module], 1e-5);
 * await backend.read([hidden]);
 * pass.backward(0, [module, module, module], 1e-5, floats(hiddenSize));
 * const [layersOfPass] = await pass.readGradients(1);
 * backend.destroy();
 * assert(layersOfPass!.every(({ qkvWeight }) => qkvWeight.some((slope) => slope !== 0)));
 * ```
 */
export class TrainingPass {
  readonly #backend: Backend;
  readonly #weights: EncoderWeights;
  readonly #transposed: readonly TransposedLayer[];
  readonly #layers: EncoderLayers;
  readonly #values: TrainingValues;
  readonly #passes: readonly (readonly SavedLayer[])[];
  readonly #biases: ZeroBiases;
  /** What the first layer's module reads in every pass. */
  #attended: Value | undefined;

  /**
   * Makes room for the activations of all passes.
   *
   * @param options The base on its backend, the modules' widths and the number of passes.
   */
  constructor(options: TrainingPassOptions) {
    this.#backend = options.backend;
    this.#weights = options.weights;
    this.#transposed = options.transposed;
    this.#layers = options.layers;
    this.#values = new TrainingValues(options.backend);
    this.#biases = new ZeroBiases(options.backend);
    this.#passes = Array.from(
      { length: options.passes },
      () => makeSavedLayers(this.#values, options.weights.config, options.widths),
    );
  }

  /** Bytes that one token of a batch takes for all passes and their way back so far. */
  get bytesPerToken(): number {
    return this.#values.bytesPerToken;
  }

  /**
   * Where the way back begins: the loss's gradient with respect to the selected hidden states,
   * `[sequences, hidden_size]`. A head on the device records it there just before `backward`.
   */
  get selectedGradient(): Value {
    return this.#scratch("gradient 0", "sequences", this.#weights.config.hiddenSize);
  }

  /**
   * Begins a batch: records what all passes share, up to the first layer's module.
   *
   * @param batch The packed sequences.
   * @throws {TinygraftError} with code `sequence-too-long`, or `invalid-tokenizer` for an id
   * outside the word table.
   */
  begin(batch: PackedBatch): void {
    this.#attended = this.#layers.attention(0, this.#layers.embed(batch));
  }

  /**
   * Records one pass forward.
   *
   * @param pass Which pass, from 0: whose activations are overwritten.
   * @param modules One module a layer; the same for all where the base shares its layers.
   * @param eps Epsilon of the modules' LayerNorm.
   * @returns The selected hidden states, `[sequences, hidden_size]`, to read before the next batch.
   */
  forward(pass: number, modules: readonly TrainingModule[], eps: number): Value {
    let hidden: Value | undefined;
    for (const [layer, kept] of this.#passes[pass]!.entries()) {
      const weights = this.#weights.layers[layer]!;
      if (hidden !== undefined) this.#attention(weights, hidden, kept);
      this.#module(modules[layer % modules.length]!, eps, this.#attendedOf(kept), kept);
      this.#feedForward(weights, kept);
      hidden = kept.feedForward.output;
    }
    return hidden!;
  }

  /**
   * Lists what the layers of a pass give, to read after `forward`.
   *
   * @param pass The pass.
   * @returns One value a layer, `[tokens, hidden_size]`; `[sequences, hidden_size]` of the last.
   */
  outputs(pass: number): Value[] {
    return this.#passes[pass]!.map(({ feedForward }) => feedForward.output);
  }

  /**
   * Records the way back of one pass.
   *
   * @param pass The pass, whose `forward` was recorded in this batch.
   * @param modules What it was recorded with.
   * @param eps What it was recorded with.
   * @param gradient The loss's gradient with respect to the selected hidden states, f32
   * [sequences, hidden_size], row-major, copied; undefined where it was recorded into
   * `selectedGradient`.
   * @param inner The loss's own gradient with respect to the output of each layer but the last, f32
   * [tokens, hidden_size] each, row-major; copied. None where the loss reads only what is selected.
   */
  backward(
    pass: number,
    modules: readonly TrainingModule[],
    eps: number,
    gradient: Float32Array | undefined,
    inner: readonly Float32Array[] = [],
  ): void {
    const saved = this.#passes[pass]!;
    const { hiddenSize } = this.#weights.config;
    let upper = this.selectedGradient;
    if (gradient !== undefined) this.#backend.write(upper, gradient);
    for (let layer = saved.length - 1; layer >= 0; layer--) {
      const kept = saved[layer]!;
      const weights = this.#weights.layers[layer]!;
      const transposed = this.#transposed[layer]!;
      let lower = this.#feedForwardBack(weights, transposed.feedForward, upper, kept);
      if (lower.rowsFollow === "sequences") {
        const y = this.#scratch("gradient 0", "tokens", hiddenSize);
        this.#backend.run({ op: "scatter", x: lower, y });
        lower = y;
      }
      const module = modules[layer % modules.length]!;
      const normed = this.#moduleGradients(module, eps, lower, kept);
      if (layer === 0) return;
      lower = this.#moduleBack(module, eps, { upper: lower, normed }, kept);
      upper = this.#attentionBack(
        weights,
        transposed.attention!,
        { upper: lower, input: saved[layer - 1]!.feedForward.output },
        kept,
      );
      const own = inner[layer - 1];
      if (own !== undefined) upper = this.#withOwn(upper, own);
    }
  }

  /**
   * Waits for what was recorded and reads the gradients of the batch's modules.
   *
   * @param passes How many passes went back.
   * @returns For each pass one entry a layer. The gradient of the output weight is that of the
   * weight with the heads' scale in it.
   * @throws {DeviceError} the first fault that the device reported.
   */
  async readGradients(passes: number): Promise<ModuleArrays[][]> {
    const layers = this.#passes.slice(0, passes).flat();
    const rows = layers.flatMap(({ gradients: { norm, qkv, output } }) => [norm, qkv, output]);
    const perLayer = splitAllGradients(await this.#backend.read(rows));
    const { length } = this.#weights.layers;
    return Array.from({ length: passes }, (_, i) => perLayer.slice(i * length, (i + 1) * length));
  }

  /** Gives the activations and their way back to the backend. */
  free(): void {
    this.#values.free();
    this.#biases.free();
  }

  #attention(weights: LayerWeights, input: Value, { attention }: SavedLayer): void {
    const { numAttentionHeads: numHeads, layerNormEps: eps } = this.#weights.config;
    const { qkv, projected, attended } = attention!;
    const context = this.#scratch("gradient 0", "tokens", projected.cols);
    this.#linear(input, weights.qkv, qkv);
    this.#backend.run({ op: "attention", qkv, numHeads, y: context });
    this.#linear(context, weights.attentionOutput, projected);
    const x = { x: projected, residual: input };
    this.#backend.run({ op: "layerNorm", ...x, ...weights.attentionNorm, eps, y: attended });
  }

  #module(
    { norm, qkv, output, numHeads }: TrainingModule,
    eps: number,
    attended: Value,
    { module }: SavedLayer,
  ): void {
    const update = this.#scratch("gradient 0", "tokens", attended.cols);
    this.#backend.run({ op: "layerNorm", x: attended, ...norm, eps, y: module.normed });
    this.#linear(module.normed, qkv, module.qkv);
    this.#backend.run({ op: "attention", qkv: module.qkv, numHeads, y: module.heads });
    this.#linear(module.heads, output, update);
    this.#backend.run({ op: "add", x: update, residual: attended, y: module.adapted });
  }

  #feedForward(weights: LayerWeights, { module, feedForward }: SavedLayer): void {
    const { layerNormEps: eps, hiddenAct: activation } = this.#weights.config;
    const { input, preActivation, projected, output } = feedForward;
    const { rowsFollow, cols } = preActivation;
    if (rowsFollow === "sequences") {
      this.#backend.run({ op: "select", x: module.adapted, y: input });
    }
    const activated = this.#scratch("wide gradient 0", rowsFollow, cols);
    this.#linear(input, weights.intermediate, preActivation);
    this.#backend.run({ op: "activation", x: preActivation, activation, y: activated });
    this.#linear(activated, weights.output, projected);
    const x = { x: projected, residual: input };
    this.#backend.run({ op: "layerNorm", ...x, ...weights.outputNorm, eps, y: output });
  }

  /** From the gradient of a layer's output to that of its feed-forward block's input. */
  #feedForwardBack(
    weights: LayerWeights,
    transposed: TransposedLayer["feedForward"],
    upper: Value,
    { feedForward }: SavedLayer,
  ): Value {
    const { layerNormEps: eps, hiddenAct: activation } = this.#weights.config;
    const { input: residual, preActivation, projected } = feedForward;
    const [sum, inner] = this.#others(upper);
    const wide = [0, 1].map((i) =>
      this.#scratch(`wide gradient ${i}`, preActivation.rowsFollow, preActivation.cols)
    ) as [Value, Value];
    const { weight } = weights.outputNorm;
    this.#normBack({ x: projected, residual }, weight, eps, upper, sum);
    this.#linear(sum, this.#biases.join(transposed.output), wide[0]);
    const [dy, dx] = wide;
    this.#backend.run({ op: "activationBackward", x: preActivation, dy, activation, dx });
    this.#linear(dx, this.#biases.join(transposed.intermediate), inner);
    this.#backend.run({ op: "add", x: inner, residual: sum, y: upper });
    return upper;
  }

  /** Records a module's gradients; gives that of its input after the LayerNorm. */
  #moduleGradients(
    { output, qkvTransposed, outputTransposed, numHeads }: TrainingModule,
    eps: number,
    upper: Value,
    kept: SavedLayer,
  ): Value {
    const { module, gradients } = kept;
    const [normed] = this.#others(upper);
    const dy = this.#scratch("gradient of heads", "tokens", output.weight.cols);
    const dqkv = this.#scratch("gradient of module qkv", "tokens", module.qkv.cols);
    const run = this.#backend.run.bind(this.#backend);
    run({ op: "linearGradient", x: module.heads, dy: upper, gradient: gradients.output });
    this.#linear(upper, this.#biases.join(outputTransposed), dy);
    run({ op: "attentionBackward", qkv: module.qkv, dy, numHeads, dqkv });
    run({ op: "linearGradient", x: module.normed, dy: dqkv, gradient: gradients.qkv });
    this.#linear(dqkv, this.#biases.join(qkvTransposed), normed);
    const x = this.#attendedOf(kept);
    run({ op: "layerNormGradient", x, eps, dy: normed, gradient: gradients.norm });
    return normed;
  }

  /** From the gradients of a module's output and normed input to that of its input. */
  #moduleBack(
    { norm }: TrainingModule,
    eps: number,
    { upper, normed }: { readonly upper: Value; readonly normed: Value },
    kept: SavedLayer,
  ): Value {
    const inner = this.#others(upper).find((value) => value !== normed)!;
    this.#normBack({ x: this.#attendedOf(kept) }, norm.weight, eps, normed, inner);
    this.#backend.run({ op: "add", x: inner, residual: upper, y: normed });
    return normed;
  }

  /** From the gradient of an attention block's output to that of its input. */
  #attentionBack(
    weights: LayerWeights,
    transposed: NonNullable<TransposedLayer["attention"]>,
    { upper, input }: { readonly upper: Value; readonly input: Value },
    { attention }: SavedLayer,
  ): Value {
    const { numAttentionHeads: numHeads, layerNormEps: eps } = this.#weights.config;
    const { qkv, projected } = attention!;
    const [sum, inner] = this.#others(upper);
    const dqkv = this.#scratch("gradient of qkv", "tokens", qkv.cols);
    const { weight } = weights.attentionNorm;
    this.#normBack({ x: projected, residual: input }, weight, eps, upper, sum);
    this.#linear(sum, this.#biases.join(transposed.output), inner);
    this.#backend.run({ op: "attentionBackward", qkv, dy: inner, numHeads, dqkv });
    this.#linear(dqkv, this.#biases.join(transposed.qkv), inner);
    this.#backend.run({ op: "add", x: inner, residual: sum, y: upper });
    return upper;
  }

  /** Adds what the loss itself asks of a layer's output to what comes from the layers above. */
  #withOwn(upper: Value, own: Float32Array): Value {
    const residual = this.#scratch("own gradient", upper.rowsFollow, upper.cols);
    const [y] = this.#others(upper);
    this.#backend.write(residual, own);
    this.#backend.run({ op: "add", x: upper, residual, y });
    return y;
  }

  /** The first layer's attention block is the same in every pass, so that they share its output. */
  #attendedOf({ attention }: SavedLayer): Value {
    const attended = attention?.attended ?? this.#attended;
    if (attended !== undefined) return attended;
    throw new TypeError("Cannot run a training pass: no batch was begun: call begin() first");
  }

  /** The two other gradients of the same rows: each step back reads one and writes two. */
  #others({ label, rowsFollow, cols }: Value): [Value, Value] {
    const all = [0, 1, 2].map((i) => this.#scratch(`gradient ${i}`, rowsFollow, cols));
    return all.filter((value) => value.label !== label) as [Value, Value];
  }

  #scratch(name: string, rowsFollow: RowsFollow, cols: number): Value {
    return this.#values.share(name, rowsFollow, cols);
  }

  #normBack(
    sum: { readonly x: Value; readonly residual?: Value },
    weight: Weight,
    eps: number,
    dy: Value,
    dx: Value,
  ): void {
    this.#backend.run({ op: "layerNormBackward", ...sum, weight, eps, dy, dx });
  }

  #linear(x: Value, { weight, bias }: WeightAndBias, y: Value): void {
    this.#backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  }
}
