/**
 * Forward and back through a frozen encoder, for the gradients of its tiny-attention modules.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import { DEFAULT_PLACEMENT, type Placement, PLACEMENTS } from "../adapter/placement.ts";
import type { Value } from "../compute/value.ts";
import type { PackedBatch } from "./batch.ts";
import type { EncoderLayers } from "./layers.ts";
import type { EncoderWeights, LayerWeights } from "./load.ts";
import { type ModuleRun, TrainingBlocks } from "./training_blocks.ts";
import { type ModuleArrays, splitAllGradients, type TrainingModule } from "./training_module.ts";
import { makeSavedLayers, type SavedLayer, TrainingValues } from "./training_values.ts";
import type { TransposedLayer } from "./transposed.ts";

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
  /** Where in their layers the modules stand; after the attention block, unless given. */
  readonly placement?: Placement;
  /** Share of the modules' attention probabilities that passes may drop, in [0, 1); 0 unless given. */
  readonly attentionDropout?: number;
}

/** What one pass over a batch runs. */
export interface PassModules {
  /** One module a layer; the same for all where the base shares its layers. */
  readonly modules: readonly TrainingModule[];
  /** Epsilon of the modules' LayerNorm. */
  readonly eps: number;
  /** For each layer the keys of its attention's dropout, f32 [tokens, 4], as `dropoutKeys` makes them. */
  readonly keys?: readonly Float32Array[] | undefined;
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
 * const own = { modules: [module, module, module], eps: 1e-5 };
 * const hidden = pass.forward(0, own);
 * await backend.read([hidden]);
 * pass.backward(0, own, floats(hiddenSize));
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
  readonly #blocks: TrainingBlocks;
  readonly #passes: readonly (readonly SavedLayer[])[];
  readonly #placement: Placement;
  readonly #attentionDropout: number;
  /** What the first layer reads in every pass, and what its attention block gives. */
  #first: { readonly embedded: Value; readonly attended: Value } | undefined;

