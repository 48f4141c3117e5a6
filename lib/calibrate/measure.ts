/**
 * What a merge does to each layer on text.
 *
 * @module
 */

import { DEFAULT_PLACEMENT, type Placement } from "../adapter/placement.ts";
import { foldLayer } from "../merge/fold.ts";
import type { LayerModule } from "../merge/layer.ts";
import { attendHeads, standardise, updateOf } from "./heads_on_text.ts";
import { PlacedStates } from "./placed_states.ts";
import { SimilarityMeter } from "./similarity.ts";
import { type CalibrationText, type TextChunk, TextRun } from "./text_run.ts";

/** What a merge did to one layer, measured on text. */
export interface MeasuredLayer {
  /** The layer, from 0. */
  readonly layer: number;
  /**
   * `|h_merged - h_stacked| / |h_stacked|` in the Frobenius norm over all tokens, both at what the
   * layer reads in the model before the merge; `h` is the update less the folded output bias of the
   * module before. 0 is unchanged, 1 is as bad as no heads.
   */
  readonly relativeError: number;
  /** The same with the merged module at what it reads in the merged model. */
  readonly relativeErrorOwnInputs: number;
  /** Cosines between the outputs of the heads before the merge, over all tokens, M x M. */
  readonly outputSimilarity: readonly (readonly number[])[];
  /** 1 less the mean total variation between their rows of attention, M x M. */
  readonly attentionSimilarity: readonly (readonly number[])[];
}

/**
 * Runs text through a model before and after a merge, side by side, and compares the modules layer
 * by layer. The base runs once for each model; the modules run on the host in f64, at states of
 * f32. Memory: 8 bytes a token and hidden dimension, 0.8 GiB for 800 texts of 128 tokens of
 * dimension 1024.
 *
 * @param text The text and the encoder.
 * @param before One module a layer; left unchanged.
 * @param after The merged modules, as they will be stored; left unchanged.
 * @param placement Where in their layers the modules stand; after the attention block, unless given.
 * @returns One measurement a layer.
 * @throws {InterruptedError} when the signal is aborted.
 * @throws {TinygraftError} with code `empty-data` when there is no text, and `non-finite` when a
 * state is NaN or infinite.
 * @throws {RangeError} when there is not one module a layer.
 *
 * @example What the plain average of the heads does to the sentence of a session
 * ```ts
 * import { measureMerge, mergeLayer, openSession, readLayer } from "tinygraft";
 * import { assert } from "@std/assert";
 *
 * using session = await openSession({
 *   base: "fixtures/mini/encoder",
 *   adapters: ["fixtures/mini/adapter"],
 *   device: "reference",
 * });
 * const { backend, tokenizer, weights } = session;
 * const encodings = [tokenizer.encode("where is my parcel", undefined, 32)];
 * const before = [];
 * for (let layer = 0; layer < weights.layers.length; layer++) {
 *   before.push(await readLayer(session.adapters[0]!, layer));
 * }
 * const after = before.map((module) => mergeLayer(module, { method: "average" }).module);
 * const layers = await measureMerge({ backend, weights, encodings }, before, after);
 * assert(layers.every(({ relativeError }) => relativeError > 0));
 * ```
 */
export async function measureMerge(
  text: CalibrationText,
  before: readonly LayerModule[],
  after: readonly LayerModule[],
  placement: Placement = DEFAULT_PLACEMENT,
): Promise<MeasuredLayer[]> {
  using run = new TextRun(text);
  requireLayers(run, before, after);
  const embedded = await run.embed();
  const merged = new PlacedStates(run, placement, embedded.slice());
  const stacked = new PlacedStates(run, placement, embedded);
  const measured: MeasuredLayer[] = [];
  for (let layer = 0; layer < run.layers; layer++) {
    await stacked.attend(layer);
    // What the first layer's module reads depends on no module.
    if (layer === 0) merged.set(stacked);
    else await merged.attend(layer);
    const meter = new LayerMeter(before[layer]!, after[layer]!);
    for (const chunk of run.chunks) {
      await run.pause();
      const rows = [stacked, merged].map(({ inputs }) => run.rows(inputs, chunk));
      const { wanted, own } = meter.add(chunk, rows[0]!, rows[1]!);
      stacked.add(chunk, wanted);
      merged.add(chunk, own);
      run.progress(chunk);
    }
    measured.push({ layer, ...meter.result() });
    if (layer + 1 === run.layers) break;
    await stacked.finish(layer);
    await merged.finish(layer);
  }
  return measured;
}

