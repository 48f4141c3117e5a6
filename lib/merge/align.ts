/**
 * Bringing heads to one form in which equal heads have equal weights.
 *
 * @module
 */

import { givesNothing, type Head, meanPair } from "./heads.ts";
import {
  type FactorPair,
  multiply,
  nearestRotation,
  productNorm,
  rowProducts,
  truncateProduct,
} from "./linear_algebra.ts";

/** The heads that others are rotated to, one for each of a head's two products. */
export interface AlignReference {
  /** The number of the head whose query and key are taken. */
  readonly attention: number;
  /** The number of the head whose value and output are taken. */
  readonly value: number;
}

/**
 * Brings heads to one form in which equal heads have equal weights, without changing what any of
 * them computes. The factors of each product are balanced by singular value decomposition; what
 * that leaves free, a rotation of the factors' rows and for heads of width 1 a sign, is taken from
 * the rotation that brings them closest to a reference head.
 *
 * @param heads Heads of one shape, one or more; left unchanged.
 * @param reference The heads to rotate to; by default, for each product, the head in which it is
 * largest, as most would be lost where that does not fit.
 * @returns The aligned heads in new arrays, but for the values of heads none of which gives
 * anything: they stay as they are, since factors of zero could not be trained.
 * @see P. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966
 */
export function alignHeads(
  heads: readonly Head[],
  reference: AlignReference = largestHeads(heads),
): Head[] {
  const attention = alignPairs(heads.map((head) => head.attention), reference.attention);
  const values = heads.map(({ value }) => value);
  const value = givesNothing(heads) ? values : alignPairs(values, reference.value);
  return heads.map((_, i) => ({ attention: attention[i]!, value: value[i]! }));
}

function largestHeads(heads: readonly Head[]): AlignReference {
  const largest = (pairs: readonly FactorPair[]) => {
    const norms = pairs.map(productNorm);
    return norms.indexOf(Math.max(...norms));
  };
  return {
    attention: largest(heads.map(({ attention }) => attention)),
    value: largest(heads.map(({ value }) => value)),
  };
}

function alignPairs(pairs: readonly FactorPair[], reference: number): FactorPair[] {
  const balanced = pairs.map((pair) => truncateProduct(pair, pair.rows));
  const to = balanced[reference]!;
  return balanced.map(({ rows, left, right }) => {
    const ofRight = rowProducts(right, to.right, right.length / rows);
    const cross = rowProducts(left, to.left, left.length / rows).map((sum, i) => sum + ofRight[i]!);
    const rotation = nearestRotation(cross, rows);
    return { rows, left: multiply(rotation, left, rows), right: multiply(rotation, right, rows) };
  });
}

/**
 * Measures how far apart heads are after alignment: the root mean square distance of their weights
 * from the mean, over the length of the mean.
 *
 * @param heads Heads of one shape, one or more; left unchanged.
 * @returns 0 for equal heads.
 */
export function headSpread(heads: readonly Head[]): number {
  const aligned = alignHeads(heads).map(({ attention, value }) => [attention, value]);
  let distance = 0;
  let length = 0;
  for (const product of [0, 1]) {
    const pairs = aligned.map((head) => head[product]!);
    const mean = meanPair(pairs, pairs.map(() => 1));
    length += squaredLength(mean);
    for (const { rows, left, right } of pairs) {
      const apart = {
        rows,
        left: left.map((value, i) => value - mean.left[i]!),
        right: right.map((value, i) => value - mean.right[i]!),
      };
      distance += squaredLength(apart) / pairs.length;
    }
  }
  return distance === 0 ? 0 : Math.sqrt(distance / length);
}

function squaredLength({ left, right }: FactorPair): number {
  let sum = 0;
  for (const factor of [left, right]) {
    for (let i = 0; i < factor.length; i++) sum += factor[i]! ** 2;
  }
  return sum;
}
