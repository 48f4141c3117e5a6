/**
 * The states of a text's tokens in one model, brought layer by layer to where its modules stand.
 *
 * @module
 */

import { type Placement, PLACEMENTS } from "../adapter/placement.ts";
import { addUpdate } from "./heads_on_text.ts";
import type { TextChunk, TextRun } from "./text_run.ts";

/**
 * One model's states. For each layer: `attend`, then read `inputs` and `add` what the layer's module
 * gives there, then `finish`.
 */
export class PlacedStates {
  /** What the layer's module reads, f32 [tokens, D]. */
  readonly inputs: Float32Array;
  /** What its update is added to, f32 [tokens, D]; the same array where the module reads it, too. */
  readonly states: Float32Array;

  readonly #run: TextRun;
  readonly #place: (typeof PLACEMENTS)[Placement];

  /**
   * Starts before the first layer.
   *
   * @param run The text and the encoder.
   * @param placement Where the modules stand.
   * @param embedded What the first layer reads, f32 [tokens, D]; taken over.
   */
  constructor(run: TextRun, placement: Placement, embedded: Float32Array) {
    this.#run = run;
    this.#place = PLACEMENTS[placement];
    this.states = embedded;
    const { reads, joins } = this.#place;
    const isOne = reads === "attended" && joins === "attended";
    this.inputs = isOne ? embedded : new Float32Array(embedded.length);
  }

  /**
   * Runs the blocks of a layer that come before its module's update is added.
   *
   * @param layer The layer, from 0.
   * @throws {InterruptedError} when the signal is aborted.
   * @throws {TinygraftError} with code `non-finite` when a value is NaN or infinite.
   */
  async attend(layer: number): Promise<void> {
    const { reads, joins } = this.#place;
    if (reads === "input") this.inputs.set(this.states);
    await this.#run.attention(layer, this.states, this.states);
    if (joins === "attended") return;
    if (reads === "attended") this.inputs.set(this.states);
    await this.#run.feedForward(layer, this.states);
  }

  /**
   * Takes over where another model stands, which saves running what both have in common.
   *
   * @param other States of the same text and placement.
   */
  set(other: PlacedStates): void {
    this.states.set(other.states);
    this.inputs.set(other.inputs);
  }

  /**
   * Adds what the layer's module gives.
   *
   * @param chunk Which tokens.
   * @param update f64 [tokens of the chunk, D]; left unchanged.
   */
  add(chunk: TextChunk, update: Float64Array): void {
    addUpdate(this.#run.rows(this.states, chunk), update);
  }

  /**
   * Runs what is left of a layer: afterwards the states are what the next one reads.
   *
   * @param layer The layer, from 0.
   * @throws {InterruptedError} when the signal is aborted.
   * @throws {TinygraftError} with code `non-finite` when a value is NaN or infinite.
   */
  async finish(layer: number): Promise<void> {
    if (this.#place.joins === "attended") await this.#run.feedForward(layer, this.states);
  }
}
