/**
 * Merged modules as tensors: one rounding to the dtype they are stored in.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import { adapterTensors } from "../adapter/tensors.ts";
import type { TensorStep } from "../checkpoint/plan.ts";
import { TinygraftError } from "../errors.ts";
import { decodeFloats64, encodeFloats } from "../tensor/decode.ts";
import type { FloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import {
  type LayerArray,
  type LayerModule,
  layerTensors,
  requireFinite,
  tensorEntry,
} from "./layer.ts";

/** One tensor's merged values, as they will be in the file. */
export interface StoredTensor {
  /** Its elements' type. */
  readonly dtype: FloatDtype;
  /** Its little-endian elements. */
  readonly bytes: Uint8Array;
}

/** Collects merged tensors by name, rounding each value once. */
export class TensorStore {
  readonly #tensors = new Map<string, StoredTensor>();
  readonly #path: string;
  readonly #dtypeOf: (name: string) => FloatDtype;

  /**
   * Creates an empty store.
   *
   * @param path What is merged, for messages.
   * @param dtypeOf The dtype that a tensor is stored in.
   */
  constructor(path: string, dtypeOf: (name: string) => FloatDtype) {
    this.#path = path;
    this.#dtypeOf = dtypeOf;
  }

  /**
   * Stores one tensor.
   *
   * @param name Its name, relative to the encoder.
   * @param values Its values; not kept.
   * @returns The values as a reader will see them, rounded; a new array.
   * @throws {TinygraftError} with code `non-finite` when a value is not finite, or leaves the range
   * of the dtype.
   */
  put(name: string, values: Float64Array): Float64Array {
    const dtype = this.#dtypeOf(name);
    const bytes = encodeFloats(values, dtype);
    const stored = decodeFloats64(bytes, dtype);
    requireFinite(values, name, this.#path);
    // Folding multiplies weights: in F16 the product of two that fit may not fit.
    const stray = stored.findIndex((value) => !Number.isFinite(value));
    if (stray >= 0) {
      throw new TinygraftError(
        `Cannot merge ${quote(this.#path)}: element ${stray} of the merged tensor ` +
          `${quote(name)} is ${values[stray]}, expected a number in the range of ${dtype}: ` +
          "convert the adapter to F32",
        { code: "non-finite", path: this.#path, tensor: name },
      );
    }
    this.#tensors.set(name, { dtype, bytes });
    return stored;
  }

  /**
   * Stores the tensors of one layer.
   *
   * @param config The merged adapter's config.
   * @param layer The layer, from 0.
   * @param module The merged module; left unchanged.
   * @returns The module as a reader will see it.
   * @throws {TinygraftError} as {@linkcode TensorStore.put}.
   */
  putLayer(config: AdapterConfig, layer: number, module: LayerModule): LayerModule {
    const stored: Partial<Record<LayerArray, Float64Array>> = {};
    for (const { name, array } of layerTensors(config, layer)) {
      stored[array] = this.put(name, module[array]);
    }
    return { ...module, ...stored };
  }

  /**
   * Lists the steps that write an adapter: stored tensors, and copies of the rest.
   *
   * @param config The merged adapter's config.
   * @param rest Where tensors that were not stored are copied from; it must stay open.
   * @param origin What plans say of stored tensors.
   * @returns One step a tensor, in the order of the adapter's table.
   */
  steps(config: AdapterConfig, rest: Adapter, origin: string): TensorStep[] {
    return adapterTensors(config, rest.numLabels).map(({ name, shape }) => {
      const stored = this.#tensors.get(name);
      if (stored === undefined) {
        const from = tensorEntry(rest, name);
        return { kind: "copy", name, shape, dtype: from.dtype, from };
      }
      const data = () => Promise.resolve(stored.bytes);
      return { kind: "data", name, shape, dtype: stored.dtype, data, origin };
    });
  }
}
