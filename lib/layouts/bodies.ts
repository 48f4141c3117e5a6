/**
 * The modules of other layouts as tables of tensor names and shapes, and what they are in the
 * canonical form. All are exact: products of factors that stand behind one another.
 *
 * @module
 */

import type { LayerModule } from "../merge/layer.ts";
import { multiply } from "../merge/linear_algebra.ts";

/** A size that a tensor's shape refers to: `inner` is heads times head_dim, E = M·d. */
export type BodyDimension = "hidden" | "inner" | "innerThrice";

/** One tensor of a module. */
export interface BodyTensor {
  /** Its name below the module, such as `linear1.weight`. */
  readonly name: string;
  /** Its shape, in sizes. */
  readonly shape: readonly BodyDimension[];
}

/** The tensors of one module by their names below it: f64, row-major. */
export type BodyValues = ReadonlyMap<string, Float64Array>;

/** The sizes that a module's tensors do not tell, and those that they do. */
export interface ModuleSizes {
  /** Columns of the hidden states, D. */
  readonly hiddenSize: number;
  /** Heads, M. */
  readonly numHeads: number;
  /** Width of a head, d. */
  readonly headDim: number;
}

/**
 * How one module is laid out: `joined` as the tiny-attention authors' encoders have it, `split` as
 * their GPT-2 does, `nemo` as NVIDIA NeMo's `MultiHeadAttentionAdapter`.
 */
export type BodyKind = "joined" | "split" | "nemo";

/** The LayerNorm of every layout: the default of PyTorch. */
export const BODY_NORM_EPS = 1e-5;

/** Weight `[out, into]` and bias `[out]` of a linear layer, the bias under the name's twin. */
function linear(path: string, out: BodyDimension, into: BodyDimension): BodyTensor[] {
  return [
    { name: `${path}.weight`, shape: [out, into] },
    { name: `${path}.bias`, shape: [out] },
  ];
}

function norm(path: string): BodyTensor[] {
  return [{ name: `${path}.weight`, shape: ["hidden"] }, {
    name: `${path}.bias`,
    shape: ["hidden"],
  }];
}

/** The tensors of a module of each kind. */
export const BODY_TENSORS: Readonly<Record<BodyKind, readonly BodyTensor[]>> = {
  joined: [
    ...norm("norm"),
    ...linear("linear1", "innerThrice", "hidden"),
    { name: "attention.in_proj_weight", shape: ["innerThrice", "inner"] },
    { name: "attention.in_proj_bias", shape: ["innerThrice"] },
    ...linear("attention.out_proj", "inner", "inner"),
    ...linear("linear2", "hidden", "inner"),
  ],
  split: [
    ...norm("norm"),
    ...linear("linear1", "inner", "hidden"),
    ...linear("attention.q_proj", "inner", "inner"),
    ...linear("attention.k_proj", "inner", "inner"),
    ...linear("attention.v_proj", "inner", "inner"),
    ...linear("attention.out_proj", "inner", "inner"),
    ...linear("linear2", "hidden", "inner"),
  ],
  nemo: [
    ...norm("pre_norm"),
    ...linear("linear_q", "inner", "hidden"),
    ...linear("linear_k", "inner", "hidden"),
    ...linear("linear_v", "inner", "hidden"),
    ...linear("linear_out", "hidden", "inner"),
  ],
};

