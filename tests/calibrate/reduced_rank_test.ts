import { assertEquals } from "@std/assert";
import { inverse, Matrix, SingularValueDecomposition } from "ml-matrix";
import { reducedRank } from "../../lib/calibrate/reduced_rank.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";

const [ROWS, SIZE, COLUMNS] = [40, 6, 4];
const G = Matrix.from1DArray(ROWS, SIZE, noise(ROWS * SIZE, { seed: 1 }));
const Y = Matrix.from1DArray(ROWS, COLUMNS, noise(ROWS * COLUMNS, { seed: 2 }));
const flat = (matrix: Matrix) => Float64Array.from(matrix.to1DArray());
const GRAM = G.transpose().mmul(G);
const CROSS = G.transpose().mmul(Y);

for (const rank of [1, 2, COLUMNS]) {
  Deno.test(`reducedRank() is ridge regression cut by the SVD of its fit at rank ${rank}`, () => {
    const ridge = 0.05;
    const { value, output, gain } = reducedRank(flat(GRAM), flat(CROSS), rank, ridge);
    // The ridge as rows of data: their fit's singular vectors say which directions stay.
    const mean = GRAM.trace() / SIZE;
    const regular = Matrix.add(GRAM, Matrix.eye(SIZE, SIZE).mul(ridge * mean));
    const full = inverse(regular).mmul(CROSS);
    const extended = Matrix.zeros(ROWS + SIZE, SIZE);
    extended.setSubMatrix(G, 0, 0);
    extended.setSubMatrix(Matrix.eye(SIZE, SIZE).mul(Math.sqrt(ridge * mean)), ROWS, 0);
    const svd = new SingularValueDecomposition(extended.mmul(full), { autoTranspose: true });
    const kept = svd.rightSingularVectors.subMatrix(0, COLUMNS - 1, 0, rank - 1);
    const want = full.mmul(kept).mmul(kept.transpose());
    const found = Matrix.from1DArray(rank, SIZE, value).transpose()
      .mmul(Matrix.from1DArray(rank, COLUMNS, output));
    assertClose(flat(found), flat(want), { atol: 1e-9, rtol: 1e-9 });
    const explained = svd.diagonal.slice(0, rank).reduce((sum, s) => sum + s * s, 0);
    assertClose([gain], [explained], { atol: 1e-9, rtol: 1e-9 });
  });
}

Deno.test("reducedRank() gives zeros where there is nothing to explain or to explain it by", () => {
  const nothing = reducedRank(flat(GRAM), new Float64Array(SIZE * COLUMNS), 2, 0.03);
  assertEquals(nothing.output, new Float64Array(2 * COLUMNS));
  const blind = reducedRank(new Float64Array(SIZE ** 2), flat(CROSS), 2, 0.03);
  assertEquals([blind.gain, ...blind.value], [0, ...new Array<number>(2 * SIZE).fill(0)]);
});

Deno.test("reducedRank() leaves rows of zeros where the rank is more than there are targets", () => {
  const one = flat(CROSS.subMatrix(0, SIZE - 1, 0, 0));
  const { value, output } = reducedRank(flat(GRAM), one, 2, 0);
  assertClose([Math.abs(output[0]!), output[1]!], [1, 0], { atol: 1e-12, rtol: 0 });
  assertEquals(value.subarray(SIZE), new Float64Array(SIZE));
});
