import { NormedRows } from "../../lib/calibrate/normed_rows.ts";
import { standardise } from "../../lib/calibrate/heads_on_text.ts";
import { multiply, rowProducts } from "../../lib/merge/linear_algebra.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";

const CLOSE = { atol: 1e-12, rtol: 1e-12 };
const [TOKENS, SIZE] = [11, 7];
const STATES = noise(TOKENS * SIZE, { seed: 1, scale: 3 }).map((value) => value + 1);

function transposed(matrix: Float64Array, columns: number): Float64Array {
  const rows = matrix.length / columns;
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}

Deno.test("standardise() normalises by hand", () => {
  // Mean 2, variance 1: with epsilon 3 the factor is 1/2.
  assertClose(standardise(Float32Array.of(1, 3), 2, 3), [-0.5, 0.5], CLOSE);
});

Deno.test("NormedRows multiplies as the matrix of normalised rows does", () => {
  const rows = new NormedRows(STATES, SIZE, 1e-5);
  const matrix = standardise(STATES, SIZE, 1e-5);
  const row = new Float64Array(SIZE);
  rows.row(4, row);
  assertClose(row, matrix.subarray(4 * SIZE, 5 * SIZE), CLOSE, "row");
  const weights = Float64Array.from(noise(3 * SIZE, { seed: 2 }));
  assertClose(rows.project(weights), rowProducts(matrix, weights, SIZE), CLOSE, "project");
  const coefficients = Float64Array.from(noise(TOKENS * 2, { seed: 3 }));
  const want = multiply(transposed(coefficients, 2), matrix, TOKENS);
  assertClose(rows.gather(coefficients, 2), want, CLOSE, "gather");
});
