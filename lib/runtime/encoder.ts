/**
 * The forward pass: an encoder with tiny attention and a head, on any backend.
 *
 * @module
 */

import type { Backend, Waited } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import type { PackedBatch } from "./batch.ts";
import { Head } from "./head.ts";
import { EncoderLayers } from "./layers.ts";
import type { AdapterWeights, EncoderWeights, TinyAttentionWeights } from "./load.ts";
import { runLayer } from "./placed_layer.ts";

/**
 * Called with each named stage once it is recorded: `embeddings`, then for each layer i
 * `layer.i.attention`, `layer.i.adapter` (with a module only: the feed-forward block's input, or the
 * update alone where that joins the layer's output) and `layer.i.output`. For tests and
 * debugging: reading a stage waits for the device, and the last layer, of which a head needs one
 * row a sequence, is computed whole.
 */
export type StageObserver = (stage: string, value: Value) => Promise<void>;

/** What is compared: the base under some modules and a head. */
interface Variant {
  readonly weights: AdapterWeights;
  readonly head: Head;
}

/** What all variants of a batch go on from, `[tokens, hidden_size]`. */
interface Start {
  /** The embeddings. */
  readonly embedded: Value;
  /** The first attention block's output, where it was computed for all. */
  readonly attended: Value | undefined;
}

/**
 * An encoder on a backend, with one variant for each adapter that is compared. The backend owns
 * everything and frees it when destroyed.
 *
 * @example Classify a sentence with and without an adapter
 * ```ts
 * import {
 *   classifyRows,
 *   createTokenizer,
 *   Encoder,
 *   loadAdapter,
 *   loadEncoder,
 *   openAdapter,
 *   openBackend,
 *   openModel,
 * } from "tinygraft";
 * import { assert } from "@std/assert";
 *
 * const folder = "fixtures/mini/encoder";
 * using base = await openModel(folder);
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const backend = await openBackend("reference");
 * const weights = await loadEncoder(base.checkpoint, base.model, backend);
 * const adapted = await loadAdapter(adapter, backend);
 * const encoder = new Encoder(backend, weights, [adapted, { ...adapted, modules: [] }]);
 *
 * const json = JSON.parse(await Deno.readTextFile(`${folder}/tokenizer.json`));
 * const tokenizer = createTokenizer(json, undefined, "tokenizer.json");
 * const rows = [tokenizer.encode("Where is my parcel?", undefined, 128)];
 * const [withAdapter, without] = (await classifyRows(encoder, rows)).variants;
 * backend.destroy();
 *
 * const { labels } = adapter.config.task;
 * const best = withAdapter!.logits.indexOf(Math.max(...withAdapter!.logits));
 * assert(labels?.[best] === "delivery");
 * assert(withAdapter!.logits[best]! > without!.logits[best]!);
 * ```
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
   * @param adapters One variant each: from `loadAdapter`, or with modules or head replaced, as in
   * `{ ...adapter, ...await loadMaskedLmHead(…) }`.
   * @param layers The base's layers with a workspace to share; one of its own unless given.
   */
  constructor(
    backend: Backend,
    weights: EncoderWeights,
    adapters: readonly AdapterWeights[],
    layers: EncoderLayers = new EncoderLayers(backend, weights),
  ) {
    this.#backend = backend;
    this.#weights = weights;
    this.#layers = layers;
    this.#variants = adapters.map((adapter, index) => ({
      weights: adapter,
      head: new Head(backend, adapter, {
        label: `variant ${index}`,
        layerNormEps: weights.config.layerNormEps,
      }),
    }));
  }

  /**
   * Makes an encoder of the same base for other adapters. Both share one workspace: a batch of one
   * must be read before the other records.
   *
   * @param adapters One variant each.
   * @returns The encoder.
   */
  withAdapters(adapters: readonly AdapterWeights[]): Encoder {
    return new Encoder(this.#backend, this.#weights, adapters, this.#layers);
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
    // In the only layer of a base, less than the whole block may do.
    const shares = this.#variants.length > 1 && this.#layers.length > 1;
    const start = {
      embedded,
      attended: shares ? this.#layers.firstAttention(embedded) : undefined,
    };
    for (const variant of this.#variants) await this.#recordVariant(variant, start, observe);
  }

  /**
   * Waits for the recorded batch.
   *
   * @returns The logits of each variant, `f32 [sequences, labels]`, row-major, in batch order.
   * @throws {DeviceError} the first fault that the device reported.
   */
  read(): Promise<Float32Array<ArrayBuffer>[]> {
    return this.#backend.read(this.#variants.map(({ head }) => head.logits));
  }

  async #recordVariant(
    { weights: { modules, layerNormEps: eps, placement }, head }: Variant,
    start: Start,
    observe?: StageObserver,
  ): Promise<void> {
    const layers = this.#layers;
    let input = start.embedded;
    for (let index = 0; index < layers.length; index++) {
      const module = moduleOf(modules, index);
      input = await runLayer(layers, index, input, {
        placed: module && { module, eps, placement },
        selects: index === layers.length - 1 && observe === undefined,
        attended: index === 0 ? start.attended : undefined,
        observe: observe && ((stage, value) => observe(`layer.${index}.${stage}`, value)),
      });
    }
    head.record(observe === undefined ? input : layers.select(input));
  }
}

/** A layer's module: where all layers share their weights, there is one for all. */
function moduleOf(
  modules: AdapterWeights["modules"],
  layer: number,
): TinyAttentionWeights | undefined {
  return modules.length === 0 ? undefined : modules[layer % modules.length];
}
