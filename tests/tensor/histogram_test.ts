import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Histogram } from "../../lib/tensor/histogram.ts";
import { noise } from "../_noise.ts";

function histogramOf(values: readonly number[], block: number): Histogram {
  const histogram = new Histogram();
  let [min, max] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at += block) {
    const part = Float64Array.from(values.slice(at, at + block));
    min = Math.min(min, ...part);
    max = Math.max(max, ...part);
    histogram.add(part, min, max);
  }
  return histogram;
}

Deno.test("Histogram sorts numbers into equal columns, by hand", () => {
  const histogram = histogramOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 8.5, 9.5, 10], 5);
  assertEquals(histogram.columns(5), [2, 2, 2, 2, 4]);
  assertEquals(histogram.columns(1), [12]);
});

Deno.test("Histogram puts a single value in the first column", () => {
  assertEquals(histogramOf([0.1, 0.1, 0.1], 1).columns(4), [3, 0, 0, 0]);
  assertEquals(histogramOf([-0, 0, 0], 2).columns(2), [3, 0]);
  assertEquals(new Histogram().columns(3), [0, 0, 0]);
});

Deno.test("Histogram comes close to the definition for a bell far from zero", () => {
  const values = [...noise(20_000, { seed: 2 })].map((x) => 1000 + x / 100);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const want = new Array<number>(20).fill(0);
  for (const x of values) want[Math.min(Math.floor(((x - min) / (max - min)) * 20), 19)]!++;
  const found = histogramOf(values, 777).columns(20);
  assertEquals(found.reduce((sum, count) => sum + count, 0), values.length);
  // A hundredth of a column at either edge.
  for (const [i, count] of found.entries()) assert(Math.abs(count - want[i]!) < 80, `column ${i}`);
});

const EVERY = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1, Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324, -5e-324, -1e-300),
);
const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

Deno.test("Histogram counts every number once, whatever the range", () => {
  fc.assert(
    fc.property(fc.array(EVERY, { minLength: 1, maxLength: 40 }), fc.nat(9), (values, block) => {
      assertEquals(total(histogramOf(values, block + 1).columns(20)), values.length);
    }),
    { seed: 4, numRuns: 300 },
  );
});

Deno.test("Histogram does not depend on the order or the blocks", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, min: -1e100, max: 1e100 }).map((x) => Math.abs(x) < 1e-100 ? 0 : x),
    fc.double({ noNaN: true, min: -2, max: 2 }).map(Math.fround),
  );
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 40 }), fc.nat(9), (values, block) => {
      const columns = histogramOf(values, block + 1).columns(20);
      assertEquals(histogramOf(values.toReversed(), 3).columns(20), columns);
    }),
    { seed: 5, numRuns: 300 },
  );
});
