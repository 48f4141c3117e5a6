/**
 * Merging by the average of weights, after the heads were brought to one form.
 *
 * @module
 */

import { alignHeads } from "./align.ts";
import { foldLayer } from "./fold.ts";
import {
  attentionWeights,
  centreLayer,
  type Head,
  type HeadGroups,
  meanPair,
  mergeGroups,
  oneGroup,
} from "./heads.ts";
import type { LayerModule } from "./layer.ts";

/**
 * Averages the weights of the heads of each group after bringing them to one form in which equal
 * heads have equal weights: see `alignHeads`. The product `[Q b]ᵀ K` of each head is aligned to the
 * largest of its group, `Vᵀ Oᵀ` to the largest of its own kind. In the mean of query and key each
 * head counts by the norm of its `Vᵀ Oᵀ`: where a head looks matters as much as what it brings.
 *
 * @param module The module, folded or not; left unchanged.
 * @param groups Which heads become one; all of them by default.
 * @returns A folded, centred module of one head a group with the same `headDim` and `combine`.
 */
export function alignedHeads(
  module: LayerModule,
  groups: HeadGroups = oneGroup(module),
): LayerModule {
  return mergeGroups(centreLayer(foldLayer(module)), groups, alignedMerge);
}

/**
 * Merges heads by the weighted mean of their aligned weights.
 *
 * @param heads Heads of one shape; left unchanged.
 * @param weights One positive weight a head.
 * @returns The mean. Where no head gives anything, as in a fresh adapter, its value weights are the
 * mean of theirs, so that it can still be trained.
 */
export function alignedMerge(heads: readonly Head[], weights: readonly number[]): Head {
  const aligned = alignHeads(heads);
  return {
    attention: meanPair(
      aligned.map(({ attention }) => attention),
      attentionWeights(heads, weights),
    ),
    value: meanPair(aligned.map(({ value }) => value), weights),
  };
}
