import { assert, assertEquals } from "@std/assert";
import { Moments } from "../../lib/tensor/moments.ts";
import { assertClose } from "../_close.ts";
import { noise, seededRandom } from "../_noise.ts";

function momentsOf(values: ArrayLike<number>, block = 4096): Moments {
  const moments = new Moments();
  const all = Float64Array.from(values);
  for (let at = 0; at < all.length; at += block) moments.add(all.slice(at, at + block));
  return moments;
}

/** The two-pass definition over integers scaled to bigint: exact up to the last division. */
function exactMoments(values: readonly number[], scale: number): { mean: number; std: number } {
  const integers = values.map((value) => BigInt(value * scale));
  const count = BigInt(values.length);
  const sum = integers.reduce((total, value) => total + value, 0n);
  const squares = integers.reduce((total, value) => total + (count * value - sum) ** 2n, 0n);
  const variance = Number(squares / count ** 2n) / values.length;
  return { mean: Number(sum) / values.length / scale, std: Math.sqrt(variance) / scale };
}

Deno.test("Moments by hand: 2, 4, 4, 4, 5, 5, 7, 9 have mean 5 and deviation 2", () => {
  for (const block of [1, 3, 8]) {
    const { finite, min, max, mean, std, zeros } = momentsOf([2, 4, 4, 4, 5, 5, 7, 9], block);
    assertEquals({ finite, min, max, mean, zeros }, {
      finite: 8,
      min: 2,
      max: 9,
      mean: 5,
      zeros: 0,
    });
    assertClose([std], [2], { atol: 0, rtol: 1e-15 });
  }
});

Deno.test("Moments counts NaN, infinities and zeros apart and leaves them out of the rest", () => {
  const moments = new Moments();
  assertEquals(
    moments.add(Float64Array.of(NaN, 3, -Infinity, 0, Infinity, -0, NaN, -3)),
    Float64Array.of(3, 0, -0, -3),
  );
  const { finite, nan, inf, zeros, min, max, mean } = moments;
  assertEquals([finite, nan, inf, zeros, min, max, mean], [4, 2, 2, 2, -3, 3, 0]);
  assertClose([moments.std], [Math.sqrt(4.5)], { atol: 0, rtol: 1e-15 });
});

Deno.test("Moments of nothing and of no finite number has no mean", () => {
  const moments = new Moments();
  assertEquals(moments.add(new Float64Array()).length, 0);
  assertEquals(moments.add(Float64Array.of(NaN, Infinity)).length, 0);
  assertEquals([moments.finite, moments.nan, moments.inf], [0, 1, 1]);
  assert(Number.isNaN(moments.mean));
});

Deno.test("Moments keeps the deviation where the mean is a million times as large", () => {
  // Multiples of 2^-20 about 2^20: the naive difference of squares would lose every digit.
  const scale = 2 ** 20;
  const values = [...noise(50_000, { seed: 5 })].map((x) =>
    2 ** 20 + Math.round(x * scale) / scale
  );
  const want = exactMoments(values, scale);
  const { mean, std } = momentsOf(values);
  assertClose([mean], [want.mean], { atol: 0, rtol: 1e-15 });
  assertClose([std], [want.std], { atol: 0, rtol: 1e-12 });
});

Deno.test("Moments hardly depends on the order: ascending, descending, shuffled", () => {
  const random = seededRandom(3);
  const values = Array.from({ length: 30_000 }, () => Math.round(random() ** 9 * 1e9) - 1e6);
  const want = exactMoments(values, 1);
  const ascending = values.toSorted((a, b) => a - b);
  for (const order of [values, ascending, ascending.toReversed()]) {
    const { mean, std } = momentsOf(order, 1000);
    assertClose([mean, std], [want.mean, want.std], { atol: 0, rtol: 1e-14 });
  }
});

Deno.test("Moments adds up many blocks without drift", () => {
  const moments = new Moments();
  // A tenth is no binary fraction: a plain running sum of a million is off in the 11th digit.
  for (let i = 0; i < 1_000_000; i++) moments.add(Float64Array.of(0.1));
  assertClose([moments.mean], [0.1], { atol: 0, rtol: 1e-15 });
});
