/**
 * What became of each adapter of a merge or soup, and which heads are whose.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../lib/adapter/config.ts";
import type { Adapter } from "../lib/adapter/open.ts";
import type { MeasuredMerge } from "../lib/eval/measured_merge.ts";
import type { GreedyStep, MeasuredSoup } from "../lib/eval/soup_check.ts";
import type { AdapterMerge } from "../lib/merge/merge_adapter.ts";
import type { MergeSource } from "../lib/report/merge_report.ts";
import { printable } from "./format.ts";

/** A merge, as far as it says what became of its adapters. */
export interface MergeOutcome {
  /** The merge. */
  readonly merge: Pick<AdapterMerge, "config">;
  /** What running it showed, if it was run. */
  readonly measured?: MeasuredMerge | MeasuredSoup;
  /** What a greedy soup tried. */
  readonly steps?: readonly GreedyStep[];
}

/**
 * Lists the adapters of a merge in the order in which their heads are numbered.
 *
 * @param adapters The adapters as they were given; they stay open and belong to the caller.
 * @param outcome The merge.
 * @returns One entry an adapter: those of a greedy soup in the order in which it tried them.
 */
export async function mergeSources(
  adapters: readonly Adapter[],
  { merge, measured, steps }: MergeOutcome,
): Promise<MergeSource[]> {
  const ingredients = measured !== undefined && "best" in measured ? measured : undefined;
  const ordered = steps === undefined ? adapters : inOrderTried(adapters, steps);
  const kept = steps?.filter((step) => step.kept).length ?? 0;
  return await Promise.all(ordered.map(async (adapter, i): Promise<MergeSource> => {
    const step = steps?.[i];
    const alone = ingredients?.ingredients[adapters.indexOf(adapter)];
    return {
      adapter: adapter.location,
      heads: adapter.config.numHeads,
      weight: step === undefined
        ? merge.config.mergedFrom?.[i]?.weight ?? 1
        : step.kept
        ? 1 / kept
        : 0,
      contentHash: await adapter.contentHash(),
      ...(alone === undefined || ingredients === undefined
        ? {}
        : { metric: alone.metrics[ingredients.comparison.metric]! }),
    };
  }));
}

/** The adapters as the steps name them; one that was given twice is found twice. */
function inOrderTried(adapters: readonly Adapter[], steps: readonly GreedyStep[]): Adapter[] {
  const left = [...adapters];
  return steps.map((step) => {
    const at = left.findIndex(({ location }) => location === step.adapter);
    return left.splice(at, 1)[0]!;
  });
}

/**
 * Says which heads of a soup are whose.
 *
 * @param sources The adapters, from {@linkcode mergeSources}.
 * @param config The soup's config.
 * @returns Such as `0 to 3 of a, 4 of b`; in words where layers differ in heads.
 */
export function headOwners(sources: readonly MergeSource[], config: AdapterConfig): string {
  const parts: string[] = [];
  let next = 0;
  for (const { adapter, heads, weight } of sources) {
    if (weight === 0) continue;
    const counts = Array.from(
      { length: config.numHiddenLayers },
      (_, layer) => headsOfLayer({ ...config, numHeads: heads }, layer),
    );
    if (new Set(counts).size > 1) return "numbered through the adapters in the order given";
    const last = next + counts[0]! - 1;
    parts.push(`${last === next ? next : `${next} to ${last}`} of ${printable(adapter)}`);
    next = last + 1;
  }
  return parts.join(", ");
}
