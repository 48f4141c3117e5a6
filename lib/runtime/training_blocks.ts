/**
 * The parts of a training pass: each block of a layer forward, with what its way back reads kept,
 * and back. What a layer is made of them is the pass's affair.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { AttentionDropout } from "../compute/ops/attention/dropout.ts";
import type { RowsFollow, Value, Weight } from "../compute/value.ts";
import type { EncoderWeights, LayerWeights, WeightAndBias } from "./load.ts";
import type { TrainingModule } from "./training_module.ts";
import type {
  GradientValues,
  SavedAttention,
  SavedFeedForward,
  SavedModule,
  TrainingValues,
} from "./training_values.ts";
import { type TransposedAttention, type TransposedFeedForward, ZeroBiases } from "./transposed.ts";

/** A module as it was run. */
export interface ModuleRun {
  /** Its weights. */
  readonly module: TrainingModule;
  /** Epsilon of its LayerNorm. */
  readonly eps: number;
  /** What it reads, `[tokens, H]`. */
  readonly input: Value;
  /** What it keeps. */
  readonly saved: SavedModule;
  /** Which of its attention's probabilities are dropped. */
  readonly dropout: AttentionDropout;
}

/** Records blocks on a backend; the values that blocks share belong to the pass. */
export class TrainingBlocks {
  readonly #backend: Backend;
  readonly #weights: EncoderWeights;
  readonly #values: TrainingValues;
  readonly #biases: ZeroBiases;

  /**
   * Starts without anything recorded.
   *
   * @param backend Where the weights lie.
   * @param weights The base.
   * @param values Where room for gradients comes from.
   */
  constructor(backend: Backend, weights: EncoderWeights, values: TrainingValues) {
    this.#backend = backend;
    this.#weights = weights;
    this.#values = values;
    this.#biases = new ZeroBiases(backend);
  }

  /** Gives back what the blocks made for themselves. */
  free(): void {
    this.#biases.free();
  }

  /**
   * Records an attention block.
   *
   * @param weights The layer.
   * @param input What it reads, `[tokens, H]`.
   * @param saved What it keeps, its output among it.
   */
  attention(weights: LayerWeights, input: Value, saved: SavedAttention): void {
    const { numAttentionHeads: numHeads, layerNormEps: eps } = this.#weights.config;
    const { qkv, projected, attended } = saved;
    const context = this.scratch("gradient 0", "tokens", projected.cols);
    this.#linear(input, weights.qkv, qkv);
    this.#backend.run({ op: "attention", qkv, numHeads, y: context });
    this.#linear(context, weights.attentionOutput, projected);
    const x = { x: projected, residual: input };
    this.#backend.run({ op: "layerNorm", ...x, ...weights.attentionNorm, eps, y: attended });
  }

  /**
   * Records what a module adds.
   *
   * @param run The module.
   * @param name Which shared value gets it.
   * @returns The update, `[tokens, H]`.
   */
  update({ module, eps, input, saved, dropout }: ModuleRun, name: string): Value {
    const { norm, qkv, output, numHeads } = module;
    const y = this.scratch(name, "tokens", input.cols);
    this.#backend.run({ op: "layerNorm", x: input, ...norm, eps, y: saved.normed });
    this.#linear(saved.normed, qkv, saved.qkv);
    this.#backend.run({ op: "attention", qkv: saved.qkv, numHeads, y: saved.heads, ...dropout });
    this.#linear(saved.heads, output, y);
    return y;
  }

  /**
   * Records a feed-forward block.
   *
   * @param weights The layer.
   * @param input What it reads, `[rows, H]`.
   * @param saved What it keeps.
   * @param output What to write, `[rows, H]`.
   */
  feedForward(
    weights: LayerWeights,
    input: Value,
    { slope, projected }: SavedFeedForward,
    output: Value,
  ): void {
    const { layerNormEps: eps, hiddenAct: activation } = this.#weights.config;
    const [x, activated] = this.#wide(slope);
    this.#linear(input, weights.intermediate, x);
    this.#backend.run({ op: "activation", x, activation, slope, y: activated });
    this.#linear(activated, weights.output, projected);
    const sum = { x: projected, residual: input };
    this.#backend.run({ op: "layerNorm", ...sum, ...weights.outputNorm, eps, y: output });
  }

  /**
   * From the gradient of a feed-forward block's output to that of its input.
   *
   * @param weights The layer.
   * @param transposed Its transposes.
   * @param upper The gradient, one of the shared three; overwritten.
   * @param residual What the block read.
   * @param saved What it kept.
   * @returns The gradient of its input: `upper`.
   */
  feedForwardBack(
    weights: LayerWeights,
    transposed: TransposedFeedForward,
    upper: Value,
    residual: Value,
    { slope, projected }: SavedFeedForward,
  ): Value {
    const { layerNormEps: eps } = this.#weights.config;
    const [sum] = this.others(upper);
    const [dy, dx] = this.#wide(slope);
    this.#normBack({ x: projected, residual }, weights.outputNorm.weight, eps, upper, sum);
    this.#linear(sum, this.#biases.join(transposed.output), dy);
    // Not at the end of the product, which reads a few columns of many rows at a time: the slope was
    // written long ago, and only along rows does the processor fetch it in time.
    this.#backend.run({ op: "multiply", x: dy, factor: slope, y: dx });
    this.#linear(dx, this.#biases.join(transposed.intermediate), upper, sum);
    return upper;
  }

