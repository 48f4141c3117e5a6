/**
 * One layer's tiny-attention module in f64: what merging computes on.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import { adapterTensors, type AdapterTensorSpec } from "../adapter/tensors.ts";
import { readTensor, type TensorEntry } from "../checkpoint/open.ts";
import { TinygraftError } from "../errors.ts";
import { decodeFloats64 } from "../tensor/decode.ts";
import { type FloatDtype, isFloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";

/**
 * A module of `D` hidden dimensions and `E = numHeads * headDim` attention dimensions. Matrices
 * are row-major; head `m` owns rows `m * headDim` to `(m + 1) * headDim - 1` of query, key and
 * value, and the same columns of output.
 */
export interface LayerModule {
  /** `D`, in elements. */
  readonly hiddenSize: number;
  /** How many heads work side by side. */
  readonly numHeads: number;
  /** Dimensions of one head, in elements. */
  readonly headDim: number;
  /** Whether head outputs are added up or averaged. */
  readonly combine: "sum" | "mean";
  /** What the LayerNorm adds to the variance. */
  readonly layerNormEps: number;
  /** f64 [D]. */
  readonly normWeight: Float64Array;
  /** f64 [D]. */
  readonly normBias: Float64Array;
  /** f64 [E, D]. */
  readonly queryWeight: Float64Array;
  /** f64 [E]. */
  readonly queryBias: Float64Array;
  /** f64 [E, D]. */
  readonly keyWeight: Float64Array;
  /** f64 [E]. */
  readonly keyBias: Float64Array;
  /** f64 [E, D]. */
  readonly valueWeight: Float64Array;
  /** f64 [E]. */
  readonly valueBias: Float64Array;
  /** f64 [D, E]. */
  readonly outputWeight: Float64Array;
  /** f64 [D]. */
  readonly outputBias: Float64Array;
}

/** The tensor of a module that each array comes from, named as in `MODULE_TENSORS`. */
export const ARRAY_TENSORS = {
  normWeight: "norm.weight",
  normBias: "norm.bias",
  queryWeight: "query.weight",
  queryBias: "query.bias",
  keyWeight: "key.weight",
  keyBias: "key.bias",
  valueWeight: "value.weight",
  valueBias: "value.bias",
  outputWeight: "output.weight",
  outputBias: "output.bias",
} as const satisfies Partial<Record<keyof LayerModule, string>>;

/** The name of one of a module's arrays. */
export type LayerArray = keyof typeof ARRAY_TENSORS;

/** The names of all of a module's arrays. */
export const LAYER_ARRAYS = Object.keys(ARRAY_TENSORS) as readonly LayerArray[];

/** A tensor of a module, and the array that holds it. */
export interface LayerTensor extends AdapterTensorSpec {
  /** Which of the module's arrays. */
  readonly array: LayerArray;
}

/**
 * Lists the tensors of one layer's module.
 *
 * @param config The adapter's config.
 * @param layer The layer, from 0.
 * @returns One entry a tensor, in the order of the adapter's table.
 */
export function layerTensors(config: AdapterConfig, layer: number): LayerTensor[] {
  // The classifier's rows do not matter here: its tensors belong to no layer.
  return adapterTensors(config, 1).filter((spec) => spec.layer === layer).map((spec) => {
    const array = LAYER_ARRAYS.find((name) => ARRAY_TENSORS[name] === spec.template.name);
    if (array) return { ...spec, array };
    throw new TypeError(`Cannot merge tensor "${spec.name}": merging has no rule for it`);
  });
}

/**
 * Reads the module of one layer, decoded to f64.
 *
 * @param adapter An opened adapter; stays open and belongs to the caller.
 * @param layer The layer, from 0.
 * @param read How a tensor is read to a new array; what it throws is passed on.
 * @returns The module, its arrays new.
 * @throws {TinygraftError} with code `non-finite` when a tensor holds NaN or infinity, and
 * `missing-tensor` or `unsupported-dtype` when one cannot be read.
 */
export async function readLayer(
  adapter: Adapter,
  layer: number,
  read: (name: string) => Promise<Float64Array> = (name) => readFinite(adapter, name),
): Promise<LayerModule> {
  const { config } = adapter;
  const arrays: Partial<Record<LayerArray, Float64Array>> = {};
  for (const { name, array } of layerTensors(config, layer)) {
    arrays[array] = await read(name);
  }
  return {
    hiddenSize: config.hiddenSize,
    numHeads: headsOfLayer(config, layer),
    headDim: config.headDim,
    combine: config.combine,
    layerNormEps: config.layerNormEps,
    ...(arrays as Record<LayerArray, Float64Array>),
  };
}

/**
 * Reads a tensor, decoded to f64, and refuses values that no arithmetic makes sense of.
 *
 * @param adapter An opened adapter; stays open and belongs to the caller.
 * @param name The tensor's name, relative to the encoder.
 * @returns Its elements, row-major, in a new array.
 * @throws {TinygraftError} with code `non-finite` when it holds NaN or infinity, and
 * `missing-tensor` or `unsupported-dtype` when it cannot be read.
 */
export async function readFinite(adapter: Adapter, name: string): Promise<Float64Array> {
  const entry = tensorEntry(adapter, name);
  const values = decodeFloats64(await readTensor(entry), entry.dtype);
  requireFinite(values, name, adapter.location);
  return values;
}

/**
 * Looks up a tensor of floating-point numbers.
 *
 * @param adapter An opened adapter.
 * @param name The tensor's name, relative to the encoder.
 * @returns The tensor's entry.
 * @throws {TinygraftError} with code `missing-tensor` when it is not there, and
 * `unsupported-dtype` when it holds something else.
 */
export function tensorEntry(
  { location, tensors }: Adapter,
  name: string,
): TensorEntry & { readonly dtype: FloatDtype } {
  const entry = tensors.get(name);
  const details = { path: location, tensor: name };
  if (!entry) {
    throw new TinygraftError(
      `Cannot merge ${quote(location)}: tensor ${quote(name)} is missing, expected in every ` +
        "tiny-attention adapter: export the adapter again",
      { code: "missing-tensor", ...details },
    );
  }
  const { dtype } = entry;
  if (isFloatDtype(dtype)) return { ...entry, dtype };
  throw new TinygraftError(
    `Cannot merge ${quote(location)}: tensor ${quote(name)} has dtype ${dtype}, expected F32, ` +
      "F16 or BF16: convert the adapter",
    { code: "unsupported-dtype", ...details },
  );
}

/**
 * Refuses values that no arithmetic makes sense of.
 *
 * @param values A tensor's content; not kept.
 * @param name The tensor's name, for the message.
 * @param path Where it was read, for the message.
 * @throws {TinygraftError} with code `non-finite` when a value is NaN or infinite.
 */
export function requireFinite(values: Float64Array, name: string, path: string): void {
  const stray = values.findIndex((value) => !Number.isFinite(value));
  if (stray < 0) return;
  throw new TinygraftError(
    `Cannot merge ${quote(path)}: tensor ${quote(name)} holds ${
      values[stray]
    } at element ${stray}, ` +
      `expected finite numbers: train or export the adapter again`,
    { code: "non-finite", path, tensor: name },
  );
}
