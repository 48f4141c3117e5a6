import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import {
  type FactorPair,
  innerProduct,
  multiply,
  nearestRotation,
  productNorm,
  rowProducts,
  truncateProduct,
} from "../../lib/merge/linear_algebra.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";

const EXACT = { atol: 1e-12, rtol: 1e-12 };

function randomPair(rows: number, m: number, n: number, seed: number): FactorPair {
  const draw = (length: number, stream: number) =>
    Float64Array.from(noise(length, { seed: 2 * seed + stream }));
  return { rows, left: draw(rows * m, 0), right: draw(rows * n, 1) };
}

/** `leftᵀ right` by its definition, f64 [m, n]. */
function productOf({ rows, left, right }: FactorPair): Float64Array {
  const [m, n] = [left.length / rows, right.length / rows];
  return Float64Array.from({ length: m * n }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      sum += left[row * m + Math.floor(i / n)]! * right[row * n + i % n]!;
    }
    return sum;
  });
}

Deno.test("multiply() and rowProducts() match values worked by hand", () => {
  const a = Float64Array.of(1, 2, 3, 4, 5, 6);
  assertEquals(multiply(a, Float64Array.of(1, 0, 2, 1, 1, 10), 3), Float64Array.of(8, 32, 20, 65));
  assertEquals(
    rowProducts(a, Float64Array.of(1, 0, 1, 0, 0, 2), 3),
    Float64Array.of(4, 6, 10, 12),
  );
});

Deno.test("rowProducts() is the same for any number of rows", () => {
  const a = Float64Array.from(noise(3 * 7, { seed: 1 }));
  const b = Float64Array.from(noise(9 * 7, { seed: 2 }));
  const want = [];
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 9; column++) {
      let sum = 0;
      for (let i = 0; i < 7; i++) sum += a[7 * row + i]! * b[7 * column + i]!;
      want.push(sum);
    }
  }
  assertClose(rowProducts(a, b, 7), want, EXACT);
});

Deno.test("innerProduct() and productNorm() are those of the products", () => {
  const [one, other] = [randomPair(2, 5, 4, 3), randomPair(3, 5, 4, 4)];
  const [x, y] = [productOf(one), productOf(other)];
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  assertAlmostEquals(innerProduct(one, other), dot(x, y), 1e-12);
  assertAlmostEquals(productNorm(one), Math.sqrt(dot(x, x)), 1e-12);
});

Deno.test("truncateProduct() of as many rows keeps the product, in factors of one form", () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 9 }),
    m: fc.integer({ min: 1, max: 7 }),
    n: fc.integer({ min: 1, max: 7 }),
    seed: fc.integer({ min: 0, max: 1000 }),
  });
  fc.assert(
    fc.property(sizes, ({ rows, m, n, seed }) => {
      const pair = randomPair(rows, m, n, seed);
      const { left, right } = truncateProduct(pair, rows);
      assertClose(productOf({ rows, left, right }), productOf(pair), { atol: 1e-11, rtol: 1e-11 });
      // Orthogonal rows, of the same lengths on both sides, the longest first.
      const [ofLeft, ofRight] = [rowProducts(left, left, m), rowProducts(right, right, n)];
      assertClose(ofLeft, ofRight, { atol: 1e-11, rtol: 1e-11 });
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < rows; j++) {
          if (i !== j) assertAlmostEquals(ofLeft[i * rows + j]!, 0, 1e-11);
        }
        if (i > 0) assert(ofLeft[i * rows + i]! <= ofLeft[(i - 1) * (rows + 1)]! + 1e-11);
      }
    }),
    { seed: 21, numRuns: 200 },
  );
});

Deno.test("truncateProduct() loses exactly the singular values that it cuts off", () => {
  for (const [rows, m, n] of [[4, 6, 5], [6, 4, 9], [3, 3, 3]] as const) {
    const pair = randomPair(rows, m, n, rows);
    const product = productOf(pair);
    const { diagonal } = new SingularValueDecomposition(Matrix.from1DArray(m, n, product), {
      autoTranspose: true,
    });
    for (let kept = 1; kept < Math.min(rows, m); kept++) {
      const found = productOf(truncateProduct(pair, kept));
      const error = Math.hypot(...found.map((value, i) => value - product[i]!));
      assertAlmostEquals(error, Math.hypot(...diagonal.slice(kept)), 1e-11);
    }
  }
});

Deno.test("truncateProduct() takes zeros and rows that depend on each other", () => {
  const zero = truncateProduct(
    { rows: 2, left: new Float64Array(6), right: new Float64Array(8) },
    1,
  );
  assertEquals([zero.left, zero.right], [new Float64Array(3), new Float64Array(4)]);
  const half = randomPair(1, 5, 4, 7);
  const twice = (values: Float64Array) => Float64Array.of(...values, ...values.map((v) => -2 * v));
  const pair = { rows: 2, left: twice(half.left), right: twice(half.right) };
  assertClose(productOf(truncateProduct(pair, 1)), productOf(pair), EXACT);
  assertClose(productOf(truncateProduct(pair, 2)), productOf(pair), EXACT);
});

Deno.test("nearestRotation() of one row is its sign, plus for zero", () => {
  assertEquals([3, -1e-300, 0, -0].map((cross) => nearestRotation(Float64Array.of(cross), 1)[0]), [
    1,
    -1,
    1,
    1,
  ]);
});

Deno.test("nearestRotation() gives back a rotation and is orthogonal for any products", () => {
  const x = Float64Array.from(noise(2 * 5, { seed: 8 }));
  const [sin, cos] = [Math.sin(1), Math.cos(1)];
  for (const rotation of [[cos, -sin, sin, cos], [cos, sin, sin, -cos]]) {
    const y = multiply(Float64Array.from(rotation), x, 2);
    assertClose(nearestRotation(rowProducts(x, y, 5), 2), rotation, EXACT);
  }
  for (const cross of [[0, 0, 0, 0], [1, 2, 2, 4], [3, -1, 0, 2]]) {
    const rotation = nearestRotation(Float64Array.from(cross), 2);
    assertClose(rowProducts(rotation, rotation, 2), [1, 0, 0, 1], EXACT);
  }
});

Deno.test("nearestRotation() comes closer than any other angle", () => {
  const [x, y] = [noise(10, { seed: 9 }), noise(10, { seed: 10 })].map((v) => Float64Array.from(v));
  const distance = (rotation: ArrayLike<number>) =>
    Math.hypot(...multiply(Float64Array.from(rotation), x!, 2).map((v, i) => v - y![i]!));
  const least = distance(nearestRotation(rowProducts(x!, y!, 5), 2));
  for (let step = 0; step < 100; step++) {
    const [sin, cos] = [Math.sin(step / 16), Math.cos(step / 16)];
    assert(distance([cos, -sin, sin, cos]) >= least - 1e-12);
    assert(distance([cos, sin, sin, -cos]) >= least - 1e-12);
  }
});
