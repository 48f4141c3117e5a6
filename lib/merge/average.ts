/**
 * Merging by the plain average of the heads' weights.
 *
 * @module
 */

import { foldLayer } from "./fold.ts";
import { type Head, type HeadGroups, meanPair, mergeGroups, oneGroup } from "./heads.ts";
import type { LayerModule } from "./layer.ts";

/**
 * Averages the weights of the heads of each group. The module is folded first: averaging factors
 * before their products are formed adds an error of its own. Exact only where the heads are equal
 * or alone; heads that are equal as functions but not in their factors, such as (v, o) and
 * (-v, -o), cancel each other.
 *
 * @param module The module, folded or not; left unchanged.
 * @param groups Which heads become one; all of them by default.
 * @returns A folded module of one head a group with the same `headDim` and `combine`.
 * @see M. Zhao, J. Tan, H. Mei, "Tiny-Attention Adapter: Contexts Are More Important Than the
 * Number of Parameters", EMNLP 2022
 */
export function averageHeads(
  module: LayerModule,
  groups: HeadGroups = oneGroup(module),
): LayerModule {
  return mergeGroups(foldLayer(module), groups, averageMerge);
}

/**
 * Averages heads, weight by weight.
 *
 * @param heads Heads of one shape; left unchanged.
 * @param weights One positive weight a head.
 * @returns Their weighted mean.
 */
export function averageMerge(heads: readonly Head[], weights: readonly number[]): Head {
  return {
    attention: meanPair(heads.map(({ attention }) => attention), weights),
    value: meanPair(heads.map(({ value }) => value), weights),
  };
}
