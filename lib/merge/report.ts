/**
 * What a merge did to each layer, told without data.
 *
 * @module
 */

import { headSpread } from "./align.ts";
import { weightSimilarity } from "./cluster.ts";
import { headSimilarity, relativeError } from "./compare.ts";
import { foldLayer } from "./fold.ts";
import type { LayerInputs } from "./forward.ts";
import { centreLayer, type HeadGroups, splitHeads } from "./heads.ts";
import type { LayerModule } from "./layer.ts";
import { type HeadRanks, headRanks } from "./ranks.ts";

/** What merging did to one layer, measured at random inputs and on the weights. */
export interface LayerReport {
  /** The layer, from 0. */
  readonly layer: number;
  /**
   * How far the output as stored is from the output before, by `relativeError`: 0 is unchanged, 1
   * is as bad as no heads. An exact merge still shows the rounding to the storage dtype.
   */
  readonly relativeError: number;
  /** Cosines between the outputs of the heads before the merge, by `headSimilarity`, M x M. */
  readonly similarity: readonly (readonly number[])[];
  /** Cosines between the products that say where heads look, `[Q b]ᵀ K`, M x M. */
  readonly attentionSimilarity: readonly (readonly number[])[];
  /** Cosines between the products that say what heads bring, `Vᵀ Oᵀ`, M x M. */
  readonly valueSimilarity: readonly (readonly number[])[];
  /** How far apart the heads' weights are after alignment, by `headSpread`; 0 for equal heads. */
  readonly spread: number;
  /** The ranks of each head's products before the merge: its width, unless it is degenerate. */
  readonly ranks: readonly HeadRanks[];
  /** Which heads became one, by their numbers before, in the order of the heads after. */
  readonly groups: HeadGroups;
}

/**
 * Reports on one merged layer.
 *
 * @param layer The layer, from 0.
 * @param modules The module before and, as stored, after; left unchanged.
 * @param groups Which heads became one.
 * @param inputs Where outputs are compared; left unchanged.
 * @returns The report.
 */
export function reportLayer(
  layer: number,
  { before, after }: { readonly before: LayerModule; readonly after: LayerModule },
  groups: HeadGroups,
  inputs: LayerInputs,
): LayerReport {
  const heads = splitHeads(centreLayer(foldLayer(before)));
  const { attention, value } = weightSimilarity(heads);
  return {
    layer,
    relativeError: relativeError(after, before, inputs),
    similarity: headSimilarity(before, inputs),
    attentionSimilarity: attention,
    valueSimilarity: value,
    spread: headSpread(heads),
    ranks: headRanks(heads),
    groups,
  };
}
