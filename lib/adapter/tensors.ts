/**
 * The tensors of a tiny-attention adapter: the one table that reading, initialising, injecting,
 * extracting, merging and validating go by.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { fillLayer } from "../model/architecture.ts";
import { adapterModelTypes, countModules, findAdapterPlace } from "../model/adapter_places.ts";
import { quote } from "../tensor/quote.ts";
import { formatShape, type TensorInfo } from "../tensor/shape.ts";
import { type AdapterConfig, headsOfLayer } from "./config.ts";

/** A size that a template's shape refers to; `inner` is heads times head_dim, E = M·d. */
export type AdapterDimension = "hidden" | "inner" | "labels";

/** How a tensor of a fresh adapter is filled. */
export type InitRule = "ones" | "zeros" | "normal";

/** One tensor of a module or of the classifier. */
export interface AdapterTensorTemplate {
  /** Its name below the module, such as `norm.weight`. */
  readonly name: string;
  /** Its shape, in sizes. */
  readonly shape: readonly AdapterDimension[];
  /** Its values in a fresh adapter; output at zero makes the adapter an identity. */
  readonly init: InitRule;
  /** Whether head m owns the rows m·d to m·d + d - 1; a head's part can be copied by them. */
  readonly headRows?: true;
}

/** The tensors of one layer's module, in the order in which a fresh adapter draws them. */
export const MODULE_TENSORS: readonly AdapterTensorTemplate[] = [
  { name: "norm.weight", shape: ["hidden"], init: "ones" },
  { name: "norm.bias", shape: ["hidden"], init: "zeros" },
  { name: "query.weight", shape: ["inner", "hidden"], init: "normal", headRows: true },
  { name: "query.bias", shape: ["inner"], init: "zeros", headRows: true },
  { name: "key.weight", shape: ["inner", "hidden"], init: "normal", headRows: true },
  { name: "key.bias", shape: ["inner"], init: "zeros", headRows: true },
  { name: "value.weight", shape: ["inner", "hidden"], init: "normal", headRows: true },
  { name: "value.bias", shape: ["inner"], init: "zeros", headRows: true },
  { name: "output.weight", shape: ["hidden", "inner"], init: "zeros" },
  { name: "output.bias", shape: ["hidden"], init: "zeros" },
];

/** The classifier's tensors: a linear layer on the hidden state of token 0. */
export const CLASSIFIER_TENSORS: readonly AdapterTensorTemplate[] = [
  { name: "classifier.weight", shape: ["labels", "hidden"], init: "normal" },
  { name: "classifier.bias", shape: ["labels"], init: "zeros" },
];

/** One tensor of an adapter. */
export interface AdapterTensorSpec {
  /** Relative to the encoder: `encoder.layer.0.tiny_attn.norm.weight`, `classifier.bias`. */
  readonly name: string;
  /** Dimensions, in elements. */
  readonly shape: readonly number[];
  /** Its row of the table. */
  readonly template: AdapterTensorTemplate;
  /** The layer, from 0; `undefined` for the classifier. */
  readonly layer: number | undefined;
}

/**
 * Lists the tensors of an adapter: the modules layer by layer, then the classifier. A base whose
 * layers share their weights has one module, which counts as that of layer 0.
 *
 * @param config The adapter's config.
 * @param numLabels Rows of the classifier; 0 where the adapter has none.
 * @returns One entry a tensor, with relative name and shape.
 * @throws {TinygraftError} with code `unsupported-architecture` for a base of unknown type.
 *
 * @example Count the parameters of one head of width 1 on one layer
 * ```ts
 * import { adapterTensors, elementCount, parseAdapterConfig } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const config = parseAdapterConfig({
 *   adapter_type: "TINY_ATTENTION", format_version: 1, base_model_type: "bert",
 *   hidden_size: 1024, num_hidden_layers: 1, num_heads: 1, head_dim: 1, combine: "sum",
 *   placement: "after_attention", layer_norm_eps: 1e-5, pooling: "first_token",
 *   task: { type: "regression", labels: null }, tinygraft_version: "0.1.0",
 * }, "adapter_config.json");
 * const module = adapterTensors(config, 1).filter((tensor) => tensor.layer === 0);
 * const parameters = module.reduce((sum, { shape }) => sum + elementCount(shape), 0);
 * assertEquals(parameters, 7171);
 * ```
 */