  /**
   * Records a module's gradients.
   *
   * @param run The module as it was run forward.
   * @param upper The gradient of what it adds, one of the shared three; left as it is.
   * @param gradients Gets the module's own gradients.
   * @returns The gradient of its input after the LayerNorm, another of the shared three.
   */
  moduleGradients(
    { module, eps, input, saved, dropout }: ModuleRun,
    upper: Value,
    gradients: GradientValues,
  ): Value {
    const { output, qkvTransposed, outputTransposed, numHeads } = module;
    const [normed] = this.others(upper);
    const dy = this.scratch("gradient of heads", "tokens", output.weight.cols);
    const dqkv = this.scratch("gradient of module qkv", "tokens", saved.qkv.cols);
    const run = this.#backend.run.bind(this.#backend);
    run({ op: "linearGradient", x: saved.heads, dy: upper, gradient: gradients.output });
    this.#linear(upper, this.#biases.join(outputTransposed), dy);
    run({ op: "attentionBackward", qkv: saved.qkv, dy, numHeads, dqkv, ...dropout });
    run({ op: "linearGradient", x: saved.normed, dy: dqkv, gradient: gradients.qkv });
    this.#linear(dqkv, this.#biases.join(qkvTransposed), normed);
    run({ op: "layerNormGradient", x: input, eps, dy: normed, gradient: gradients.norm });
    return normed;
  }

  /**
   * From the gradient of a module's normed input to that of its input.
   *
   * @param run The module as it was run forward.
   * @param normed The gradient, from {@linkcode moduleGradients}.
   * @param y What to write, `[tokens, H]`.
   * @returns The gradient of its input by way of the module: `y`.
   */
  moduleBack({ module, eps, input }: ModuleRun, normed: Value, y: Value): Value {
    this.#normBack({ x: input }, module.norm.weight, eps, normed, y);
    return y;
  }

  /**
   * From the gradient of an attention block's output to that of its input.
   *
   * @param weights The layer.
   * @param transposed Its transposes.
   * @param upper The gradient, one of the shared three; overwritten.
   * @param input What the block read.
   * @param saved What it kept.
   * @returns The gradient of its input: `upper`.
   */
  attentionBack(
    weights: LayerWeights,
    transposed: TransposedAttention,
    upper: Value,
    input: Value,
    { qkv, projected }: SavedAttention,
  ): Value {
    const { numAttentionHeads: numHeads, layerNormEps: eps } = this.#weights.config;
    const [sum, inner] = this.others(upper);
    const dqkv = this.scratch("gradient of qkv", "tokens", qkv.cols);
    const { weight } = weights.attentionNorm;
    this.#normBack({ x: projected, residual: input }, weight, eps, upper, sum);
    this.#linear(sum, this.#biases.join(transposed.output), inner);
    this.#backend.run({ op: "attentionBackward", qkv, dy: inner, numHeads, dqkv });
    this.#linear(dqkv, this.#biases.join(transposed.qkv), upper, sum);
    return upper;
  }

  /**
   * Records a sum.
   *
   * @param x One of two.
   * @param residual The other.
   * @param y What to write; neither of them.
   * @returns The sum: `y`.
   */
  add(x: Value, residual: Value, y: Value): Value {
    this.#backend.run({ op: "add", x, residual, y });
    return y;
  }

  /**
   * Lists the gradients that are free: each step back reads one of three and writes two.
   *
   * @param taken The one that is read.
   * @returns The two others, of the same rows and columns.
   */
  others({ label, rowsFollow, cols }: Value): [Value, Value] {
    const all = [0, 1, 2].map((i) => this.scratch(`gradient ${i}`, rowsFollow, cols));
    return all.filter((value) => value.label !== label) as [Value, Value];
  }

  /**
   * Gives a value that everything of this name and shape shares.
   *
   * @param name Which.
   * @param rowsFollow What its rows follow.
   * @param cols Columns, in elements.
   * @returns The value.
   */
  scratch(name: string, rowsFollow: RowsFollow, cols: number): Value {
    return this.#values.share(name, rowsFollow, cols);
  }

  /** Room for what lies between the two layers of a feed-forward block, either way. */
  #wide({ rowsFollow, cols }: Value): [Value, Value] {
    const wide = (i: number) => this.scratch(`wide ${i}`, rowsFollow, cols);
    return [wide(0), wide(1)];
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

  #linear(x: Value, { weight, bias }: WeightAndBias, y: Value, residual?: Value): void {
    const added = residual && { residual };
    this.#backend.run({ op: "linear", x, weight, bias, activation: "none", ...added, y });
  }
}
