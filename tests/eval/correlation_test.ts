import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ascending, averageRanks, pearson, spearman } from "../../lib/eval/correlation.ts";

const f64 = (...values: number[]) => Float64Array.from(values);

Deno.test("pearson() matches a value worked by hand", () => {
  // Deviations: x -1, 0, 1; y -2, 1, 1: sums 3, 2, 6.
  assertAlmostEquals(pearson(f64(1, 2, 3), f64(0, 3, 3)), 3 / Math.sqrt(2 * 6), 1e-15);
});

Deno.test("pearson() is 1 and -1 for straight lines", () => {
  const x = f64(0.1, 0.7, 0.2, 5, -3);
  assertAlmostEquals(pearson(x, x.map((value) => 3 * value - 1)), 1, 1e-15);
  assertAlmostEquals(pearson(x, x.map((value) => 4 - value)), -1, 1e-15);
});

Deno.test("pearson() is 0, not rounding noise or NaN, where a list is constant", () => {
  const constant = new Float64Array(3).fill(0.1); // its rounded sum / 3 is not 0.1
  assertEquals(pearson(constant, f64(1, 2, 3)), 0);
  assertEquals(pearson(f64(1, 2, 3), constant), 0);
  assertEquals(pearson(constant, constant), 0);
  assertEquals(pearson(f64(4), f64(2)), 0);
});

Deno.test("pearson() keeps its digits far from 0", () => {
  const shift = (values: Float64Array) => values.map((value) => value + 2 ** 30);
  const x = f64(1, 2, 3, 7);
  const y = f64(2, 1, 4, 4);
  assertAlmostEquals(pearson(shift(x), shift(y)), pearson(x, y), 1e-12);
});

Deno.test("averageRanks() shares the average place among equal values", () => {
  const values = f64(5, -1, 5, 2, 5);
  assertEquals(averageRanks(values, ascending(values)), f64(3, 0, 3, 1, 3));
});

Deno.test("spearman() matches a value worked by hand and ignores monotone maps", () => {
  // Ranks 0 1 2 3 against 1 0 3 2: 1 - 6 * 4 / (4 * 15).
  const x = f64(1, 2, 3, 4);
  const y = f64(20, 10, 400, 30);
  assertAlmostEquals(spearman(x, y), 0.6, 1e-15);
  assertAlmostEquals(spearman(x.map(Math.exp), y.map(Math.log)), 0.6, 1e-15);
});

Deno.test("pearson() and averageRanks() with counts equal those of the repeated rows", () => {
  const row = fc.record({
    x: fc.integer({ min: -3, max: 3 }),
    y: fc.integer({ min: -3, max: 3 }),
    count: fc.integer({ min: 0, max: 4 }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
      fc.pre(rows.some(({ count }) => count > 0));
      const x = Float64Array.from(rows, (r) => r.x / 10);
      const y = Float64Array.from(rows, (r) => r.y / 10);
      const counts = Uint32Array.from(rows, (r) => r.count);
      const repeated = rows.flatMap((r, i) => new Array<number>(r.count).fill(i));
      const xs = Float64Array.from(repeated, (i) => x[i]!);
      const ys = Float64Array.from(repeated, (i) => y[i]!);
      assertAlmostEquals(pearson(x, y, counts), pearson(xs, ys), 1e-12);
      const ranks = averageRanks(x, ascending(x), counts);
      const want = averageRanks(xs, ascending(xs));
      for (const [place, i] of repeated.entries()) assertEquals(ranks[i], want[place]);
    }),
    { seed: 3, numRuns: 200 },
  );
});
