/**
 * The ways to merge the heads of one layer, by name.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { alignedHeads, alignedMerge } from "./aligned.ts";
import { averageHeads, averageMerge } from "./average.ts";
import { clusterHeads } from "./cluster.ts";
import { foldLayer } from "./fold.ts";
import { centreLayer, type HeadGroups, type HeadMerge, oneGroup, splitHeads } from "./heads.ts";
import type { LayerModule } from "./layer.ts";
import type { MergeMethod } from "./method_names.ts";
import { productHeads, productMerge } from "./product.ts";

/** A way that leaves fewer heads. */
export type ReducingMethod = Exclude<MergeMethod, "stack">;

/** How each reducing method merges heads that were taken out of their modules. */
export const HEAD_MERGES: Readonly<Record<ReducingMethod, HeadMerge>> = {
  average: averageMerge,
  aligned: alignedMerge,
  product: productMerge,
};

/** How each reducing method merges the groups of one module. */
const MODULE_MERGES: Readonly<
  Record<ReducingMethod, (module: LayerModule, groups: HeadGroups) => LayerModule>
> = { average: averageHeads, aligned: alignedHeads, product: productHeads };

/** How {@linkcode mergeLayer} is to merge. */
export interface MergeLayerOptions {
  /** How heads become fewer. */
  readonly method: MergeMethod;
  /** How many heads are left where there are more; 1 by default, all of them with `stack`. */
  readonly heads?: number;
  /** Whether `stack` folds; the other methods always do. */
  readonly fold?: boolean;
}

/** One layer after a merge. */
export interface LayerMerge {
  /** The merged module; `stack` without folding gives the one that it was given. */
  readonly module: LayerModule;
  /** Which heads became one, by their numbers before, in the order of the heads after. */
  readonly groups: HeadGroups;
}

/**
 * Merges the heads of one layer.
 *
 * @param module The module, folded or not; left unchanged.
 * @param options The method and how many heads are left. Which heads become one is decided by
 * `clusterHeads`.
 * @returns The merged module. It computes the same on every input when each group is one head.
 * @throws {UsageError} when `stack` is asked for fewer heads.
 *
 * @example Four heads of the adapter that the repository ships, to two
 * ```ts
 * import { mergeLayer, openAdapter, readLayer } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const before = await readLayer(adapter, 0);
 * const { module, groups } = mergeLayer(before, { method: "product", heads: 2 });
 * assertEquals(module.numHeads, 2);
 * assertEquals(groups.flat().sort(), [0, 1, 2, 3]);
 * ```
 */
export function mergeLayer(module: LayerModule, options: MergeLayerOptions): LayerMerge {
  const { method, heads, fold = false } = options;
  if (method === "stack") {
    if (heads !== undefined) throw stackWithHeads(heads);
    const groups = Array.from({ length: module.numHeads }, (_, head) => [head]);
    return { module: fold ? foldLayer(module) : module, groups };
  }
  const count = Math.min(heads ?? 1, module.numHeads);
  const groups = count === 1 ? oneGroup(module) : clusterHeads(
    splitHeads(centreLayer(foldLayer(module))),
    count,
  );
  return { module: MODULE_MERGES[method](module, groups), groups };
}

function stackWithHeads(heads: number): UsageError {
  return new UsageError(
    `Cannot stack heads into ${heads}: stack keeps every head, expected a method that leaves ` +
      "fewer: choose average, aligned or product",
  );
}
