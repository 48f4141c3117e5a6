/**
 * Merging by the mean of the heads' products.
 *
 * @module
 */

import { foldLayer } from "./fold.ts";
import {
  attentionWeights,
  centreLayer,
  givesNothing,
  type Head,
  type HeadGroups,
  meanPair,
  mergeGroups,
  oneGroup,
} from "./heads.ts";
import type { LayerModule } from "./layer.ts";
import { concatenate, type FactorPair, truncateProduct } from "./linear_algebra.ts";

/**
 * Merges the heads of each group through the means of their products, `[Q b]ᵀ K` and `Vᵀ Oᵀ`, each
 * cut to the rank of one head by singular value decomposition. Products are what heads compute, so
 * that the signs, scales and rotations of factors do not matter: heads that are equal as functions
 * merge without loss. In the mean of `[Q b]ᵀ K` each head counts by the norm of its `Vᵀ Oᵀ`: where
 * a head looks matters as much as what it brings from there.
 *
 * @param module The module, folded or not; left unchanged.
 * @param groups Which heads become one; all of them by default.
 * @returns A folded, centred module of one head a group with the same `headDim` and `combine`.
 *
 * @example One head under two signs, which the plain average would lose
 * ```ts
 * import { type LayerModule, productHeads } from "tinygraft";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const module: LayerModule = {
 *   hiddenSize: 2,
 *   numHeads: 2,
 *   headDim: 1,
 *   combine: "sum",
 *   layerNormEps: 1e-5,
 *   normWeight: Float64Array.of(1, 1),
 *   normBias: Float64Array.of(0, 0),
 *   queryWeight: Float64Array.of(1, -1, 1, -1),
 *   queryBias: Float64Array.of(0, 0),
 *   keyWeight: Float64Array.of(2, -2, 2, -2),
 *   keyBias: Float64Array.of(0, 0),
 *   valueWeight: Float64Array.of(3, -3, -3, 3),
 *   valueBias: Float64Array.of(0, 0),
 *   outputWeight: Float64Array.of(5, -5, 7, -7),
 *   outputBias: Float64Array.of(0, 0),
 * };
 * const { valueWeight, outputWeight } = productHeads(module);
 * assertAlmostEquals(valueWeight[0]! * outputWeight[0]!, 2 * 15, 1e-12);
 * ```
 */
export function productHeads(
  module: LayerModule,
  groups: HeadGroups = oneGroup(module),
): LayerModule {
  return mergeGroups(centreLayer(foldLayer(module)), groups, productMerge);
}

/**
 * Merges heads through the means of their products.
 *
 * @param heads Heads of one shape; left unchanged.
 * @param weights One positive weight a head.
 * @returns The head whose products are nearest to the weighted means. Where no head gives
 * anything, as in a fresh adapter, its value weights are the mean of theirs, so that it can still
 * be trained.
 */
export function productMerge(heads: readonly Head[], weights: readonly number[]): Head {
  const values = heads.map(({ value }) => value);
  return {
    attention: meanProduct(
      heads.map(({ attention }) => attention),
      attentionWeights(heads, weights),
    ),
    value: givesNothing(heads) ? meanPair(values, weights) : meanProduct(values, weights),
  };
}

/**
 * Averages products of factors.
 *
 * @param pairs Factors of one shape, one or more; left unchanged.
 * @param weights One weight a pair, none negative, of any positive sum.
 * @returns The factors of as many rows whose product is nearest to the weighted mean.
 */
export function meanProduct(pairs: readonly FactorPair[], weights: readonly number[]): FactorPair {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // The sum of products is the product of all factors under each other.
  const lefts = pairs.map(({ left }, i) => left.map((entry) => (entry * weights[i]!) / total));
  const stacked = {
    rows: pairs.reduce((sum, { rows }) => sum + rows, 0),
    left: concatenate(lefts),
    right: concatenate(pairs.map(({ right }) => right)),
  };
  return truncateProduct(stacked, pairs[0]!.rows);
}
