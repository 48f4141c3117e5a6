/**
 * An encoder's layers part by part: what a forward pass is made of, and what calibration runs one
 * layer at a time.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { Activation } from "../compute/ops/op.ts";
import type { Value } from "../compute/value.ts";
import type { PackedBatch } from "./batch.ts";
import { sumEmbeddings } from "./embeddings.ts";
import type { EncoderWeights, TinyAttentionWeights, WeightAndBias } from "./load.ts";

/** Activations of one forward pass; `H` hidden_size, `F` intermediate_size, all `[tokens, …]`. */
interface Workspace {
  /** `H`: embeddings, shared by every variant of a batch. */
  readonly embedded: Value;
  /** `H`: what a layer reads and writes. */
  readonly hidden: Value;
  /** `3H`: query, key, value. */
  readonly qkv: Value;
  /** `H`: output of the attention heads. */
  readonly context: Value;
  /** `H`: output of a projection, before its residual. */
  readonly projected: Value;
  /** `H`: after the attention block. */
  readonly attended: Value;
  /** `H`: after tiny attention. */
  readonly adapted: Value;
  /** `F`: inside the feed-forward block. */
  readonly intermediate: Value;
  /** `E`: sum of the embeddings, where they are narrower than the hidden states. */
  readonly narrowSum?: Value;
  /** `E`: that sum after its LayerNorm. */
  readonly narrow?: Value;
}

/**
 * The layers of one encoder on a backend, with one workspace. Each part records its operations and
 * gives the value that holds the result, which the next call of the same part overwrites. The
 * backend owns everything and frees it when destroyed, or before that when told to by `free`.
 */
export class EncoderLayers {
  readonly #backend: Backend;
  readonly #weights: EncoderWeights;
  readonly #work: Workspace;
  readonly #embeddings: Float32Array<ArrayBuffer>;
  /** Values that not every run needs, made when they are first used. */
  readonly #scratch = new Map<string, Value>();

