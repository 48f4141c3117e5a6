/**
 * The forward pass: a BERT encoder with tiny attention and a linear classifier, on any backend.
 *
 * @module
 */

import type { Backend, Waited } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import { TinygraftError } from "../errors.ts";
import type { PackedBatch } from "./batch.ts";
import type {
  AdapterWeights,
  EmbeddingTable,
  EncoderWeights,
  LayerWeights,
  TinyAttentionWeights,
  WeightAndBias,
} from "./load.ts";

/**
 * Called with each named stage once it is recorded: `embeddings`, then for each layer i
 * `layer.i.attention`, `layer.i.adapter` (with a module only) and `layer.i.output`. For tests and
 * debugging: reading a stage waits for the device.
 */
export type StageObserver = (stage: string, value: Value) => Promise<void>;

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

/** A classifier's logits of one variant, `[sequences, labels]`. */
interface Variant {
  readonly weights: AdapterWeights;
  readonly logits: Value;
  /** `3E` columns for each module, shared between modules of one width. */
  readonly scratch: readonly Value[];
}

/**
 * An encoder on a backend, with one variant for each adapter that is compared. The backend owns
 * everything and frees it when destroyed.
 */
export class Encoder {
  readonly #backend: Backend;
  readonly #weights: EncoderWeights;
  readonly #variants: readonly Variant[];
  readonly #work: Workspace;
  readonly #embeddings: Float32Array<ArrayBuffer>;

  /**
   * Creates the encoder and its workspace.
   *
   * @param backend Where the weights lie.
   * @param weights The base, from `loadEncoder`.
   * @param adapters One variant each, from `loadAdapter`.
   */
  constructor(backend: Backend, weights: EncoderWeights, adapters: readonly AdapterWeights[]) {
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
    this.#variants = adapters.map((adapter, index) => ({
      weights: adapter,
      logits: backend.value(`logits of variant ${index}`, "sequences", adapter.numLabels),
      scratch: scratchValues(backend, adapter.modules),
    }));
    this.#embeddings = new Float32Array(backend.maxTokens * hiddenSize);
  }

  /** The configuration of the base. */
  get config(): EncoderWeights["config"] {
    return this.#weights.config;
  }

  /** Most tokens that a batch may hold. */
  get maxTokens(): number {
    return this.#backend.maxTokens;
  }

  /** How long `read` has taken so far, in seconds. */
  get waited(): Readonly<Waited> {
    return this.#backend.waited;
  }

  /**
   * Records one batch through every variant; nothing is waited for unless stages are observed.
   *
   * @param batch The packed sequences.
   * @param observe Called with each stage of each variant.
   * @throws {TinygraftError} with code `sequence-too-long`, or `invalid-tokenizer` for an id
   * outside the word table.
   */
  async record(batch: PackedBatch, observe?: StageObserver): Promise<void> {
    const backend = this.#backend;
    const { embedded } = this.#work;
    const embeddings = this.#embeddings.subarray(0, batch.tokens * this.config.hiddenSize);
    sumEmbeddings(batch, this.#weights, embeddings);
    backend.begin(batch);
    backend.write(this.#work.projected, embeddings);
    this.#norm(this.#work.projected, undefined, this.#weights.embeddingNorm, embedded);
    await observe?.("embeddings", embedded);
    for (const variant of this.#variants) await this.#recordVariant(variant, observe);
  }

  /**
   * Waits for the recorded batch.
   *
   * @returns The logits of each variant, `f32 [sequences, labels]`, row-major, in batch order.
   * @throws {DeviceError} the first fault that the device reported.
   */
  read(): Promise<Float32Array<ArrayBuffer>[]> {
    return this.#backend.read(this.#variants.map(({ logits }) => logits));
  }

  async #recordVariant(variant: Variant, observe?: StageObserver): Promise<void> {
    const { hidden, embedded } = this.#work;
    const { classifier, modules, layerNormEps } = variant.weights;
    let input = embedded;
    for (const [index, layer] of this.#weights.layers.entries()) {
      const stage = (name: string, value: Value) =>
        observe?.(`layer.${index}.${name}`, value) ?? Promise.resolve();
      this.#attention(layer, input);
      await stage("attention", this.#work.attended);
      const module = modules[index];
      let attended = this.#work.attended;
      if (module) {
        this.#tinyAttention(module, layerNormEps, variant.scratch[index]!);
        attended = this.#work.adapted;
        await stage("adapter", attended);
      }
      this.#feedForward(layer, attended);
      await stage("output", hidden);
      input = hidden;
    }
    this.#backend.run({ op: "classify", x: input, ...classifier, y: variant.logits });
  }

  /** attended = LN(input + attention(input) Wᵀ + b). */
  #attention(layer: LayerWeights, input: Value): void {
    const { qkv, context, projected, attended } = this.#work;
    this.#linear(input, layer.qkv, qkv);
    const numHeads = this.config.numAttentionHeads;
    this.#backend.run({ op: "attention", qkv, numHeads, y: context });
    this.#linear(context, layer.attentionOutput, projected);
    this.#norm(projected, input, layer.attentionNorm, attended);
  }

  /** adapted = attended + g · Σ z_m O_mᵀ + output bias. */
  #tinyAttention(module: TinyAttentionWeights, eps: number, scratch: Value): void {
    this.#backend.run({
      op: "tinyAttention",
      a: this.#work.attended,
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
      scratch,
      y: this.#work.adapted,
    });
  }

  /** hidden = LN(input + GELU(input W1ᵀ + b1) W2ᵀ + b2). */
  #feedForward(layer: LayerWeights, input: Value): void {
    const { intermediate, projected, hidden } = this.#work;
    this.#linear(input, layer.intermediate, intermediate, "gelu");
    this.#linear(intermediate, layer.output, projected);
    this.#norm(projected, input, layer.outputNorm, hidden);
  }

  #linear(x: Value, { weight, bias }: WeightAndBias, y: Value, activation?: "gelu"): void {
    this.#backend.run({ op: "linear", x, weight, bias, activation: activation ?? "none", y });
  }

  #norm(x: Value, residual: Value | undefined, { weight, bias }: WeightAndBias, y: Value): void {
    const eps = this.config.layerNormEps;
    const sum = residual === undefined ? { x } : { x, residual };
    this.#backend.run({ op: "layerNorm", ...sum, weight, bias, eps, y });
  }
}

function scratchValues(backend: Backend, modules: readonly TinyAttentionWeights[]): Value[] {
  const byWidth = new Map<number, Value>();
  return modules.map(({ numHeads, headDim }) => {
    const cols = 3 * numHeads * headDim;
    const known = byWidth.get(cols);
    if (known !== undefined) return known;
    const fresh = backend.value(`tiny attention qkv of ${cols} columns`, "tokens", cols);
    byWidth.set(cols, fresh);
    return fresh;
  });
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
