/**
 * Transposed weights: what takes gradients back through an encoder's frozen linear layers.
 *
 * @module
 */

import type { Checkpoint } from "../checkpoint/open.ts";
import type { Backend } from "../compute/backend.ts";
import type { Weight } from "../compute/value.ts";
import { fillLayer } from "../model/architecture.ts";
import type { ResolvedModel } from "../model/resolve.ts";
import { readFinite, type WeightAndBias } from "./load.ts";

/** The transposed linear layers of a layer's attention block. */
export interface TransposedAttention {
  /** Of query, key and value, fused: `[hidden_size, 3·hidden_size]`. */
  readonly qkv: Weight;
  /** Of the output projection: `[hidden_size, hidden_size]`. */
  readonly output: Weight;
}

/** The transposed linear layers of a layer's feed-forward block. */
export interface TransposedFeedForward {
  /** Of the first: `[hidden_size, intermediate_size]`. */
  readonly intermediate: Weight;
  /** Of the second: `[intermediate_size, hidden_size]`. */
  readonly output: Weight;
}

/** One layer's transposed weights on a backend. */
export interface TransposedLayer {
  /**
   * The attention block; undefined for a first layer of its own, below which nothing is trained.
   */
  readonly attention: TransposedAttention | undefined;
  /** The feed-forward block. */
  readonly feedForward: TransposedFeedForward;
}

/**
 * Loads the linear layers of an encoder once more, transposed: `dX = dY · W` is a linear layer with
 * `Wᵀ`. They take as much room as the layers that `loadEncoder` puts there, but for the first one's
 * attention.
 *
 * @param checkpoint The open base, of which `loadEncoder` has loaded the rest; stays open.
 * @param model What its tensors are, from `resolveModel`.
 * @param backend Where the weights go; it owns them.
 * @returns One entry a layer; the same for all where the architecture shares them.
 * @throws {TinygraftError} with code `non-finite` for a tensor that holds NaN or infinity.
 */
export async function loadTransposed(
  checkpoint: Checkpoint,
  model: ResolvedModel,
  backend: Backend,
): Promise<TransposedLayer[]> {
  const { architecture, config } = model;
  const { layerPaths: paths } = architecture;
  const { hiddenSize, intermediateSize } = config;
  const load = async (layer: number, parts: readonly string[], cols = hiddenSize) => {
    const at = parts.map((path) => fillLayer(path, layer));
    const matrices: Float32Array[] = [];
    for (const path of at) {
      const name = model.names.get(`${path}.weight`) ?? `${path}.weight`;
      matrices.push(await readFinite(checkpoint.tensors.get(name)!)); // loaded once: it is there
    }
    return placeTransposed(backend, `${at.join(" and ")} transposed`, matrices, cols);
  };
  const shared = config.numOwnLayers < config.numHiddenLayers;
  const own: TransposedLayer[] = [];
  for (let layer = 0; layer < config.numOwnLayers; layer++) {
    own.push({
      attention: layer === 0 && !shared ? undefined : {
        qkv: await load(layer, [paths.query, paths.key, paths.value]),
        output: await load(layer, [paths.attentionOutput]),
      },
      feedForward: {
        intermediate: await load(layer, [paths.intermediate]),
        output: await load(layer, [paths.output], intermediateSize),
      },
    });
  }
  return Array.from({ length: config.numHiddenLayers }, (_, layer) => own[layer % own.length]!);
}

/**
 * Puts the transpose of matrices that stand one below the other onto a backend.
 *
 * @param backend Where it goes; it owns the weight.
 * @param label What it is, for messages.
 * @param parts f32 [rows, cols] each, row-major, of as many elements; copied.
 * @param cols Their columns, in elements.
 * @returns The weight, `[cols, rows of all parts]`.
 */
export function placeTransposed(
  backend: Backend,
  label: string,
  parts: readonly Float32Array[],
  cols: number,
): Weight {
  const rows = parts[0]!.length / cols;
  const stride = rows * parts.length;
  const transposed = new Float32Array(cols * stride);
  for (const [index, part] of parts.entries()) {
    for (let row = 0; row < rows; row++) {
      const target = index * rows + row;
      for (let col = 0; col < cols; col++) {
        transposed[col * stride + target] = part[row * cols + col]!;
      }
    }
  }
  return backend.weight(label, transposed, cols, stride);
}

/** Makes linear layers of transposed weights: gradients have no bias, and zeros stand for it. */
export class ZeroBiases {
  readonly #backend: Backend;
  readonly #zeros = new Map<number, Weight>();

  /**
   * Starts without a bias.
   *
   * @param backend Where they go.
   */
  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /**
   * Joins a weight with zeros, which weights of as many rows share.
   *
   * @param weight The transposed weight.
   * @returns A linear layer without a bias.
   */
  join(weight: Weight): WeightAndBias {
    const { rows } = weight;
    let bias = this.#zeros.get(rows);
    if (bias === undefined) {
      bias = this.#backend.weight(`${rows} zeros`, new Float32Array(rows), 1, rows);
      this.#zeros.set(rows, bias);
    }
    return { weight, bias };
  }

  /** Gives the zeros back to the backend. */
  free(): void {
    for (const weight of this.#zeros.values()) this.#backend.free(weight);
    this.#zeros.clear();
  }
}