/** A linear layer: weight f64 [out, into], bias f64 [out]. */
interface Linear {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/**
 * Turns a module of another layout into the canonical one, in f64.
 *
 * With W, b of one linear layer and P, p of the one behind it, the canonical layer is P W and
 * P b + p. Attention over heads of `head_dim` columns, scaled by its root, is the same in all
 * layouts, and the outputs of heads add up.
 *
 * @param kind How the module is laid out.
 * @param values Its tensors, all of the kind's table; left unchanged.
 * @param sizes Sizes, with heads times width the module's inner size.
 * @returns The canonical module of 'sum'; its arrays are new or those of `values`.
 *
 * @example The factors of a module of one head of width 1
 * ```ts
 * import { canonicalModule } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const of = (...values: number[]) => Float64Array.from(values);
 * const module = canonicalModule("joined", new Map([
 *   ["norm.weight", of(1, 1)], ["norm.bias", of(0, 0)],
 *   ["linear1.weight", of(1, 2, 3, 4, 5, 6)], ["linear1.bias", of(1, 1, 1)],
 *   ["attention.in_proj_weight", of(10, 20, 30)], ["attention.in_proj_bias", of(1, 2, 3)],
 *   ["attention.out_proj.weight", of(2)], ["attention.out_proj.bias", of(7)],
 *   ["linear2.weight", of(5, 6)], ["linear2.bias", of(1, 0)],
 * ]), { hiddenSize: 2, numHeads: 1, headDim: 1 });
 * assertEquals([...module.queryWeight, ...module.queryBias], [10, 20, 11]);
 * assertEquals([...module.outputWeight, ...module.outputBias], [10, 12, 36, 42]);
 * ```
 */
export function canonicalModule(
  kind: BodyKind,
  values: BodyValues,
  sizes: ModuleSizes,
): LayerModule {
  const frame = {
    ...sizes,
    combine: "sum",
    layerNormEps: BODY_NORM_EPS,
  } as const;
  const layer = (path: string) => linearOf(values, path);
  if (kind === "nemo") {
    return {
      ...frame,
      ...normOf(values, "pre_norm"),
      ...named(layer("linear_q"), layer("linear_k"), layer("linear_v"), layer("linear_out")),
    };
  }
  const width = sizes.numHeads * sizes.headDim;
  const [query, key, value] = kind === "joined" ? joinedInputs(values, width) : splitInputs(values);
  const output = { outer: layer("linear2"), inner: layer("attention.out_proj") };
  return {
    ...frame,
    ...normOf(values, "norm"),
    ...named(fuse(query!, width), fuse(key!, width), fuse(value!, width), fuse(output, width)),
  };
}

/** Two linear layers, `outer` behind `inner`. */
interface Chain {
  readonly outer: Linear;
  readonly inner: Linear;
}

/** Query, key and value are the thirds of both layers' rows. */
function joinedInputs(values: BodyValues, width: number): Chain[] {
  const linear1 = linearOf(values, "linear1");
  const projection = {
    weight: tensorOf(values, "attention.in_proj_weight"),
    bias: tensorOf(values, "attention.in_proj_bias"),
  };
  const third = ({ weight, bias }: Linear, part: number): Linear => {
    const columns = weight.length / bias.length;
    const rows = [part * width, (part + 1) * width] as const;
    return {
      weight: weight.subarray(rows[0] * columns, rows[1] * columns),
      bias: bias.subarray(...rows),
    };
  };
  return [0, 1, 2].map((part) => ({ outer: third(projection, part), inner: third(linear1, part) }));
}

function splitInputs(values: BodyValues): Chain[] {
  const inner = linearOf(values, "linear1");
  return ["q", "k", "v"].map((part) => {
    return { outer: linearOf(values, `attention.${part}_proj`), inner };
  });
}

/** The one layer that does what two do, one behind the other: `P W` and `P b + p`. */
function fuse({ outer, inner }: Chain, width: number): Linear {
  const bias = multiply(outer.weight, inner.bias, width);
  return {
    weight: multiply(outer.weight, inner.weight, width),
    bias: outer.bias.map((value, i) => value + bias[i]!),
  };
}

function named(query: Linear, key: Linear, value: Linear, output: Linear) {
  return {
    queryWeight: query.weight,
    queryBias: query.bias,
    keyWeight: key.weight,
    keyBias: key.bias,
    valueWeight: value.weight,
    valueBias: value.bias,
    outputWeight: output.weight,
    outputBias: output.bias,
  };
}

function normOf(values: BodyValues, path: string) {
  const { weight, bias } = linearOf(values, path);
  return { normWeight: weight, normBias: bias };
}

function linearOf(values: BodyValues, path: string): Linear {
  return { weight: tensorOf(values, `${path}.weight`), bias: tensorOf(values, `${path}.bias`) };
}

function tensorOf(values: BodyValues, name: string): Float64Array {
  const tensor = values.get(name);
  if (tensor === undefined) throw new TypeError(`Cannot convert the module: it lacks "${name}"`);
  return tensor;
}

/**
 * Lays a canonical module out in another layout, in f64.
 *
 * What other layouts have beyond the canonical form becomes identities and zeros. Heads that are
 * averaged become heads that are added up: their output is divided by their number.
 *
 * @param kind The layout of the module; `split` has no such form, as its query, key and value share
 * one input of `head_dim` times heads columns.
 * @param module The module; left unchanged.
 * @returns Its tensors, all of the kind's table, in the table's order; arrays new or the module's.
 */
export function layOutModule(kind: Exclude<BodyKind, "split">, module: LayerModule): BodyValues {
  const { numHeads, headDim, combine } = module;
  const width = numHeads * headDim;
  const outputWeight = combine === "sum"
    ? module.outputWeight
    : module.outputWeight.map((value) => value / numHeads);
  if (kind === "nemo") {
    return new Map([
      ["pre_norm.weight", module.normWeight],
      ["pre_norm.bias", module.normBias],
      ["linear_q.weight", module.queryWeight],
      ["linear_q.bias", module.queryBias],
      ["linear_k.weight", module.keyWeight],
      ["linear_k.bias", module.keyBias],
      ["linear_v.weight", module.valueWeight],
      ["linear_v.bias", module.valueBias],
      ["linear_out.weight", outputWeight],
      ["linear_out.bias", module.outputBias],
    ]);
  }
  const identity = Float64Array.from(
    { length: width * width },
    (_, i) => i % (width + 1) === 0 ? 1 : 0,
  );
  return new Map([
    ["norm.weight", module.normWeight],
    ["norm.bias", module.normBias],
    ["linear1.weight", concat(module.queryWeight, module.keyWeight, module.valueWeight)],
    ["linear1.bias", concat(module.queryBias, module.keyBias, module.valueBias)],
    ["attention.in_proj_weight", concat(identity, identity, identity)],
    ["attention.in_proj_bias", new Float64Array(3 * width)],
    ["attention.out_proj.weight", identity],
    ["attention.out_proj.bias", new Float64Array(width)],
    ["linear2.weight", outputWeight],
    ["linear2.bias", module.outputBias],
  ]);
}

function concat(...parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}
