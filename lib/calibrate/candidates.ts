/**
 * Where a few heads might look in place of many: attention to start a fit from.
 *
 * @module
 */

import { clusterHeads } from "../merge/cluster.ts";
import { type HeadGroups, joinHeads, mergeGroups, splitHeads } from "../merge/heads.ts";
import type { LayerModule } from "../merge/layer.ts";
import { productMerge } from "../merge/product.ts";
import { clusterHeadsByData } from "./layer_statistics.ts";
import type { TextSimilarity } from "./similarity.ts";
import { type HeadMoments, momentsOf, textProductMerge } from "./text_product.ts";

/** Heads to start from, and which of the module's heads each stands for. */
export interface Candidate {
  /** Folded modules of one head each. */
  readonly heads: readonly LayerModule[];
  /** One group of the module's heads for each. */
  readonly groups: HeadGroups;
}

/** Ways to choose or to group heads that are all tried, at most; a few of them if there are more. */
const MOST_WAYS = 16;

/**
 * Lists attention to try: that of the groups' products, for every way to group the heads where
 * there are few ways, and that of single heads, which then stand for those most like them.
 *
 * @param folded A folded, centred module; left unchanged.
 * @param count How many heads are wanted, from 1 to its number.
 * @param similarity How alike its heads are on text.
 * @param moments What its heads' rows meet in the text.
 * @returns At least one candidate.
 */
export function listCandidates(
  folded: LayerModule,
  count: number,
  similarity: TextSimilarity,
  moments: HeadMoments,
): Candidate[] {
  const split = (module: LayerModule) =>
    splitHeads(module).map((head) => joinHeads(module, [head]));
  const single = split(folded);
  const groupings = waysToGroup(folded.numHeads, count) ??
    [clusterHeadsByData(similarity, count), clusterHeads(splitHeads(folded), count)];
  const candidates = groupings.map((groups) => {
    const merged = mergeGroups(
      folded,
      groups,
      (heads, weights, group) =>
        textProductMerge(heads, weights, momentsOf(moments, group, folded.headDim)),
    );
    return { heads: split(merged), groups };
  });
  const [first] = groupings;
  const plain = mergeGroups(folded, first!, productMerge);
  candidates.push({ heads: split(plain), groups: first! });
  for (const chosen of waysToChoose(similarity.energy, count)) {
    candidates.push({
      heads: chosen.map((head) => single[head]!),
      groups: groupAround(chosen, similarity),
    });
  }
  return candidates;
}

/** All ways to divide heads into groups, or undefined where they are too many. */
function waysToGroup(heads: number, count: number): HeadGroups[] | undefined {
  let ways: number[][][] = [[]];
  for (let head = 0; head < heads; head++) {
    const rest = heads - head - 1;
    ways = ways.flatMap((groups) => {
      const joined = groups.map((_, at) =>
        groups.map((group, i) => i === at ? [...group, head] : group)
      );
      const opened = groups.length < count ? [[...groups, [head]]] : [];
      // Enough heads must be left to open the groups that are still wanted.
      return [...joined.filter(({ length }) => length + rest >= count), ...opened];
    });
    if (ways.length > MOST_WAYS * heads) return undefined;
  }
  return ways.length <= MOST_WAYS ? ways : undefined;
}

/** All choices of some heads, or that of the strongest where they are too many. */
function waysToChoose(energy: readonly number[], count: number): number[][] {
  const heads = energy.map((_, head) => head);
  let ways = 1;
  for (let i = 0; i < count; i++) ways *= (heads.length - i) / (i + 1);
  if (ways > MOST_WAYS) {
    const strongest = heads.sort((m, n) => energy[n]! - energy[m]! || m - n).slice(0, count);
    return [strongest.sort((m, n) => m - n)];
  }
  const choices = heads.reduce<number[][]>(
    (found, head) =>
      found.flatMap((choice) => choice.length < count ? [choice, [...choice, head]] : [choice]),
    [[]],
  );
  return choices.filter(({ length }) => length === count);
}

/** Puts every head to the chosen one that it is most like on the text. */
function groupAround(chosen: readonly number[], { output }: TextSimilarity): HeadGroups {
  const groups: number[][] = chosen.map(() => []);
  for (const [head, row] of output.entries()) {
    let best = 0;
    for (const [at, other] of chosen.entries()) {
      if (Math.abs(row[other]!) > Math.abs(row[chosen[best]!]!)) best = at;
    }
    const own = chosen.indexOf(head);
    groups[own < 0 ? best : own]!.push(head);
  }
  return groups;
}
