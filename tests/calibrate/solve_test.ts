import { assertEquals } from "@std/assert";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import {
  addCross,
  addGram,
  eigenvectors,
  leadingEigenvectors,
  mirror,
  solveSymmetric,
  transposeProduct,
} from "../../lib/calibrate/solve.ts";
import { multiply } from "../../lib/merge/linear_algebra.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";

const EXACT = { atol: 1e-12, rtol: 1e-12 };

function random(length: number, seed: number): Float64Array {
  return Float64Array.from(noise(length, { seed }));
}

/** `XᵀY` by its definition. */
function products(x: Float64Array, y: Float64Array, rows: number): Float64Array {
  const [left, right] = [x, y].map((m) => Matrix.from1DArray(rows, m.length / rows, m));
  return Float64Array.from(left!.transpose().mmul(right!).to1DArray());
}

for (const [rows, size, columns] of [[1, 1, 1], [4, 2, 3], [7, 5, 4], [9, 8, 1], [66, 3, 7]]) {
  Deno.test(`addGram() and addCross() add products of ${rows} rows of ${size} and ${columns}`, () => {
    const x = random(rows! * size!, 1);
    const y = random(rows! * columns!, 2);
    const gram = new Float64Array(size! ** 2).fill(1);
    addGram(gram, x, size!);
    mirror(gram, size!);
    assertClose(gram, products(x, x, rows!).map((value) => value + 1), EXACT);
    const cross = new Float64Array(size! * columns!).fill(2);
    addCross(cross, x, size!, y, columns!);
    assertClose(cross, products(x, y, rows!).map((value) => value + 2), EXACT);
    assertClose(transposeProduct(x, y, size!), products(x, y, rows!), EXACT);
  });
}

Deno.test("solveSymmetric() solves by hand and where it is checked by multiplying back", () => {
  // [4 2; 2 5] [1; 2] = [8; 12]
  assertClose(
    solveSymmetric(Float64Array.of(4, 2, NaN, 5), Float64Array.of(8, 12), 2),
    [1, 2],
    EXACT,
  );
  const x = random(30 * 12, 3);
  const matrix = products(x, x, 30);
  const right = random(12 * 3, 4);
  assertClose(multiply(matrix, solveSymmetric(matrix, right, 12), 12), right, EXACT);
});

Deno.test("solveSymmetric() sets dependent unknowns to 0 and still solves what can be", () => {
  const x = Float64Array.of(1, 2, 1, 3, 6, 2);
  const matrix = products(x, x, 2);
  const right = products(x, Float64Array.of(5, 7), 2);
  const solution = solveSymmetric(matrix, right, 3);
  assertEquals(solution[1], 0);
  assertClose(multiply(matrix, solution, 3), right, { atol: 1e-9, rtol: 1e-9 });
  assertEquals(solveSymmetric(new Float64Array(4), Float64Array.of(0, 0), 2), new Float64Array(2));
});

Deno.test("eigenvectors() puts the largest first, in rows", () => {
  // [2 1; 1 2]: 3 along (1, 1), 1 along (1, -1)
  const { values, vectors } = eigenvectors(Float64Array.of(2, 1, 1, 2), 2);
  assertClose(values, [3, 1], EXACT);
  assertClose([vectors[0]! * vectors[1]!, vectors[2]! * vectors[3]!], [0.5, -0.5], EXACT);
});

Deno.test("leadingEigenvectors() spans what a full decomposition gives", () => {
  const x = random(20 * 15, 5).map((value, i) => value * 2 ** -(i % 15));
  const matrix = products(x, x, 20);
  const found = leadingEigenvectors(matrix, 15, 3);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    Matrix.from1DArray(15, 15, matrix),
    { assumeSymmetric: true },
  );
  const order = realEigenvalues.map((_, i) => i)
    .sort((i, j) => realEigenvalues[j]! - realEigenvalues[i]!);
  for (let row = 0; row < 3; row++) {
    let cosine = 0;
    for (let i = 0; i < 15; i++) {
      cosine += found[row * 15 + i]! * eigenvectorMatrix.get(i, order[row]!);
    }
    assertClose([Math.abs(cosine)], [1], { atol: 1e-9, rtol: 0 });
  }
});

Deno.test("leadingEigenvectors() gives zeros where there is nothing", () => {
  assertEquals(leadingEigenvectors(new Float64Array(9), 3, 1), new Float64Array(3));
});