  /**
   * Creates the workspace.
   *
   * @param backend Where the weights lie.
   * @param weights The base, from `loadEncoder`.
   */
  constructor(backend: Backend, weights: EncoderWeights) {
    const { hiddenSize, intermediateSize, embeddingSize } = weights.config;
    this.#backend = backend;
    this.#weights = weights;
    const value = (label: string, cols: number) => backend.value(label, "tokens", cols);
    this.#work = {
      embedded: value("embedded", hiddenSize),
      hidden: value("hidden", hiddenSize),
      qkv: value("qkv", 3 * hiddenSize),
      context: value("context", hiddenSize),
      projected: value("projected", hiddenSize),
      attended: value("attended", hiddenSize),
      adapted: value("adapted", hiddenSize),
      intermediate: value("intermediate", intermediateSize),
      ...(weights.projection && {
        narrowSum: value("narrow sum", embeddingSize),
        narrow: value("narrow", embeddingSize),
      }),
    };
    this.#embeddings = new Float32Array(backend.maxTokens * embeddingSize);
  }

  /** How many layers there are. */
  get length(): number {
    return this.#weights.layers.length;
  }

  /**
   * What layers read and write, `[tokens, hidden_size]`: fill it with `backend.write` after
   * `backend.begin` to go on from a layer's saved output.
   */
  get hidden(): Value {
    return this.#work.hidden;
  }

  /** What `adapt` writes, `[tokens, hidden_size]`: fill it to put another module's output there. */
  get adapted(): Value {
    return this.#work.adapted;
  }

  /**
   * Begins a batch and records its embeddings.
   *
   * @param batch The packed sequences.
   * @returns What the first layer reads, `[tokens, hidden_size]`: the embeddings after their
   * LayerNorm, brought to the width of the hidden states.
   * @throws {TinygraftError} with code `sequence-too-long`, or `invalid-tokenizer` for an id
   * outside the word table.
   */
  embed(batch: PackedBatch): Value {
    const { embedded, projected, narrowSum = projected, narrow = embedded } = this.#work;
    const { config, embeddingNorm, projection } = this.#weights;
    const sums = this.#embeddings.subarray(0, batch.tokens * config.embeddingSize);
    sumEmbeddings(batch, this.#weights, sums);
    this.#backend.begin(batch);
    this.#backend.write(narrowSum, sums);
    this.#norm(narrowSum, undefined, embeddingNorm, narrow);
    if (projection !== undefined) this.#linear(narrow, projection, embedded);
    return embedded;
  }

  /**
   * Records a layer's attention block: LN(input + attention(input) Wᵀ + b).
   *
   * @param layer The layer, from 0.
   * @param input `[tokens, hidden_size]`.
   * @param attended What to write, `[tokens, hidden_size]`.
   * @returns What the layer's tiny attention reads, `[tokens, hidden_size]`: `attended`.
   */
  attention(layer: number, input: Value, attended: Value = this.#work.attended): Value {
    const { qkv, context, projected } = this.#work;
    const weights = this.#weights.layers[layer]!;
    this.#linear(input, weights.qkv, qkv);
    const numHeads = this.#weights.config.numAttentionHeads;
    this.#backend.run({ op: "attention", qkv, numHeads, y: context });
    this.#linear(context, weights.attentionOutput, projected);
    this.#norm(projected, input, weights.attentionNorm, attended);
    return attended;
  }

  /**
   * Records the first layer's attention block, which comes before any module: where several
   * variants run, all of them go on from it.
   *
   * @param input `[tokens, hidden_size]`.
   * @returns As of {@linkcode attention}, in a value that no other part overwrites.
   */
  firstAttention(input: Value): Value {
    const { hiddenSize } = this.#weights.config;
    return this.attention(0, input, this.#made("attended of layer 0", "tokens", hiddenSize));
  }

  /**
   * Records a layer's attention block for the batch's selected tokens only, which is all that the
   * last layer's reader needs where no module stands between.
   *
   * @param layer The layer, from 0.
   * @param input `[tokens, hidden_size]`.
   * @returns The selected rows of what {@linkcode attention} gives, `[sequences, hidden_size]`.
   */
  attentionOfSelected(layer: number, input: Value): Value {
    const { hiddenSize, numAttentionHeads: numHeads } = this.#weights.config;
    const { qkv } = this.#work;
    const weights = this.#weights.layers[layer]!;
    const context = this.#rows("context", hiddenSize);
    const projected = this.#rows("projected", hiddenSize);
    const attended = this.#rows("attended", hiddenSize);
    this.#linear(input, weights.qkv, qkv);
    this.#backend.run({ op: "attention", qkv, numHeads, y: context });
    this.#linear(context, weights.attentionOutput, projected);
    this.#norm(projected, this.select(input), weights.attentionNorm, attended);
    return attended;
  }

  /**
   * Records that the rows of the batch's selected tokens are taken.
   *
   * @param input `[tokens, hidden_size]`.
   * @returns `[sequences, hidden_size]`.
   */
  select(input: Value): Value {
    const y = this.#rows("selected", input.cols);
    this.#backend.run({ op: "select", x: input, y });
    return y;
  }

  /**
   * Records a tiny-attention module: input + g · Σ z_m O_mᵀ + output bias.
   *
   * @param module The module's weights.
   * @param eps Epsilon of its LayerNorm.
   * @param input `[tokens, hidden_size]`.
   * @returns The input plus the update, `[tokens, hidden_size]`.
   */
  adapt(module: TinyAttentionWeights, eps: number, input: Value): Value {
    return this.#tinyAttention(module, eps, input, false);
  }

  /**
   * Records what a tiny-attention module adds: g · Σ z_m O_mᵀ + output bias.
   *
   * @param module The module's weights.
   * @param eps Epsilon of its LayerNorm.
   * @param input What it reads, `[tokens, hidden_size]`.
   * @returns The update alone, `[tokens, hidden_size]`.
   */
  update(module: TinyAttentionWeights, eps: number, input: Value): Value {
    return this.#tinyAttention(module, eps, input, true);
  }

  /**
   * Records a sum.
   *
   * @param x `[rows, hidden_size]`.
   * @param residual As many rows.
   * @param into What to write, of the same shape; a value for sums unless given.
   * @returns The sum: `into`.
   */
  add(x: Value, residual: Value, into?: Value): Value {
    const y = into ?? this.#made(`sums of ${x.rowsFollow}`, x.rowsFollow, x.cols);
    this.#backend.run({ op: "add", x, residual, y });
    return y;
  }

  #tinyAttention(
    module: TinyAttentionWeights,
    eps: number,
    input: Value,
    updateOnly: boolean,
  ): Value {
    const { adapted } = this.#work;
    this.#backend.run({
      op: "tinyAttention",
      a: input,
      normWeight: module.norm.weight,
      normBias: module.norm.bias,
      eps,
      qkvWeight: module.qkv.weight,
      qkvBias: module.qkv.bias,
      numHeads: module.numHeads,
      headDim: module.headDim,
      scale: module.scale,
      outputWeight: module.output.weight,
      outputBias: module.output.bias,
      updateOnly,
      scratch: this.#scratchFor(module),
      y: adapted,
    });
    return adapted;
  }

  /**
   * Records a layer's feed-forward block: LN(input + act(input W1ᵀ + b1) W2ᵀ + b2), where act is
   * the base's activation.
   *
   * @param layer The layer, from 0.
   * @param input `[tokens, hidden_size]`, or `[sequences, hidden_size]` for selected rows.
   * @param into What to write, of the input's shape; the workspace's own value unless given.
   * @returns The layer's output, of the input's shape.
   */
  feedForward(layer: number, input: Value, into?: Value): Value {
    const { hiddenSize, intermediateSize, hiddenAct } = this.#weights.config;
    const { intermediate, projected, hidden } = input.rowsFollow === "tokens" ? this.#work : {
      intermediate: this.#rows("intermediate", intermediateSize),
      projected: this.#rows("projected", hiddenSize),
      hidden: this.#rows("hidden", hiddenSize),
    };
    const weights = this.#weights.layers[layer]!;
    this.#linear(input, weights.intermediate, intermediate, hiddenAct);
    this.#linear(intermediate, weights.output, projected);
    const output = into ?? hidden;
    this.#norm(projected, input, weights.outputNorm, output);
    return output;
  }

  /** Gives the workspace back to the backend; the layers cannot run afterwards. */
  free(): void {
    for (const value of [...Object.values(this.#work), ...this.#scratch.values()]) {
      this.#backend.free(value);
    }
  }

  /** Modules of one width share what lies between their two steps. */
  #scratchFor({ numHeads, headDim }: TinyAttentionWeights): Value {
    const cols = 3 * numHeads * headDim;
    return this.#made(`tiny attention qkv of ${cols} columns`, "tokens", cols);
  }

  /** What the last layer's selected rows need, `[sequences, cols]`. */
  #rows(what: string, cols: number): Value {
    return this.#made(`${what} of selected tokens`, "sequences", cols);
  }

  #made(label: string, rowsFollow: Value["rowsFollow"], cols: number): Value {
    const known = this.#scratch.get(label);
    if (known !== undefined) return known;
    const fresh = this.#backend.value(label, rowsFollow, cols);
    this.#scratch.set(label, fresh);
    return fresh;
  }

  #linear(
    x: Value,
    { weight, bias }: WeightAndBias,
    y: Value,
    activation: Activation = "none",
  ): void {
    this.#backend.run({ op: "linear", x, weight, bias, activation, y });
  }

  #norm(x: Value, residual: Value | undefined, { weight, bias }: WeightAndBias, y: Value): void {
    const eps = this.#weights.config.layerNormEps;
    const sum = residual === undefined ? { x } : { x, residual };
    this.#backend.run({ op: "layerNorm", ...sum, weight, bias, eps, y });
  }
}
