/**
 * Regression of small rank.
 *
 * @module
 */

import { leadingEigenvectors, mirror, solveSymmetric, transposeProduct } from "./solve.ts";

/** Factors of a regression. */
export interface ReducedRank {
  /** V, f64 [rank, D]. */
  readonly value: Float64Array;
  /** Oᵀ, f64 [rank, columns]: orthonormal rows, zeros where there is nothing to explain. */
  readonly output: Float64Array;
  /** By how much the sum of squares of the targets falls, the ridge counted as a loss. */
  readonly gain: number;
}

/**
 * Finds the product `VᵀOᵀ` of small rank that brings `G VᵀOᵀ` closest to Y, both less their means:
 * the ridge regression of Y on G, cut to the leading directions of what it explains.
 *
 * @param gram `GᵀG`, f64 [D, D]; left unchanged.
 * @param cross `GᵀY`, f64 [D, columns]; left unchanged.
 * @param rank Rows of the factors.
 * @param ridge What is added to the diagonal, as a part of its mean.
 * @returns The factors, new.
 * @see A. Izenman, "Reduced-rank regression for the multivariate linear model", 1975
 */
export function reducedRank(
  gram: Float64Array,
  cross: Float64Array,
  rank: number,
  ridge: number,
): ReducedRank {
  const size = Math.sqrt(gram.length);
  const columns = cross.length / size;
  const value = new Float64Array(rank * size);
  const output = new Float64Array(rank * columns);
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!;
  if (columns === 0 || trace === 0) return { value, output, gain: 0 };
  const regular = gram.slice();
  for (let i = 0; i < size; i++) regular[i * size + i]! += (ridge * trace) / size;
  const full = solveSymmetric(regular, cross, size);
  const explained = transposeProduct(cross, full, columns);
  mirror(explained, columns);
  const found = leadingEigenvectors(explained, columns, Math.min(rank, columns));
  output.set(found);
  let gain = 0;
  for (let row = 0; row < rank; row++) {
    const direction = output.subarray(row * columns, (row + 1) * columns);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += full[i * columns + j]! * direction[j]!;
      value[row * size + i] = sum;
      for (let j = 0; j < columns; j++) gain += sum * cross[i * columns + j]! * direction[j]!;
    }
  }
  return { value, output, gain };
}
