/**
 * Least squares in f64: Gram matrices, Cholesky's decomposition, conjugate gradients and leading
 * eigenvectors.
 *
 * @module
 */

import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { gaussians, seededUint32 } from "../tensor/random.ts";

/**
 * Adds `XᵀX` to a Gram matrix, its upper half only.
 *
 * @param gram f64 [size, size], row-major; elements below the diagonal become meaningless.
 * @param rows X, f64 [rows, size]; left unchanged.
 * @param size Columns of X, at least 1.
 */
export function addGram(gram: Float64Array, rows: Float64Array, size: number): void {
  addProducts(gram, rows, size, rows, size, true);
}

/**
 * Adds `XᵀY` to a matrix.
 *
 * @param product f64 [size, columns], row-major.
 * @param left X, f64 [rows, size]; left unchanged.
 * @param size Columns of X, at least 1.
 * @param right Y, f64 [rows, columns]; left unchanged.
 * @param columns Columns of Y.
 */
export function addCross(
  product: Float64Array,
  left: Float64Array,
  size: number,
  right: Float64Array,
  columns: number,
): void {
  addProducts(product, left, size, right, columns, false);
}

/** Adds `XᵀY`, or its upper half: four rows into two at a time, so that loads are few. */
function addProducts(
  product: Float64Array,
  left: Float64Array,
  size: number,
  right: Float64Array,
  columns: number,
  upper: boolean,
): void {
  const count = left.length / size;
  const zeros = new Float64Array(Math.max(size, columns));
  const spill = new Float64Array(columns);
  for (let row = 0; row < count; row += 4) {
    const lefts = rowsFrom(left, size, row, count, zeros);
    const rights = rowsFrom(right, columns, row, count, zeros);
    for (let i = 0; i < size; i += 2) {
      const next = Math.min(i + 1, size - 1);
      const first = product.subarray(i * columns, (i + 1) * columns);
      // A last row without neighbour is added up alone.
      const second = next === i ? spill : product.subarray(next * columns, (next + 1) * columns);
      addFourRows(first, second, lefts, i, next, rights, upper ? i : 0);
    }
  }
}

type FourRows = readonly [Float64Array, Float64Array, Float64Array, Float64Array];

/** Adds to two rows of a product what four rows of its factors give. */
function addFourRows(
  first: Float64Array,
  second: Float64Array,
  [a, b, c, d]: FourRows,
  i: number,
  next: number,
  [x, y, z, w]: FourRows,
  begin: number,
): void {
  const a0 = a[i]!;
  const b0 = b[i]!;
  const c0 = c[i]!;
  const d0 = d[i]!;
  const a1 = a[next]!;
  const b1 = b[next]!;
  const c1 = c[next]!;
  const d1 = d[next]!;
  for (let j = begin; j < first.length; j++) {
    const xj = x[j]!;
    const yj = y[j]!;
    const zj = z[j]!;
    const wj = w[j]!;
    first[j]! += a0 * xj + b0 * yj + c0 * zj + d0 * wj;
    second[j]! += a1 * xj + b1 * yj + c1 * zj + d1 * wj;
  }
}

/** Four rows from `row` on; `zeros` stand for rows past the last. */
function rowsFrom(
  matrix: Float64Array,
  size: number,
  row: number,
  count: number,
  zeros: Float64Array,
): FourRows {
  const at = (k: number) => k < count ? matrix.subarray(k * size, (k + 1) * size) : zeros;
  return [at(row), at(row + 1), at(row + 2), at(row + 3)];
}

/**
 * Copies the upper half of a square matrix to the lower.
 *
 * @param matrix f64 [size, size], row-major; changed.
 * @param size Rows and columns.
 */
export function mirror(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) matrix[i * size + j] = matrix[j * size + i]!;
  }
}

/**
 * Solves `A X = B` for a symmetric, positive semidefinite A by Cholesky's decomposition. Where A is
 * singular to rounding, the unknowns of the dependent columns are 0.
 *
 * @param matrix A, f64 [size, size], row-major; only its upper half is read.
 * @param right B, f64 [size, columns], row-major; left unchanged.
 * @param size Rows and columns of A.
 * @returns X, f64 [size, columns], new.
 */
export function solveSymmetric(
  matrix: Float64Array,
  right: Float64Array,
  size: number,
): Float64Array {
  const factor = cholesky(matrix, size);
  const columns = right.length / size;
  const solution = right.slice();
  const subtract = (row: number, other: number, by: number) => {
    if (by === 0) return;
    const [to, from] = [row * columns, other * columns];
    for (let j = 0; j < columns; j++) solution[to + j]! -= by * solution[from + j]!;
  };
  const divide = (row: number) => {
    const pivot = factor[row * size + row]!;
    const by = pivot === 0 ? 0 : 1 / pivot;
    for (let j = 0; j < columns; j++) solution[row * columns + j]! *= by;
  };
  for (let row = 0; row < size; row++) {
    for (let other = 0; other < row; other++) subtract(row, other, factor[other * size + row]!);
    divide(row);
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let other = row + 1; other < size; other++) {
      subtract(row, other, factor[row * size + other]!);
    }
    divide(row);
  }
  return solution;
}

/** What is left of a diagonal element below which its column is taken to depend on others. */
const DEPENDENT = 1e-13;

