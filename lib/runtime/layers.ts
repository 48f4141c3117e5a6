/**
 * An encoder's layers part by part: what a forward pass is made of, and what calibration runs one
 * layer at a time.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import { TinygraftError } from "../errors.ts";
import type { PackedBatch } from "./batch.ts";
import type {
  EmbeddingTable,
  EncoderWeights,
  TinyAttentionWeights,
  WeightAndBias,
} from "./load.ts";

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
}

/**
 * The layers of one encoder on a backend, with one workspace. Each part records its operations and
 * gives the value that holds the result, which the next call of the same part overwrites. The
 * backend owns everything and frees it when destroyed.
 */
export class EncoderLayers {
  readonly #backend: Backend;
  readonly #weights: EncoderWeights;
  readonly #work: Workspace;
  readonly #embeddings: Float32Array<ArrayBuffer>;
  readonly #scratch = new Map<number, Value>();

  /**
   * Creates the workspace.
   *
   * @param backend Where the weights lie.
   * @param weights The base, from `loadEncoder`.
   */
  constructor(backend: Backend, weights: EncoderWeights) {
    const { hiddenSize, intermediateSize } = weights.config;
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
    };
    this.#embeddings = new Float32Array(backend.maxTokens * hiddenSize);
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
   * @returns The embeddings after their LayerNorm, `[tokens, hidden_size]`.
   * @throws {TinygraftError} with code `sequence-too-long`, or `invalid-tokenizer` for an id
   * outside the word table.
   */
  embed(batch: PackedBatch): Value {
    const { embedded, projected } = this.#work;
    const sums = this.#embeddings.subarray(0, batch.tokens * this.#weights.config.hiddenSize);
    sumEmbeddings(batch, this.#weights, sums);
    this.#backend.begin(batch);
    this.#backend.write(projected, sums);
    this.#norm(projected, undefined, this.#weights.embeddingNorm, embedded);
    return embedded;
  }

  /**
   * Records a layer's attention block: LN(input + attention(input) Wᵀ + b).
   *
   * @param layer The layer, from 0.
   * @param input `[tokens, hidden_size]`.
   * @returns What the layer's tiny attention reads, `[tokens, hidden_size]`.
   */
  attention(layer: number, input: Value): Value {
    const { qkv, context, projected, attended } = this.#work;
    const weights = this.#weights.layers[layer]!;
    this.#linear(input, weights.qkv, qkv);
    const numHeads = this.#weights.config.numAttentionHeads;
    this.#backend.run({ op: "attention", qkv, numHeads, y: context });
    this.#linear(context, weights.attentionOutput, projected);
    this.#norm(projected, input, weights.attentionNorm, attended);
    return attended;
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
      scratch: this.#scratchFor(module),
      y: adapted,
    });
    return adapted;
  }

  /**
   * Records a layer's feed-forward block: LN(input + GELU(input W1ᵀ + b1) W2ᵀ + b2).
   *
   * @param layer The layer, from 0.
   * @param input `[tokens, hidden_size]`.
   * @returns The layer's output, `[tokens, hidden_size]`.
   */
  feedForward(layer: number, input: Value): Value {
    const { intermediate, projected, hidden } = this.#work;
    const weights = this.#weights.layers[layer]!;
    this.#linear(input, weights.intermediate, intermediate, "gelu");
    this.#linear(intermediate, weights.output, projected);
    this.#norm(projected, input, weights.outputNorm, hidden);
    return hidden;
  }

  /** Modules of one width share what lies between their two steps. */
  #scratchFor({ numHeads, headDim }: TinyAttentionWeights): Value {
    const cols = 3 * numHeads * headDim;
    const known = this.#scratch.get(cols);
    if (known !== undefined) return known;
    const fresh = this.#backend.value(
      `tiny attention qkv of ${cols} columns`,
      "tokens",
      cols,
    );
    this.#scratch.set(cols, fresh);
    return fresh;
  }

  #linear(x: Value, { weight, bias }: WeightAndBias, y: Value, activation?: "gelu"): void {
    this.#backend.run({ op: "linear", x, weight, bias, activation: activation ?? "none", y });
  }

  #norm(x: Value, residual: Value | undefined, { weight, bias }: WeightAndBias, y: Value): void {
    const eps = this.#weights.config.layerNormEps;
    const sum = residual === undefined ? { x } : { x, residual };
    this.#backend.run({ op: "layerNorm", ...sum, weight, bias, eps, y });
  }
}

/** Gathers and sums word, position and type rows; tables stay in host memory, whatever their size. */
function sumEmbeddings(batch: PackedBatch, weights: EncoderWeights, into: Float32Array): void {
  const width = weights.config.hiddenSize;
  const { words, positions, types } = weights;
  for (let token = 0; token < batch.tokens; token++) {
    const word = rowStart(words, batch.ids[token]!, width, "token id");
    const position = rowStart(positions, batch.positions[token]!, width, "position");
    const type = rowStart(types, batch.typeIds[token]!, width, "token type");
    const target = token * width;
    for (let i = 0; i < width; i++) {
      // The order of BERT's own sum: word and type first, rounded to f32, then position.
      const sum = Math.fround(words.values[word + i]! + types.values[type + i]!);
      into[target + i] = sum + positions.values[position + i]!;
    }
  }
}

function rowStart(table: EmbeddingTable, row: number, width: number, what: string): number {
  if (row < table.rows) return row * width;
  throw new TinygraftError(
    `Cannot embed ${what} ${row}: the base's table has ${table.rows} rows`,
    { code: what === "position" ? "sequence-too-long" : "invalid-tokenizer" },
  );
}