  /**
   * Makes room for the activations of all passes.
   *
   * @param options The base on its backend, the modules' widths and the number of passes.
   */
  constructor(options: TrainingPassOptions) {
    const { backend, weights, widths, placement = DEFAULT_PLACEMENT } = options;
    this.#backend = backend;
    this.#weights = weights;
    this.#transposed = options.transposed;
    this.#layers = options.layers;
    this.#placement = placement;
    this.#attentionDropout = options.attentionDropout ?? 0;
    this.#values = new TrainingValues(backend);
    this.#blocks = new TrainingBlocks(backend, weights, this.#values);
    const kept = { widths, placement, drops: this.#attentionDropout > 0 };
    this.#passes = Array.from(
      { length: options.passes },
      () => makeSavedLayers(this.#values, weights.config, kept),
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
    return this.#blocks.scratch("gradient 0", "sequences", this.#weights.config.hiddenSize);
  }

  /**
   * Begins a batch: records what all passes share, up to the first layer's attention block.
   *
   * @param batch The packed sequences.
   * @throws {TinygraftError} with code `sequence-too-long`, or `invalid-tokenizer` for an id
   * outside the word table.
   */
  begin(batch: PackedBatch): void {
    const embedded = this.#layers.embed(batch);
    this.#first = { embedded, attended: this.#layers.attention(0, embedded) };
  }

  /**
   * Records one pass forward.
   *
   * @param pass Which pass, from 0: whose activations are overwritten.
   * @param own The modules that it runs.
   * @returns The selected hidden states, `[sequences, hidden_size]`, to read before the next batch.
   */
  forward(pass: number, own: PassModules): Value {
    const saved = this.#passes[pass]!;
    for (const [layer, kept] of saved.entries()) {
      const weights = this.#weights.layers[layer]!;
      const { keys } = kept.module;
      if (kept.attention !== undefined) {
        this.#blocks.attention(weights, this.#inputOf(saved, layer), kept.attention);
      }
      if (keys !== undefined) this.#backend.write(keys, keysOf(own, layer));
      const update = this.#blocks.update(this.#moduleRun(saved, layer, own), "gradient 0");
      this.#feedForward(weights, update, kept);
    }
    return saved.at(-1)!.feedForward.output;
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
   * @param own What it was recorded with.
   * @param gradient The loss's gradient with respect to the selected hidden states, f32
   * [sequences, hidden_size], row-major, copied; undefined where it was recorded into
   * `selectedGradient`.
   * @param inner The loss's own gradient with respect to the output of each layer but the last, f32
   * [tokens, hidden_size] each, row-major; copied. None where the loss reads only what is selected.
   */
  backward(
    pass: number,
    own: PassModules,
    gradient: Float32Array | undefined,
    inner: readonly Float32Array[] = [],
  ): void {
    const saved = this.#passes[pass]!;
    let upper = this.selectedGradient;
    if (gradient !== undefined) this.#backend.write(upper, gradient);
    for (let layer = saved.length - 1; layer >= 0; layer--) {
      const lower = this.#layerBack(saved, layer, own, upper);
      if (lower === undefined) return;
      const asked = inner[layer - 1];
      upper = asked === undefined ? lower : this.#withOwn(lower, asked);
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
    this.#blocks.free();
  }

  /** Records a layer's feed-forward block, and adds the module's update where it belongs. */
  #feedForward(weights: LayerWeights, update: Value, kept: SavedLayer): void {
    const { feedForward, module: { adapted } } = kept;
    const attended = this.#attendedOf(kept);
    const joined = adapted === undefined ? attended : this.#blocks.add(attended, update, adapted);
    const { selected, output } = feedForward;
    if (selected !== undefined) this.#select(joined, selected);
    const read = selected ?? joined;
    if (adapted !== undefined) return this.#blocks.feedForward(weights, read, feedForward, output);
    const { rowsFollow, cols } = output;
    const inner = this.#blocks.scratch("gradient 1", rowsFollow, cols);
    this.#blocks.feedForward(weights, read, feedForward, inner);
    const late = selected === undefined
      ? update
      : this.#select(update, this.#blocks.scratch("gradient 0", rowsFollow, cols));
    this.#blocks.add(inner, late, output);
  }

  /** From the gradient of a layer's output to that of its input; nothing for the first layer. */
  #layerBack(
    saved: readonly SavedLayer[],
    layer: number,
    own: PassModules,
    upper: Value,
  ): Value | undefined {
    const blocks = this.#blocks;
    const kept = saved[layer]!;
    const weights = this.#weights.layers[layer]!;
    const { attention, feedForward } = this.#transposed[layer]!;
    const { reads, joins } = PLACEMENTS[this.#placement];
    const run = this.#moduleRun(saved, layer, own);
    const side = blocks.scratch("gradient by way of the module", "tokens", run.input.cols);
    const throughModule = (gradient: Value) => {
      const normed = blocks.moduleGradients(run, gradient, kept.gradients);
      if (layer > 0) blocks.moduleBack(run, normed, side);
    };
    const withSide = (gradient: Value) => blocks.add(side, gradient, blocks.others(gradient)[0]);
    if (joins === "output") {
      throughModule(this.#scatter(upper));
      if (layer === 0) return undefined;
    }
    const read = this.#feedForwardInput(kept);
    let lower = this.#scatter(
      blocks.feedForwardBack(weights, feedForward, upper, read, kept.feedForward),
    );
    if (joins === "attended") throughModule(lower);
    if (layer === 0) return undefined;
    if (reads === "attended") lower = withSide(lower);
    const input = this.#inputOf(saved, layer);
    lower = blocks.attentionBack(weights, attention!, lower, input, kept.attention!);
    return reads === "attended" ? lower : withSide(lower);
  }

  /** A layer's module as this batch runs it. */
  #moduleRun(saved: readonly SavedLayer[], layer: number, own: PassModules): ModuleRun {
    const kept = saved[layer]!;
    const { reads } = PLACEMENTS[this.#placement];
    const { keys } = kept.module;
    return {
      module: own.modules[layer % own.modules.length]!,
      eps: own.eps,
      input: reads === "attended" ? this.#attendedOf(kept) : this.#inputOf(saved, layer),
      saved: kept.module,
      dropout: keys === undefined ? {} : { keys, dropout: this.#attentionDropout },
    };
  }

  /** What a layer reads. */
  #inputOf(saved: readonly SavedLayer[], layer: number): Value {
    return saved[layer - 1]?.feedForward.output ?? this.#begun().embedded;
  }

  /** The first layer's attention block is the same in every pass, so that they share its output. */
  #attendedOf({ attention }: SavedLayer): Value {
    return attention?.attended ?? this.#begun().attended;
  }

  #feedForwardInput(kept: SavedLayer): Value {
    return kept.feedForward.selected ?? kept.module.adapted ?? this.#attendedOf(kept);
  }

  #begun(): { readonly embedded: Value; readonly attended: Value } {
    if (this.#first !== undefined) return this.#first;
    throw new TypeError("Cannot run a training pass: no batch was begun: call begin() first");
  }

  /** Adds what the loss itself asks of a layer's output to what comes from the layers above. */
  #withOwn(upper: Value, own: Float32Array): Value {
    const residual = this.#blocks.scratch("own gradient", upper.rowsFollow, upper.cols);
    this.#backend.write(residual, own);
    return this.#blocks.add(upper, residual, this.#blocks.others(upper)[0]);
  }

  #select(x: Value, y: Value): Value {
    this.#backend.run({ op: "select", x, y });
    return y;
  }

  /** A gradient of the selected tokens as one of all tokens. */
  #scatter(x: Value): Value {
    if (x.rowsFollow === "tokens") return x;
    const y = this.#blocks.scratch("gradient 0", "tokens", x.cols);
    this.#backend.run({ op: "scatter", x, y });
    return y;
  }
}

function keysOf({ keys }: PassModules, layer: number): Float32Array {
  const own = keys?.[layer];
  if (own !== undefined) return own;
  throw new TypeError(
    `Cannot run a training pass: layer ${layer} has no keys for its attention's dropout, expected ` +
      "those of each layer: make them with dropoutKeys()",
  );
}
