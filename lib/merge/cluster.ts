/**
 * Which heads to merge where more than one is to be left, from their weights alone.
 *
 * @module
 */

import type { Head, HeadGroups } from "./heads.ts";
import { type FactorPair, innerProduct, productNorm } from "./linear_algebra.ts";

/** How alike heads are by their weights, whatever stands between the factors; M x M each. */
export interface WeightSimilarity {
  /** Cosines between the products `[Q b]ᵀ K`: whether heads look at the same tokens. */
  readonly attention: readonly (readonly number[])[];
  /** Cosines between the products `Vᵀ Oᵀ`: whether they bring the same from there. */
  readonly value: readonly (readonly number[])[];
}

/**
 * Compares heads by their products, without data.
 *
 * @param heads Heads of one hidden size, folded and centred; left unchanged.
 * @returns Cosines in [-1, 1]: 1 on the diagonal; 0 between heads one of whose products is zero.
 */
export function weightSimilarity(heads: readonly Head[]): WeightSimilarity {
  return {
    attention: cosines(heads.map(({ attention }) => attention)),
    value: cosines(heads.map(({ value }) => value)),
  };
}

function cosines(pairs: readonly FactorPair[]): number[][] {
  const norms = pairs.map(productNorm);
  return pairs.map((one, m) =>
    pairs.map((other, n) => {
      if (m === n) return 1;
      const scale = norms[m]! * norms[n]!;
      return scale > 0 ? Math.max(-1, Math.min(1, innerProduct(one, other) / scale)) : 0;
    })
  );
}

/**
 * Divides heads into groups of heads that do alike, for a merge of each group into one head: the
 * two groups that lose least together become one until few enough are left.
 *
 * What a group loses is the sum over its pairs of `1 - max(0, cos B) |cos C|`, weighted as Ward's
 * method weighs squared distances, with the squared norms of `C` as the heads' masses. B is the
 * product that says where a head looks, C what it brings: two heads merge well when they look at
 * the same and what they bring differs by no more than a factor, of either sign. A head that adds
 * nothing costs nothing in any group.
 *
 * @param heads Heads of one hidden size, folded and centred; left unchanged.
 * @param count How many groups, from 1 to the number of heads.
 * @returns Groups in the order of their first heads; the same heads always give the same groups.
 * @see J. Ward, "Hierarchical grouping to optimize an objective function", 1963
 */
export function clusterHeads(heads: readonly Head[], count: number): HeadGroups {
  const { attention, value } = weightSimilarity(heads);
  const alike = attention.map((row, m) =>
    row.map((cosine, n) => Math.max(0, cosine) * Math.abs(value[m]![n]!))
  );
  return groupHeads(alike, heads.map((head) => productNorm(head.value) ** 2), count);
}

/**
 * Divides heads into groups of heads that are alike: the two groups that lose least together become
 * one until few enough are left. What a group loses is the sum over its pairs of `1 - alike`,
 * weighted as Ward's method weighs squared distances.
 *
 * @param alike How alike heads are, from 0 to 1, symmetric, M x M.
 * @param masses What each head counts, none negative.
 * @param count How many groups, from 1 to M.
 * @returns Groups in the order of their first heads.
 * @see J. Ward, "Hierarchical grouping to optimize an objective function", 1963
 */
export function groupHeads(
  alike: readonly (readonly number[])[],
  masses: readonly number[],
  count: number,
): HeadGroups {
  const lossOf = (group: readonly number[]) => {
    const mass = group.reduce((sum, head) => sum + masses[head]!, 0);
    let loss = 0;
    for (const m of group) {
      for (const n of group) {
        if (m < n) loss += masses[m]! * masses[n]! * (1 - alike[m]![n]!);
      }
    }
    return mass > 0 ? loss / mass : 0;
  };
  let groups = masses.map((_, head) => [head]);
  while (groups.length > count) groups = joinCheapest(groups, lossOf);
  return groups;
}

function joinCheapest(
  groups: readonly number[][],
  lossOf: (group: readonly number[]) => number,
): number[][] {
  let best: readonly [number, number] = [0, 1];
  let least = Infinity;
  for (const [i, one] of groups.entries()) {
    for (const [j, other] of groups.entries()) {
      if (j <= i) continue;
      const loss = lossOf([...one, ...other]) - lossOf(one) - lossOf(other);
      // Strictly less: of equals the first pair is joined.
      if (loss < least) [best, least] = [[i, j], loss];
    }
  }
  const [i, j] = best;
  const joined = [...groups[i]!, ...groups[j]!].sort((m, n) => m - n);
  return groups.flatMap((group, k) => k === j ? [] : k === i ? [joined] : [group]);
}
