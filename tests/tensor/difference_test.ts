import { assertEquals } from "@std/assert";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import { DifferenceMeter, type ValueDifference } from "../../lib/tensor/difference.ts";
import type { Dtype, FloatDtype } from "../../lib/tensor/dtype.ts";
import { numberReader } from "../../lib/tensor/numbers.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";

const EXACT = { rtol: 0, atol: 0 };

function differenceOf(
  [dtypeA, a]: [Dtype, Uint8Array<ArrayBuffer>],
  [dtypeB, b]: [Dtype, Uint8Array<ArrayBuffer>],
  tolerance = EXACT,
): ValueDifference {
  const meter = new DifferenceMeter(numberReader(dtypeA)!, numberReader(dtypeB)!, tolerance);
  meter.add(a, b);
  return meter.result();
}

function floats(
  a: readonly number[],
  b: readonly number[],
  dtype: FloatDtype = "F32",
  tolerance = EXACT,
): ValueDifference {
  const encode = (values: readonly number[]): [Dtype, Uint8Array<ArrayBuffer>] => [
    dtype,
    encodeFloats(Float64Array.from(values), dtype),
  ];
  return differenceOf(encode(a), encode(b), tolerance);
}

Deno.test("DifferenceMeter measures by hand: [3, 4] against [3, 4.5]", () => {
  assertEquals(floats([3, 4], [3, 4.5]), {
    differing: 1,
    outside: 1,
    nonFinite: 0,
    maxAbs: 0.5,
    relativeL2: 0.1,
    cosine: 27 / (5 * Math.sqrt(29.25)),
    maxUlps: 2 ** 20, // 4 lies 2^21 numbers from 8
  });
});

Deno.test("DifferenceMeter finds nothing between equal tensors, all zeros included", () => {
  const none = { differing: 0, outside: 0, nonFinite: 0, maxAbs: 0, relativeL2: 0, maxUlps: 0 };
  assertEquals(floats([1, -2, NaN, Infinity], [1, -2, NaN, Infinity]), { ...none, cosine: 1 });
  assertEquals(floats([0, 0], [0, 0]), { ...none, cosine: null });
  assertEquals(floats([], []), { ...none, cosine: null });
});

Deno.test("DifferenceMeter tells opposite, orthogonal and zero tensors by their cosine", () => {
  assertEquals(floats([3, 4], [-3, -4]).cosine, -1);
  assertEquals(floats([1, 0], [0, 1]).cosine, 0);
  const { cosine, relativeL2, maxAbs } = floats([0, 0], [0, 1]);
  assertEquals([cosine, relativeL2, maxAbs], [null, null, 1]);
  assertEquals(floats([0, 1], [0, 0]).relativeL2, 1);
});

Deno.test("DifferenceMeter counts 0 and -0 as other bits, no distance apart", () => {
  const { differing, outside, maxAbs, maxUlps } = floats([0, 5], [-0, 5]);
  assertEquals([differing, outside, maxAbs, maxUlps], [1, 0, 0, 0]);
});

Deno.test("DifferenceMeter counts pairs with a NaN or Inf on one side and leaves them out", () => {
  const a = [NaN, 1, Infinity, Infinity, NaN, Infinity, 3, 4];
  const b = [1, NaN, -Infinity, 2, NaN, Infinity, 3, 4.5];
  const found = floats(a, b);
  assertEquals([found.nonFinite, found.outside, found.differing], [4, 5, 5]);
  assertEquals([found.maxAbs, found.relativeL2], [0.5, 0.1]);
  // NaN of other bits is still NaN: no distance, though the bits differ.
  const nans = [0x7fc00000, 0x7fc00001].map((word): [Dtype, Uint8Array<ArrayBuffer>] => [
    "F32",
    new Uint8Array(Uint32Array.of(word).buffer),
  ]) as [[Dtype, Uint8Array<ArrayBuffer>], [Dtype, Uint8Array<ArrayBuffer>]];
  const { differing, outside, nonFinite } = differenceOf(...nans);
  assertEquals([differing, outside, nonFinite], [1, 0, 0]);
});

Deno.test("DifferenceMeter takes |b - a| <= atol + rtol * |a| for the same, bounds included", () => {
  const outside = (rtol: number, atol: number) =>
    floats([8, -8, 0], [9, -9, 0.25], "F64", { rtol, atol }).outside;
  assertEquals(
    [outside(0, 0), outside(0.125, 0), outside(0.125, 0.25), outside(0, 1), outside(0.124, 0.25)],
    [3, 1, 0, 0, 0],
  );
  assertEquals(outside(0.09, 0.25), 2);
});

Deno.test("DifferenceMeter compares dtypes by value, without ULPs", () => {
  const a = encodeFloats(Float64Array.of(1, 1 / 3, NaN, 2), "F32");
  const b = encodeFloats(Float64Array.of(1, 1 / 3, NaN, Infinity), "BF16");
  const found = differenceOf(["F32", a], ["BF16", b]);
  assertEquals([found.differing, found.nonFinite, found.maxUlps], [2, 1, null]);
  assertEquals(found.maxAbs, Math.abs(Math.fround(1 / 3) - 0.333984375));
});

Deno.test("DifferenceMeter sees neighbouring 64-bit integers apart that are one f64", () => {
  const of = (value: bigint): [Dtype, Uint8Array<ArrayBuffer>] => [
    "I64",
    new Uint8Array(BigInt64Array.of(value).buffer),
  ];
  const { differing, outside, maxAbs, maxUlps } = differenceOf(of(2n ** 60n), of(2n ** 60n + 1n));
  assertEquals([differing, outside, maxAbs, maxUlps], [1, 1, 1, null]);
});

Deno.test("DifferenceMeter agrees with the definitions over many blocks, equal ones among them", () => {
  const length = 30_001;
  const a = noise(length, { seed: 1 });
  const change = noise(length, { seed: 2, scale: 0.01 });
  // The first block and the last elements stay the same.
  const b = a.map((x, i) => i < 9000 || i > 25_000 ? x : x + change[i]!);
  a[100] = b[100] = NaN;
  a[9100] = b[9100] = NaN;
  let [dd, aa, bb, ab, maxAbs, differing] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    if (Number.isNaN(a[i])) continue;
    const d = b[i]! - a[i]!;
    dd += d * d;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
    ab += a[i]! * b[i]!;
    maxAbs = Math.max(maxAbs, Math.abs(d));
    if (d !== 0) differing++;
  }
  const bytes = (values: Float32Array<ArrayBuffer>): [Dtype, Uint8Array<ArrayBuffer>] => [
    "F32",
    new Uint8Array(values.buffer),
  ];
  const found = differenceOf(bytes(a), bytes(b));
  assertEquals([found.maxAbs, found.differing, found.nonFinite], [maxAbs, differing, 0]);
  assertClose(
    [found.relativeL2!, found.cosine!],
    [Math.sqrt(dd / aa), ab / Math.sqrt(aa * bb)],
    { atol: 0, rtol: 1e-13 },
  );
});

Deno.test("DifferenceMeter has no relative measure where squares leave the range of an f64", () => {
  const large = floats([1e200, 1], [1e200, 2], "F64");
  assertEquals([large.maxAbs, large.relativeL2, large.cosine], [1, null, null]);
  const small = floats([1e-200], [2e-200], "F64");
  assertEquals([small.maxAbs, small.relativeL2, small.cosine], [1e-200, null, null]);
});