/** Compares two modules chunk by chunk. */
class LayerMeter {
  readonly #before: LayerModule;
  readonly #after: LayerModule;
  readonly #similarity: SimilarityMeter;
  #error = 0;
  #ownError = 0;
  #length = 0;

  constructor(before: LayerModule, after: LayerModule) {
    this.#before = foldLayer(before);
    // Folding rounds, which is no error of a merge that left the module as it is.
    this.#after = after === before ? this.#before : foldLayer(after);
    this.#similarity = new SimilarityMeter(this.#before);
  }

  /** Takes what both modules read; gives what each adds. */
  add(
    { batch }: TextChunk,
    stacked: Float32Array,
    merged: Float32Array,
  ): { wanted: Float64Array; own: Float64Array } {
    const [before, after] = [this.#before, this.#after];
    const { hiddenSize, layerNormEps } = before;
    const { starts } = batch;
    const bias = new Float64Array(hiddenSize);
    const normed = standardise(stacked, hiddenSize, layerNormEps);
    const heads = attendHeads(before, normed, starts, (begin, end, maps) => {
      this.#similarity.addMaps(maps, end - begin);
    });
    this.#similarity.addOutputs(heads);
    const wanted = updateOf(before, heads, bias);
    const gap = after.outputBias.map((value, i) => value - before.outputBias[i]!);
    const given = (inputs: Float64Array) =>
      updateOf(after, attendHeads(after, inputs, starts), gap);
    const found = after === before ? wanted : given(sameEps(after, before, stacked, normed));
    const own = given(standardise(merged, hiddenSize, after.layerNormEps));
    for (let i = 0; i < wanted.length; i++) {
      this.#error += (found[i]! - wanted[i]!) ** 2;
      this.#ownError += (own[i]! - wanted[i]!) ** 2;
      this.#length += wanted[i]! ** 2;
      const constant = before.outputBias[i % hiddenSize]!;
      wanted[i]! += constant;
      own[i]! += constant;
    }
    return { wanted, own };
  }

  result(): Omit<MeasuredLayer, "layer"> {
    const { output, attention } = this.#similarity.similarity();
    return {
      relativeError: relative(this.#error, this.#length),
      relativeErrorOwnInputs: relative(this.#ownError, this.#length),
      outputSimilarity: output,
      attentionSimilarity: attention,
    };
  }
}

/** What the module after reads, where the module before reads `normed`. */
function sameEps(
  after: LayerModule,
  before: LayerModule,
  states: Float32Array,
  normed: Float64Array,
): Float64Array {
  if (after.layerNormEps === before.layerNormEps) return normed;
  return standardise(states, after.hiddenSize, after.layerNormEps);
}

function relative(error: number, length: number): number {
  return error === 0 ? 0 : Math.sqrt(error / length);
}

/**
 * Refuses modules that are not one for each layer.
 *
 * @param run The text and its encoder.
 * @param modules Lists of modules.
 * @throws {RangeError} when a list has another length than the encoder has layers.
 */
export function requireLayers(run: TextRun, ...modules: readonly (readonly LayerModule[])[]): void {
  const stray = modules.find(({ length }) => length !== run.layers);
  if (stray === undefined) return;
  throw new RangeError(
    `Cannot run the layers: found ${stray.length} modules, expected one for each of the ` +
      `${run.layers} layers: read every layer of the adapter`,
  );
}
