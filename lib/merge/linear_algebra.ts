/**
 * The matrix decompositions that merging needs, on products of two thin factors.
 *
 * @module
 */

import { Matrix, SingularValueDecomposition } from "ml-matrix";

/**
 * A matrix as the product of two factors of few rows, `leftᵀ right` [m, n]: never formed, as m and
 * n are hidden sizes. Factors are row-major.
 */
export interface FactorPair {
  /** Rows of both factors, at least 1: an upper bound of the product's rank. */
  readonly rows: number;
  /** f64 [rows, m]. */
  readonly left: Float64Array;
  /** f64 [rows, n]. */
  readonly right: Float64Array;
}

/**
 * Finds the best factors of few rows for a product: its truncated singular value decomposition,
 * `Σ^½` on each side, from orthonormal bases of both factors and the SVD of the small core between
 * them. The product that they give is the nearest of its rank in the Frobenius norm. A product of
 * zero gives factors of zero.
 *
 * @param pair Any factors; left unchanged.
 * @param rows Rows of the new factors, from 1 to as many as before, which keeps the product.
 * @returns New factors: orthogonal rows, of equal length on both sides, the longest first.
 */
export function truncateProduct(pair: FactorPair, rows: number): FactorPair {
  const left = orthogonalise(pair.left, pair.rows);
  const right = orthogonalise(pair.right, pair.rows);
  const core = Matrix.from1DArray(pair.rows, pair.rows, left.core).transpose()
    .mmul(Matrix.from1DArray(pair.rows, pair.rows, right.core));
  const svd = new SingularValueDecomposition(core);
  const side = (vectors: Matrix, basis: Float64Array) => {
    const scaled = new Float64Array(rows * pair.rows);
    for (let row = 0; row < rows; row++) {
      const scale = Math.sqrt(svd.diagonal[row]!);
      for (let i = 0; i < pair.rows; i++) {
        scaled[row * pair.rows + i] = scale * vectors.get(i, row);
      }
    }
    return multiply(scaled, basis, pair.rows);
  };
  return {
    rows,
    left: side(svd.leftSingularVectors, left.basis),
    right: side(svd.rightSingularVectors, right.basis),
  };
}

/** What is left of a row outside the span of others, below which it is taken to lie in it. */
const DEPENDENT = 1e-14;

/**
 * Writes a factor as `core basis`: core f64 [rows, rows], basis f64 [rows, m] of orthonormal rows,
 * and of rows of zeros where a row depends on those before it. Gram-Schmidt, twice, which is enough
 * to be orthonormal to rounding; it goes along the rows as they lie in memory.
 */
function orthogonalise(
  factor: Float64Array,
  rows: number,
): { readonly basis: Float64Array; readonly core: Float64Array } {
  const length = factor.length / rows;
  const basis = factor.slice();
  const core = new Float64Array(rows * rows);
  for (let row = 0; row < rows; row++) {
    const current = basis.subarray(row * length, (row + 1) * length);
    const before = Math.sqrt(dot(current, current));
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other++) {
        const unit = basis.subarray(other * length, (other + 1) * length);
        const part = dot(current, unit);
        core[row * rows + other]! += part;
        for (let i = 0; i < length; i++) current[i]! -= part * unit[i]!;
      }
    }
    const rest = Math.sqrt(dot(current, current));
    if (rest > DEPENDENT * before) {
      core[row * rows + row] = rest;
      for (let i = 0; i < length; i++) current[i]! /= rest;
    } else current.fill(0);
  }
  return { basis, core };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Finds the rotation that brings one set of rows closest to another: the orthogonal R that
 * minimises `|R X - Y|` in the Frobenius norm. With one row it is a sign; where the products are
 * zero any rotation is as good, and one row keeps its sign.
 *
 * @param cross `X Yᵀ`, f64 [size, size], row-major; left unchanged.
 * @param size Rows of X and of Y.
 * @returns R, f64 [size, size], row-major, new.
 * @see P. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966
 */
export function nearestRotation(cross: Float64Array, size: number): Float64Array {
  if (size === 1) return Float64Array.of(cross[0]! < 0 ? -1 : 1);
  const svd = new SingularValueDecomposition(Matrix.from1DArray(size, size, cross));
  const rotation = svd.rightSingularVectors.mmul(svd.leftSingularVectors.transpose());
  return Float64Array.from(rotation.to1DArray());
}

/**
 * Multiplies `A B`, all row-major.
 *
 * @param a f64 [rows, inner]; left unchanged.
 * @param b f64 [inner, columns]; left unchanged.
 * @param inner Columns of `a` and rows of `b`, at least 1.
 * @returns A new array, f64 [rows, columns].
 */
export function multiply(a: Float64Array, b: Float64Array, inner: number): Float64Array {
  const rows = a.length / inner;
  const columns = b.length / inner;
  const product = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inner; i++) {
      const factor = a[row * inner + i]!;
      for (let column = 0; column < columns; column++) {
        product[row * columns + column]! += factor * b[i * columns + column]!;
      }
    }
  }
  return product;
}

/**
 * Multiplies `A Bᵀ`: the inner products of all rows of two row-major matrices.
 *
 * @param a f64 [rows, length]; left unchanged.
 * @param b f64 [columns, length]; left unchanged.
 * @param length Elements of one row.
 * @returns A new array, f64 [rows, columns].
 */
export function rowProducts(a: Float64Array, b: Float64Array, length: number): Float64Array {
  const rows = a.length / length;
  const columns = b.length / length;
  const products = new Float64Array(rows * columns);
  // Four columns at a time: an addition need not wait for the one before it.
  for (let row = 0; row < rows; row++) {
    const begin = row * length;
    let column = 0;
    for (; column + 3 < columns; column += 4) {
      const begin0 = column * length;
      const [begin1, begin2, begin3] = [begin0 + length, begin0 + 2 * length, begin0 + 3 * length];
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let i = 0; i < length; i++) {
        const value = a[begin + i]!;
        sum0 += value * b[begin0 + i]!;
        sum1 += value * b[begin1 + i]!;
        sum2 += value * b[begin2 + i]!;
        sum3 += value * b[begin3 + i]!;
      }
      const at = row * columns + column;
      products[at] = sum0;
      products[at + 1] = sum1;
      products[at + 2] = sum2;
      products[at + 3] = sum3;
    }
    for (; column < columns; column++) {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += a[begin + i]! * b[column * length + i]!;
      products[row * columns + column] = sum;
    }
  }
  return products;
}

/**
 * Takes the Frobenius inner product of two products of factors, without forming either.
 *
 * @param one Factors; left unchanged.
 * @param other Factors of the same m and n; left unchanged.
 * @returns The sum over all elements of `one` times `other`.
 */
export function innerProduct(one: FactorPair, other: FactorPair): number {
  const left = rowProducts(one.left, other.left, one.left.length / one.rows);
  const right = rowProducts(one.right, other.right, one.right.length / one.rows);
  return left.reduce((sum, value, i) => sum + value * right[i]!, 0);
}

/**
 * Takes the Frobenius norm of a product of factors.
 *
 * @param pair Factors; left unchanged.
 * @returns The norm, 0 where the product is.
 */
export function productNorm(pair: FactorPair): number {
  // Rounding may leave a little less than nothing.
  return Math.sqrt(Math.max(0, innerProduct(pair, pair)));
}

/**
 * Puts arrays end to end, as rows of matrices of one width stand under each other.
 *
 * @param parts The arrays; left unchanged.
 * @returns A new array.
 */
export function concatenate(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let begin = 0;
  for (const part of parts) {
    whole.set(part, begin);
    begin += part.length;
  }
  return whole;
}
