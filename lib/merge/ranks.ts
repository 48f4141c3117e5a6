/**
 * The ranks of heads' products: lower than the width for heads that do less than it allows.
 *
 * @module
 */

import type { Head } from "./heads.ts";
import { type FactorPair, truncateProduct } from "./linear_algebra.ts";

/** The ranks of a head's two products: its width, unless the head is degenerate. */
export interface HeadRanks {
  /** Of `[Q b]ᵀ K`; 0 for a head that looks at all tokens alike. */
  readonly attention: number;
  /** Of `Vᵀ Oᵀ`; 0 for a head that adds nothing. */
  readonly value: number;
}

/** A singular value so much below the head's largest is the rounding of weights stored in F32. */
const ROUNDING = 1e-7;

/** A product so much smaller than the layer's largest is what centring leaves of zero. */
const NOTHING = 1e-12;

/**
 * Finds the ranks of the heads of a layer.
 *
 * @param heads The folded heads of one layer; left unchanged.
 * @returns One entry a head.
 */
export function headRanks(heads: readonly Head[]): HeadRanks[] {
  const attention = ranksOf(heads.map((head) => head.attention));
  const value = ranksOf(heads.map((head) => head.value));
  return heads.map((_, i) => ({ attention: attention[i]!, value: value[i]! }));
}

function ranksOf(pairs: readonly FactorPair[]): number[] {
  const spectra = pairs.map(singularValues);
  const largest = Math.max(...spectra.map(([first]) => first!));
  return spectra.map((values) => {
    const first = values[0]!;
    if (first <= NOTHING * largest) return 0;
    return values.filter((value) => value > ROUNDING * first).length;
  });
}

/** Largest first: the balanced factors have rows as long as their square roots. */
function singularValues(pair: FactorPair): number[] {
  const { left, rows } = truncateProduct(pair, pair.rows);
  const width = left.length / rows;
  return Array.from(
    { length: rows },
    (_, row) =>
      left.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + value ** 2, 0),
  );
}