export function adapterTensors(config: AdapterConfig, numLabels: number): AdapterTensorSpec[] {
  const place = findAdapterPlace(config.baseModelType);
  if (place === undefined) throw unknownBase(config);
  const specs: AdapterTensorSpec[] = [];
  for (let layer = 0; layer < moduleCount(config); layer++) {
    const module = fillLayer(place.adapterPath, layer);
    const inner = headsOfLayer(config, layer) * config.headDim;
    const sizes = { hidden: config.hiddenSize, inner, labels: numLabels };
    for (const template of MODULE_TENSORS) {
      specs.push(specOf(template, `${module}.${template.name}`, sizes, layer));
    }
  }
  const sizes = { hidden: config.hiddenSize, inner: 0, labels: numLabels };
  for (const template of numLabels === 0 ? [] : CLASSIFIER_TENSORS) {
    specs.push(specOf(template, template.name, sizes, undefined));
  }
  return specs;
}

/**
 * Counts the modules that an adapter stores: one a layer, or one for all where the base's layers
 * share their weights, as in ALBERT.
 *
 * @param config The adapter's config.
 * @returns The count; modules are numbered as the layers are, from 0.
 */
export function moduleCount(
  { baseModelType, numHiddenLayers }: Pick<AdapterConfig, "baseModelType" | "numHiddenLayers">,
): number {
  return countModules(baseModelType, numHiddenLayers);
}

/**
 * Makes the error for an adapter whose base is of a type without a table.
 *
 * @param config The adapter's config.
 * @returns The error, with code `unsupported-architecture`.
 */
export function unknownBase(config: AdapterConfig): TinygraftError {
  return new TinygraftError(
    `Cannot name the tensors of the adapter: its base_model_type is ` +
      `${quote(config.baseModelType)}, expected one of ${adapterModelTypes()}`,
    { code: "unsupported-architecture" },
  );
}

function specOf(
  template: AdapterTensorTemplate,
  name: string,
  sizes: Readonly<Record<AdapterDimension, number>>,
  layer: number | undefined,
): AdapterTensorSpec {
  return { name, shape: template.shape.map((dimension) => sizes[dimension]), template, layer };
}

/** One thing wrong with an adapter's tensors. */
export interface TensorFault {
  /** The stable reason. */
  readonly code:
    | "missing-tensor"
    | "unexpected-tensor"
    | "shape-mismatch"
    | "label-mismatch"
    | "unsupported-dtype";
  /** What was found and expected, without the action and the file. */
  readonly message: string;
  /** The tensor at fault, by its relative name. */
  readonly tensor: string;
}

/**
 * Compares the tensors of an adapter with what its config asks for.
 *
 * @param specs What {@linkcode adapterTensors} lists.
 * @param found The tensors that are there, by relative name.
 * @returns Every fault: in the order of the table, then the tensors that it does not know.
 */
export function compareTensors(
  specs: readonly AdapterTensorSpec[],
  found: ReadonlyMap<string, TensorInfo>,
): TensorFault[] {
  const faults: TensorFault[] = [];
  for (const spec of specs) {
    const info = found.get(spec.name);
    const fault = info === undefined ? missing(spec) : mismatch(spec, info);
    if (fault !== undefined) faults.push(fault);
  }
  const names = new Set(specs.map(({ name }) => name));
  for (const name of found.keys()) {
    if (names.has(name)) continue;
    const message = `tensor ${quote(name)} is not part of such an adapter: remove it`;
    faults.push({ code: "unexpected-tensor", message, tensor: name });
  }
  return faults;
}

function missing({ name, shape }: AdapterTensorSpec): TensorFault {
  const message = `tensor "${name}" is missing, expected one of shape ${formatShape(shape)}`;
  return { code: "missing-tensor", message, tensor: name };
}

function mismatch({ name, shape, template }: AdapterTensorSpec, info: TensorInfo) {
  if (info.dtype !== "F32" && info.dtype !== "F16" && info.dtype !== "BF16") {
    const message = `tensor "${name}" has dtype ${info.dtype}, expected F32, F16 or BF16`;
    return { code: "unsupported-dtype", message, tensor: name } as const;
  }
  const same = info.shape.length === shape.length && info.shape.every((dim, i) => dim === shape[i]);
  if (same) return undefined;
  const found = `tensor "${name}" has shape ${formatShape(info.shape)}`;
  const rowsDiffer = template.shape[0] === "labels" && info.shape[0] !== shape[0];
  if (rowsDiffer && info.shape.length === shape.length) {
    const message = `${found}, expected ${shape[0]} rows, one a label of the config's task`;
    return { code: "label-mismatch", message, tensor: name } as const;
  }
  const inner = shape[template.shape.indexOf("inner")];
  const why = inner === undefined ? "" : `, as num_heads times head_dim is ${inner}`;
  const message = `${found}, expected ${formatShape(shape)}${why}`;
  return { code: "shape-mismatch", message, tensor: name } as const;
}
