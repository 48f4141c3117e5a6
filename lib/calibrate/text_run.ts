/**
 * Unlabelled text through an encoder, one layer at a time, with what tiny attention adds computed
 * on the host: how a merge is measured and fitted on data.
 *
 * @module
 */

import { type Backend, selectedTokens } from "../compute/backend.ts";
import { InterruptedError, TinygraftError } from "../errors.ts";
import { packBatches, type PackedBatch } from "../runtime/batch.ts";
import { EncoderLayers } from "../runtime/layers.ts";
import type { EncoderWeights } from "../runtime/load.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { nextTurn } from "../turn.ts";

/** How long the host may hold the thread, in milliseconds, before other events get a turn. */
const TURN_MS = 50;

/** Unlabelled text, and the encoder to run it through. */
export interface CalibrationText {
  /** Where the encoder's weights lie; it stays open and belongs to the caller. */
  readonly backend: Backend;
  /** The base, from `loadEncoder`. */
  readonly weights: EncoderWeights;
  /** One token sequence a text, at least one. */
  readonly encodings: readonly Encoding[];
  /** Stops the work. */
  readonly signal?: AbortSignal | undefined;
  /** Called as the work goes on, with the texts done and in all; a layer is its share of each. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Sequences of one batch among the tokens of all. */
export interface TextChunk {
  /** The sequences as the encoder takes them. */
  readonly batch: PackedBatch;
  /** Tokens of the chunks before. */
  readonly begin: number;
}

/**
 * The text of a session on its way through the layers. States are `f32 [tokens, hidden_size]` in
 * host memory, all tokens end to end, one such array a model: 4 bytes a token and dimension.
 */
export class TextRun implements Disposable {
  /** The text in batches, in the order of the states' rows. */
  readonly chunks: readonly TextChunk[];
  /** Tokens of all texts. */
  readonly tokens: number;
  /** Elements of one token's state. */
  readonly hiddenSize: number;

  readonly #text: CalibrationText;
  readonly #layers: EncoderLayers;
  #done = 0;
  #turn = performance.now();

  /**
   * Packs the text and makes room on the device for one batch.
   *
   * @param text The text; its backend gets the room back when the run is disposed.
   * @throws {TinygraftError} with code `empty-data` when there is no text.
   */
  constructor(text: CalibrationText) {
    if (text.encodings.length === 0) {
      throw new TinygraftError(
        "Cannot run the layers: there is no text, expected at least one row: give a file with text",
        { code: "empty-data" },
      );
    }
    const { maxTokens } = text.backend;
    const chunks: TextChunk[] = [];
    let begin = 0;
    for (const batch of packBatches(text.encodings, { maxTokens, maxSequences: Infinity })) {
      chunks.push({ batch, begin });
      begin += batch.tokens;
    }
    this.chunks = chunks;
    this.tokens = begin;
    this.hiddenSize = text.weights.config.hiddenSize;
    this.#text = text;
    this.#layers = new EncoderLayers(text.backend, text.weights);
  }

  /** How many layers the encoder has. */
  get layers(): number {
    return this.#layers.length;
  }

  /** The row at which each sequence begins, and the end, over all chunks. */
  get starts(): Uint32Array {
    const starts = [0];
    for (const { batch, begin } of this.chunks) {
      for (const end of batch.starts.subarray(1)) starts.push(begin + end);
    }
    return Uint32Array.from(starts);
  }

  /** The rows that a head reads: one a sequence, in the order of the states. */
  get read(): Uint32Array {
    const rows = this.chunks.flatMap(({ batch, begin }) =>
      Array.from(selectedTokens(batch), (token) => begin + token)
    );
    return Uint32Array.from(rows);
  }

  /** Gives the workspace on the device back. */
  [Symbol.dispose](): void {
    this.#layers.free();
  }

  /**
   * Computes what the first layer reads.
   *
   * @returns New states.
   * @throws {InterruptedError} when the signal is aborted.
   */
  async embed(): Promise<Float32Array<ArrayBuffer>> {
    const states = new Float32Array(this.tokens * this.hiddenSize);
    for (const chunk of this.chunks) {
      await this.pause();
      const [values] = await this.#text.backend.read([this.#layers.embed(chunk.batch)]);
      this.rows(states, chunk).set(values!);
    }
    return states;
  }

  /**
   * Runs a layer's attention block.
   *
   * @param layer The layer, from 0.
   * @param states What the layer reads; left unchanged.
   * @param into Gets what the layer's tiny attention reads; may be `states`.
   * @throws {InterruptedError} when the signal is aborted.
   * @throws {TinygraftError} with code `non-finite` when a value is NaN or infinite.
   */
  async attention(layer: number, states: Float32Array, into: Float32Array): Promise<void> {
    const { backend } = this.#text;
    for (const chunk of this.chunks) {
      await this.pause();
      backend.begin(chunk.batch);
      backend.write(this.#layers.hidden, this.rows(states, chunk));
      const attended = this.#layers.attention(layer, this.#layers.hidden);
      const [values] = await backend.read([attended]);
      requireFinite(values!, layer);
      this.rows(into, chunk).set(values!);
    }
  }

  /**
   * Runs a layer's feed-forward block.
   *
   * @param layer The layer, from 0.
   * @param states What the block reads, the update of tiny attention included; becomes what the
   * next layer reads.
   * @throws {InterruptedError} when the signal is aborted.
   * @throws {TinygraftError} with code `non-finite` when a value is NaN or infinite.
   */
  async feedForward(layer: number, states: Float32Array): Promise<void> {
    const { backend } = this.#text;
    for (const chunk of this.chunks) {
      await this.pause();
      backend.begin(chunk.batch);
      backend.write(this.#layers.adapted, this.rows(states, chunk));
      const [values] = await backend.read([
        this.#layers.feedForward(layer, this.#layers.adapted),
      ]);
      requireFinite(values!, layer);
      this.rows(states, chunk).set(values!);
    }
  }

  /**
   * Picks the rows of one chunk.
   *
   * @param states States of all tokens.
   * @param chunk The chunk.
   * @returns A view, f32 [tokens of the chunk, hidden_size].
   */
  rows(states: Float32Array, { batch, begin }: TextChunk): Float32Array {
    return states.subarray(begin * this.hiddenSize, (begin + batch.tokens) * this.hiddenSize);
  }

  /**
   * Lets signals and timers in: long work on the host calls it from time to time.
   *
   * @throws {InterruptedError} when the signal is aborted.
   */
  async pause(): Promise<void> {
    if (performance.now() - this.#turn > TURN_MS) {
      await nextTurn();
      this.#turn = performance.now();
    }
    if (this.#text.signal?.aborted) throw new InterruptedError();
  }

  /**
   * Tells that a chunk has gone through a layer.
   *
   * @param chunk The chunk.
   */
  progress({ batch }: TextChunk): void {
    this.#done += batch.indices.length;
    this.#text.onProgress?.(this.#done / this.layers, this.#text.encodings.length);
  }
}

/** NaN would come out of a fit as weights of NaN: it is reported where it is first seen. */
function requireFinite(values: Float32Array, layer: number): void {
  // x - x is 0 for finite x and NaN else: the sum shows one bad value without a branch each.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  if (sum === 0) return;
  const stray = values.find((value) => !Number.isFinite(value));
  throw new TinygraftError(
    `Cannot run layer ${layer}: a state is ${stray}, expected finite numbers: look for extreme ` +
      "values in the weights",
    { code: "non-finite" },
  );
}
