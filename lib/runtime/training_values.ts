/**
 * What a training pass keeps: the activations that its way back reads, and room for gradients.
 *
 * @module
 */

import { type Placement, PLACEMENTS } from "../adapter/placement.ts";
import type { Backend } from "../compute/backend.ts";
import { KEY_BYTES } from "../compute/ops/attention/dropout.ts";
import type { RowsFollow, Value } from "../compute/value.ts";
import type { EncoderConfig } from "../model/config.ts";

/** Kept of a layer's attention block; `H` hidden_size. */
export interface SavedAttention {
  /** Queries, keys and values, `[tokens, 3H]`. */
  readonly qkv: Value;
  /** Output of the projection, before the residual, `[tokens, H]`. */
  readonly projected: Value;
  /** Output of the block, `[tokens, H]`. */
  readonly attended: Value;
}

/** Kept of a layer's module; `E` columns of all its heads. */
export interface SavedModule {
  /** Input after the module's LayerNorm, `[tokens, H]`. */
  readonly normed: Value;
  /** Queries, keys and values, `[tokens, 3E]`. */
  readonly qkv: Value;
  /** The heads' outputs, `[tokens, E]`. */
  readonly heads: Value;
  /** Attention block's output plus update, `[tokens, H]`; undefined where it is added elsewhere. */
  readonly adapted: Value | undefined;
  /** Keys of the dropout of its attention, `[tokens, 4]`; undefined where nothing is dropped. */
  readonly keys: Value | undefined;
}

/** Kept of a layer's feed-forward block; rows are tokens, or sequences in the last layer. */
export interface SavedFeedForward {
  /** The selected rows that it reads, `[sequences, H]`; undefined where it reads all there are. */
  readonly selected: Value | undefined;
  /** The activation's slope at what goes into it, `[rows, F]`, with `F` intermediate_size. */
  readonly slope: Value;
  /** Output of the second linear layer, before the residual, `[rows, H]`. */
  readonly projected: Value;
  /** Output of the layer, `[rows, H]`. */
  readonly output: Value;
}

/** Sums over the batch of the gradients of a module, one row each. */
export interface GradientValues {
  /** Of the LayerNorm: gain, then bias, `2H`. */
  readonly norm: Value;
  /** Of query, key and value: weight, then bias, `3E·H + 3E`. */
  readonly qkv: Value;
  /** Of the output projection: weight, then bias, `H·E + H`. */
  readonly output: Value;
}

/** Kept of one layer of one pass. */
export interface SavedLayer {
  /** The attention block; undefined in the first layer, below which nothing is trained. */
  readonly attention: SavedAttention | undefined;
  /** The module. */
  readonly module: SavedModule;
  /** The feed-forward block. */
  readonly feedForward: SavedFeedForward;
  /** The module's gradients. */
  readonly gradients: GradientValues;
}

/**
 * Estimates what a training pass takes for each token of a batch.
 *
 * @param config The base's sizes.
 * @param passes Passes whose activations are kept at once.
 * @returns Bytes, without the modules' own columns, which are few.
 */
export function trainingBytesPerToken(
  { hiddenSize, intermediateSize, numHiddenLayers }: EncoderConfig,
  passes: number,
): number {
  const kept = passes * numHiddenLayers * (9 * hiddenSize + intermediateSize);
  return 4 * (kept + 9 * hiddenSize + 4 * intermediateSize); // and the gradients on the way back
}

/** Makes values on a backend, counts their columns, and frees them all. */
export class TrainingValues {
  readonly #backend: Backend;
  readonly #shared = new Map<string, Value>();
  readonly #own: Value[] = [];

  /**
   * Starts without a value.
   *
   * @param backend Where the values go.
   */
  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Bytes of a batch's token in all values, at four an element. */
  get bytesPerToken(): number {
    const rows = [...this.#own, ...this.#shared.values()].filter((v) => v.rowsFollow !== "batch");
    return rows.reduce((sum, { cols }) => sum + 4 * cols, 0);
  }

  /**
   * Makes a value of its own.
   *
   * @param label What it will hold, for messages.
   * @param rowsFollow What its rows follow.
   * @param cols Columns, in elements.
   * @returns The value.
   */
  make(label: string, rowsFollow: RowsFollow, cols: number): Value {
    const value = this.#backend.value(label, rowsFollow, cols);
    this.#own.push(value);
    return value;
  }

  /**
   * Gives a value that everything of this name, rows and columns shares.
   *
   * @param name Which.
   * @param rowsFollow What its rows follow.
   * @param cols Columns, in elements.
   * @returns The value, made when it is first asked for.
   */
  share(name: string, rowsFollow: RowsFollow, cols: number): Value {
    const key = `${name} of ${cols} columns, a row for ${rowsFollow}`;
    const value = this.#shared.get(key) ?? this.#backend.value(key, rowsFollow, cols);
    this.#shared.set(key, value);
    return value;
  }

  /** Gives all values back to the backend. */
  free(): void {
    for (const value of [...this.#own, ...this.#shared.values()]) this.#backend.free(value);
  }
}

/**
 * Makes what one pass keeps of each layer.
 *
 * @param values Where the values come from.
 * @param config The base's sizes.
 * @param options Columns of all heads of each layer's module, E; where the modules stand; and whether
 * their attention drops probabilities.
 * @returns One entry a layer.
 */
export function makeSavedLayers(
  values: TrainingValues,
  config: EncoderConfig,
  { widths, placement, drops }: {
    readonly widths: readonly number[];
    readonly placement: Placement;
    readonly drops: boolean;
  },
): SavedLayer[] {
  const { hiddenSize: hidden, intermediateSize } = config;
  return widths.map((width, layer) => {
    const tokens = (what: string, cols: number) =>
      values.make(`${what} of layer ${layer}`, "tokens", cols);
    const sum = (what: string, cols: number) =>
      values.make(`gradient of ${what} of layer ${layer}`, "batch", cols);
    const isLast = layer === widths.length - 1;
    const joins = PLACEMENTS[placement].joins === "attended";
    const row = (what: string, cols: number) =>
      values.make(`${what} of layer ${layer}`, isLast ? "sequences" : "tokens", cols);
    return {
      attention: layer === 0 ? undefined : {
        qkv: tokens("qkv", 3 * hidden),
        projected: tokens("projected attention", hidden),
        attended: tokens("attended", hidden),
      },
      module: {
        normed: tokens("normed", hidden),
        qkv: tokens("module qkv", 3 * width),
        heads: tokens("module heads", width),
        adapted: joins ? tokens("adapted", hidden) : undefined,
        keys: drops ? tokens("dropout keys", KEY_BYTES) : undefined,
      },
      feedForward: {
        selected: isLast ? row("selected", hidden) : undefined,
        slope: row("slope", intermediateSize),
        projected: row("projected feed-forward", hidden),
        output: row("output", hidden),
      },
      gradients: {
        norm: sum("norm", 2 * hidden),
        qkv: sum("qkv", 3 * width * hidden + 3 * width),
        output: sum("output", hidden * width + hidden),
      },
    };
  });
}
