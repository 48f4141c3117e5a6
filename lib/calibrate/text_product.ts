/**
 * The mean of products cut to a smaller rank, where the text says which directions matter.
 *
 * @module
 */

import { Matrix, SingularValueDecomposition } from "ml-matrix";
import { attentionWeights, givesNothing, type Head, meanPair } from "../merge/heads.ts";
import { concatenate, type FactorPair, multiply, rowProducts } from "../merge/linear_algebra.ts";
import { eigenvectors } from "./solve.ts";

/** What the rows of a product's factors meet in a text: `X S Xᵀ` for rows X and second moments S. */
export interface FactorMoments {
  /** Of the left factor, f64 [rows, rows]. */
  readonly left: Float64Array;
  /** Of the right factor, f64 [rows, rows]. */
  readonly right: Float64Array;
}

/** Moments of a group of heads, their rows end to end. */
export interface HeadMoments {
  /** Of `[Q b]` at `[x 1]`, and of K at x less its mean over a sequence. */
  readonly attention: FactorMoments;
  /** Of V at x; of Oᵀ in the plain metric. */
  readonly value: FactorMoments;
}

/** Eigenvalues of moments below this part of the largest are taken for rounding. */
const NEGLIGIBLE = 1e-12;

/**
 * Merges heads through the means of their products, each cut to the rank of one head so that least
 * is lost where the text is: of scores `x [Q b]ᵀ K x'` and values `x Vᵀ Oᵀ` rather than of weights.
 * With moments that are multiples of the identity it is `productMerge`.
 *
 * @param heads Heads of one shape; left unchanged.
 * @param weights One positive weight a head.
 * @param moments What their rows meet in the text.
 * @returns The one head; where no head gives anything, its value weights are the mean of theirs.
 */
export function textProductMerge(
  heads: readonly Head[],
  weights: readonly number[],
  moments: HeadMoments,
): Head {
  const values = heads.map(({ value }) => value);
  return {
    attention: meanTextProduct(
      heads.map(({ attention }) => attention),
      attentionWeights(heads, weights),
      moments.attention,
    ),
    value: givesNothing(heads)
      ? meanPair(values, weights)
      : meanTextProduct(values, weights, moments.value),
  };
}

function meanTextProduct(
  pairs: readonly FactorPair[],
  weights: readonly number[],
  moments: FactorMoments,
): FactorPair {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rows = pairs[0]!.rows;
  const shares = pairs.flatMap((_, i) => new Array<number>(rows).fill(weights[i]! / total));
  return truncateOnText(
    {
      rows: rows * pairs.length,
      left: concatenate(pairs.map(({ left }) => left)),
      right: concatenate(pairs.map(({ right }) => right)),
    },
    shares,
    rows,
    moments,
  );
}

/**
 * Cuts `leftᵀ diag(shares) right` to a smaller rank so that the least is lost in the norm
 * `|S_l^½ · S_r^½|`, with S the second moments that the factors meet. The moments of the factors'
 * own rows are enough: the best product lies in their span.
 *
 * @param pair Any factors; left unchanged.
 * @param shares One factor a row.
 * @param rows Rows of the new factors.
 * @param moments See {@linkcode FactorMoments}; positive semidefinite.
 * @returns New factors.
 */
export function truncateOnText(
  pair: FactorPair,
  shares: readonly number[],
  rows: number,
  moments: FactorMoments,
): FactorPair {
  const size = pair.rows;
  const left = rootOf(moments.left, size);
  const right = rootOf(moments.right, size);
  const core = new Matrix(size, size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) {
        sum += left.root[i * size + k]! * shares[k]! * right.root[j * size + k]!;
      }
      core.set(i, j, sum);
    }
  }
  const svd = new SingularValueDecomposition(core);
  const side = (vectors: Matrix, back: Float64Array, factor: Float64Array) => {
    const scaled = new Float64Array(rows * size);
    for (let row = 0; row < rows; row++) {
      const scale = Math.sqrt(svd.diagonal[row]!);
      for (let i = 0; i < size; i++) scaled[row * size + i] = scale * vectors.get(i, row);
    }
    return multiply(multiply(scaled, back, size), factor, size);
  };
  // In the basis of the roots' rows the factors are orthonormal on the text.
  return {
    rows,
    left: side(svd.leftSingularVectors, left.inverse, pair.left),
    right: side(svd.rightSingularVectors, right.inverse, pair.right),
  };
}

/** `R` of `moments = RᵀR`, f64 [size, size], and its pseudo-inverse transposed. */
function rootOf(
  moments: Float64Array,
  size: number,
): { readonly root: Float64Array; readonly inverse: Float64Array } {
  const { values, vectors } = eigenvectors(moments, size);
  const scaled = (scale: (value: number) => number) =>
    vectors.map((entry, at) => {
      const value = values[Math.floor(at / size)]!;
      return value > NEGLIGIBLE * values[0]! ? scale(value) * entry : 0;
    });
  return { root: scaled(Math.sqrt), inverse: scaled((value) => 1 / Math.sqrt(value)) };
}

/**
 * Picks the moments of some heads out of those of all.
 *
 * @param moments Of all heads of a module.
 * @param group The heads.
 * @param headDim Rows of one head.
 * @returns New moments.
 */
export function momentsOf(
  { attention, value }: HeadMoments,
  group: readonly number[],
  headDim: number,
): HeadMoments {
  const rows = group.flatMap((head) =>
    Array.from({ length: headDim }, (_, i) => head * headDim + i)
  );
  const pick = (of: Float64Array) => {
    const size = Math.sqrt(of.length);
    return Float64Array.from(
      { length: rows.length ** 2 },
      (_, at) => of[rows[Math.floor(at / rows.length)]! * size + rows[at % rows.length]!]!,
    );
  };
  return {
    attention: { left: pick(attention.left), right: pick(attention.right) },
    value: { left: pick(value.left), right: pick(value.right) },
  };
}

/**
 * Takes the inner products of the rows of output factors.
 *
 * @param heads Heads of one width; left unchanged.
 * @returns f64 [rows, rows], the heads' rows end to end.
 */
export function outputMoments(heads: readonly Head[]): Float64Array {
  const rows = concatenate(heads.map(({ value }) => value.right));
  const count = heads.reduce((sum, { value }) => sum + value.rows, 0);
  return rowProducts(rows, rows, rows.length / count);
}
