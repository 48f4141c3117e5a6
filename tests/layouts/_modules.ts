// Modules of other layouts: random tensors, and their forward pass written out naively in f64 from
// the definitions of torch.nn.MultiheadAttention and the modules around it.

import { BODY_TENSORS, type BodyKind } from "../../lib/layouts/bodies.ts";
import { noise } from "../_noise.ts";

/** The sizes of a module: D, M and d. */
export interface Sizes {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly headDim: number;
}

/** Sizes to try: one head and several, width 1 and more. */
export const SIZES: readonly Sizes[] = [
  { hiddenSize: 5, numHeads: 1, headDim: 1 },
  { hiddenSize: 12, numHeads: 4, headDim: 1 },
  { hiddenSize: 7, numHeads: 3, headDim: 2 },
  { hiddenSize: 6, numHeads: 2, headDim: 5 },
];

/** Random tensors of a module, none at its initial value. */
export function randomBody(
  kind: BodyKind,
  { hiddenSize, numHeads, headDim }: Sizes,
  seed: number,
  scale = 0.5,
): Map<string, Float64Array> {
  const inner = numHeads * headDim;
  const sizes = { hidden: hiddenSize, inner, innerThrice: 3 * inner };
  return new Map(BODY_TENSORS[kind].map(({ name, shape }, i) => {
    const length = shape.reduce((product, dimension) => product * sizes[dimension], 1);
    const mean = name.endsWith("norm.weight") ? 1 : 0;
    const values = noise(length, { seed: 100 * seed + i, scale });
    return [name, Float64Array.from(values, (value) => value + mean)];
  }));
}

type Matrix = number[][];
type Body = ReadonlyMap<string, Float64Array>;

/** `x Wᵀ + b` for rows x. */
function affine(x: Matrix, weight: ArrayLike<number>, bias: ArrayLike<number>): Matrix {
  return x.map((row) =>
    Array.from({ length: bias.length }, (_, out) => {
      let sum = bias[out]!;
      for (let i = 0; i < row.length; i++) sum += weight[out * row.length + i]! * row[i]!;
      return sum;
    })
  );
}

function named(body: Body, path: string, x: Matrix): Matrix {
  return affine(x, body.get(`${path}.weight`)!, body.get(`${path}.bias`)!);
}

function layerNorm(body: Body, path: string, x: Matrix): Matrix {
  const weight = body.get(`${path}.weight`)!;
  const bias = body.get(`${path}.bias`)!;
  return x.map((row) => {
    const mean = row.reduce((a, b) => a + b) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map((v, i) => (v - mean) / Math.sqrt(variance + 1e-5) * weight[i]! + bias[i]!);
  });
}

/** Multi-head attention after the projections; keys at padding are masked. */
function attend(
  [query, key, value]: readonly [Matrix, Matrix, Matrix],
  { numHeads, headDim }: Sizes,
  isPadding: readonly boolean[],
): Matrix {
  return query.map((q) => {
    const outputs: number[] = [];
    for (let head = 0; head < numHeads; head++) {
      const columns = Array.from({ length: headDim }, (_, i) => head * headDim + i);
      const scores = key.map((k, s) =>
        isPadding[s]
          ? -Infinity
          : columns.reduce((sum, c) => sum + q[c]! * k[c]!, 0) / Math.sqrt(headDim)
      );
      const exps = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = exps.reduce((a, b) => a + b);
      for (const c of columns) {
        outputs.push(exps.reduce((sum, e, s) => sum + e * value[s]![c]!, 0) / total);
      }
    }
    return outputs;
  });
}

/** What the original module adds to one sequence: rows of D, one a token. */
export function originalUpdate(
  kind: BodyKind,
  body: Body,
  sizes: Sizes,
  x: Matrix,
  isPadding: readonly boolean[],
): Matrix {
  if (kind === "nemo") {
    const u = layerNorm(body, "pre_norm", x);
    const qkv = ["q", "k", "v"].map((part) => named(body, `linear_${part}`, u));
    return named(body, "linear_out", attend(qkv as [Matrix, Matrix, Matrix], sizes, isPadding));
  }
  const inner = sizes.numHeads * sizes.headDim;
  const low = named(body, "linear1", layerNorm(body, "norm", x));
  const qkv = ["q", "k", "v"].map((part, i) => {
    if (kind === "split") return named(body, `attention.${part}_proj`, low);
    const third = low.map((row) => row.slice(i * inner, (i + 1) * inner));
    const weight = body.get("attention.in_proj_weight")!;
    const bias = body.get("attention.in_proj_bias")!;
    return affine(
      third,
      weight.slice(i * inner * inner, (i + 1) * inner * inner),
      bias.slice(i * inner, (i + 1) * inner),
    );
  });
  const attended = attend(qkv as [Matrix, Matrix, Matrix], sizes, isPadding);
  return named(body, "linear2", named(body, "attention.out_proj", attended));
}

/** Random rows of D, not centred. */
export function randomRows(count: number, hiddenSize: number, seed: number): Matrix {
  const values = noise(count * hiddenSize, { seed, scale: 2 });
  return Array.from(
    { length: count },
    (_, row) => Array.from(values.slice(row * hiddenSize, (row + 1) * hiddenSize), (v) => v + 0.3),
  );
}