/** R of `A = RᵀR`, upper triangular, f64 [size, size]; rows of zeros where A is singular. */
function cholesky(matrix: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const begin = row * size;
    factor.set(matrix.subarray(begin + row, begin + size), begin + row);
  }
  for (let row = 0; row < size; row++) {
    const begin = row * size;
    const pivot = factor[begin + row]!;
    if (!(pivot > DEPENDENT * Math.abs(matrix[begin + row]!))) {
      factor.fill(0, begin + row, begin + size);
      continue;
    }
    const by = 1 / Math.sqrt(pivot);
    for (let j = row; j < size; j++) factor[begin + j]! *= by;
    for (let i = row + 1; i < size; i++) {
      const x = factor[begin + i]!;
      if (x === 0) continue;
      for (let j = i; j < size; j++) factor[i * size + j]! -= x * factor[begin + j]!;
    }
  }
  return factor;
}

/**
 * Decomposes a small symmetric matrix.
 *
 * @param matrix f64 [size, size], row-major; left unchanged.
 * @param size Rows and columns.
 * @returns Eigenvalues, the largest first, and the unit eigenvectors as rows, f64 [size, size].
 */
export function eigenvectors(
  matrix: Float64Array,
  size: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    Matrix.from1DArray(size, size, matrix),
    { assumeSymmetric: true },
  );
  const order = realEigenvalues.map((_, i) => i)
    .sort((i, j) => realEigenvalues[j]! - realEigenvalues[i]!);
  return {
    values: Float64Array.from(order, (i) => realEigenvalues[i]!),
    vectors: Float64Array.from(
      { length: size * size },
      (_, i) => eigenvectorMatrix.get(i % size, order[Math.floor(i / size)]!),
    ),
  };
}

/** Vectors beyond those asked for that the search for eigenvectors carries along. */
const SPARE_VECTORS = 8;
/** Rounds of that search: a vector half as long as the last carried fades to 2^-40 of it. */
const SEARCH_ROUNDS = 40;

/**
 * Finds the leading eigenvectors of a large symmetric, positive semidefinite matrix by subspace
 * iteration from a fixed random start.
 *
 * @param matrix f64 [size, size], row-major, both halves; left unchanged.
 * @param size Rows and columns.
 * @param count How many, from 1 to `size`.
 * @returns Unit rows, f64 [count, size], the one of the largest eigenvalue first.
 * @see G. Golub, C. Van Loan, "Matrix Computations", section 8.2
 */
export function leadingEigenvectors(
  matrix: Float64Array,
  size: number,
  count: number,
): Float64Array {
  const carried = Math.min(size, count + SPARE_VECTORS);
  let basis: Float64Array = gaussians(carried * size, seededUint32(0));
  orthonormalise(basis, size);
  for (let round = 0; round < SEARCH_ROUNDS; round++) {
    basis = multiplySymmetric(matrix, basis, size);
    orthonormalise(basis, size);
  }
  const image = multiplySymmetric(matrix, basis, size);
  const core = new Float64Array(carried * carried);
  for (let i = 0; i < carried; i++) {
    for (let j = 0; j < carried; j++) {
      core[i * carried + j] = dot(basis, i * size, image, j * size, size);
    }
  }
  const { vectors } = eigenvectors(core, carried);
  const leading = new Float64Array(count * size);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < carried; j++) {
      const factor = vectors[i * carried + j]!;
      for (let k = 0; k < size; k++) leading[i * size + k]! += factor * basis[j * size + k]!;
    }
  }
  return leading;
}

/** `X A` for a symmetric A: each row of X times A, new. */
function multiplySymmetric(matrix: Float64Array, rows: Float64Array, size: number): Float64Array {
  const product = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row += size) {
    for (let i = 0; i < size; i++) product[row + i] = dot(rows, row, matrix, i * size, size);
  }
  return product;
}

/** Gram-Schmidt, twice; a row that depends on those before it becomes zeros. */
function orthonormalise(rows: Float64Array, size: number): void {
  for (let row = 0; row < rows.length; row += size) {
    const before = Math.sqrt(dot(rows, row, rows, row, size));
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other += size) {
        const part = dot(rows, row, rows, other, size);
        for (let i = 0; i < size; i++) rows[row + i]! -= part * rows[other + i]!;
      }
    }
    const rest = Math.sqrt(dot(rows, row, rows, row, size));
    const by = rest > DEPENDENT * before ? 1 / rest : 0;
    for (let i = 0; i < size; i++) rows[row + i]! *= by;
  }
}

/** The inner product of `length` elements of two arrays, from their own beginnings. */
function dot(
  a: Float64Array,
  beginA: number,
  b: Float64Array,
  beginB: number,
  length: number,
): number {
  let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    sum0 += a[beginA + i]! * b[beginB + i]!;
    sum1 += a[beginA + i + 1]! * b[beginB + i + 1]!;
    sum2 += a[beginA + i + 2]! * b[beginB + i + 2]!;
    sum3 += a[beginA + i + 3]! * b[beginB + i + 3]!;
  }
  for (; i < length; i++) sum0 += a[beginA + i]! * b[beginB + i]!;
  return sum0 + sum1 + (sum2 + sum3);
}

/**
 * Multiplies `AᵀB`.
 *
 * @param a f64 [rows, columns]; left unchanged.
 * @param b f64 [rows, other columns]; left unchanged.
 * @param columns Columns of A.
 * @returns A new array, f64 [columns, other columns].
 */
export function transposeProduct(a: Float64Array, b: Float64Array, columns: number): Float64Array {
  const others = b.length / (a.length / columns);
  const product = new Float64Array(columns * others);
  addCross(product, a, columns, b, others);
  return product;
}
