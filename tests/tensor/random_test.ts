import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gaussians, seededUint32 } from "../../lib/tensor/random.ts";

/** sfc32 in 32-bit integers by BigInt, as its definition reads. */
function sfc32(seed: number, count: number): number[] {
  const mask = 0xffffffffn;
  let [a, b, c, counter] = [0x9e3779b9n, 0x243f6a88n, BigInt(seed), 1n];
  const values: number[] = [];
  for (let i = 0; i < 16 + count; i++) {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = ((((c << 21n) | (c >> 11n)) & mask) + sum) & mask;
    values.push(Number(sum));
  }
  return values.slice(16);
}

Deno.test("seededUint32() gives the numbers of sfc32", () => {
  for (const seed of [0, 1, 42, 0xffffffff]) {
    const next = seededUint32(seed);
    assertEquals(Array.from({ length: 50 }, next), sfc32(seed, 50));
  }
});

Deno.test("gaussians() has mean 0, deviation 1 and the tails of a normal distribution", () => {
  const count = 40_001;
  const values = gaussians(count, seededUint32(3));
  const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / count;
  // Five standard errors: 1/√n, √2/√n, √96/√n.
  assert(Math.abs(moment(1)) < 5 / Math.sqrt(count), `mean ${moment(1)}`);
  assert(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / count), `variance ${moment(2)}`);
  assert(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / count), `kurtosis ${moment(4)}`);
  assert(values.every(Number.isFinite));
});

Deno.test("gaussians() depends on the seed and on nothing else", () => {
  assertEquals(gaussians(7, seededUint32(1)), gaussians(7, seededUint32(1)));
  assertNotEquals(gaussians(7, seededUint32(1)), gaussians(7, seededUint32(2)));
});

Deno.test("gaussians() stays finite at the smallest random integer", () => {
  assert(Number.isFinite(gaussians(2, () => 0)[0]));
});
