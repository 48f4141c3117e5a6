/**
 * The forward pass: a BERT encoder with tiny attention and a linear classifier, on any backend.
 *
 * @module
 */

import type { Backend, Waited } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import type { PackedBatch } from "./batch.ts";
import { EncoderLayers } from "./layers.ts";
import type { AdapterWeights, EncoderWeights } from "./load.ts";

/**
 * Called with each named stage once it is recorded: `embeddings`, then for each layer i
 * `layer.i.attention`, `layer.i.adapter` (with a module only) and `layer.i.output`. For tests and
 * debugging: reading a stage waits for the device.
 */
export type StageObserver = (stage: string, value: Value) => Promise<void>;

/** A classifier's logits of one variant, `[sequences, labels]`. */
interface Variant {
  readonly weights: AdapterWeights;
  readonly logits: Value;
}

/**
 * An encoder on a backend, with one variant for each adapter that is compared. The backend owns
 * everything and frees it when destroyed.
 */
export class Encoder {
  readonly #backend: Backend;
  readonly #weights: EncoderWeights;
  readonly #variants: readonly Variant[];
  readonly #layers: EncoderLayers;

  /**
   * Creates the encoder and its workspace.
   *
   * @param backend Where the weights lie.
   * @param weights The base, from `loadEncoder`.
   * @param adapters One variant each, from `loadAdapter`.
   */
  constructor(backend: Backend, weights: EncoderWeights, adapters: readonly AdapterWeights[]) {
    this.#backend = backend;
    this.#weights = weights;
    this.#layers = new EncoderLayers(backend, weights);
    this.#variants = adapters.map((adapter, index) => ({
      weights: adapter,
      logits: backend.value(`logits of variant ${index}`, "sequences", adapter.numLabels),
    }));
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
    const embedded = this.#layers.embed(batch);
    await observe?.("embeddings", embedded);
    for (const variant of this.#variants) {
      await this.#recordVariant(variant, embedded, observe);
    }
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

  async #recordVariant(
    { weights, logits }: Variant,
    embedded: Value,
    observe?: StageObserver,
  ): Promise<void> {
    const { classifier, modules, layerNormEps } = weights;
    const layers = this.#layers;
    let input = embedded;
    for (let index = 0; index < layers.length; index++) {
      const stage = (name: string, value: Value) =>
        observe?.(`layer.${index}.${name}`, value) ?? Promise.resolve();
      let attended = layers.attention(index, input);
      await stage("attention", attended);
      const module = modules[index];
      if (module) {
        attended = layers.adapt(module, layerNormEps, attended);
        await stage("adapter", attended);
      }
      input = layers.feedForward(index, attended);
      await stage("output", input);
    }
    this.#backend.run({ op: "classify", x: input, ...classifier, y: logits });
  }
}
