import { assertEquals, assertThrows } from "@std/assert";
import type { Dtype } from "../../lib/tensor/dtype.ts";
import { bitLength, elementCount, formatShape, tensorByteLength } from "../../lib/tensor/shape.ts";

Deno.test("elementCount() multiplies the sizes and is 1 for a scalar", () => {
  assertEquals([[], [7], [2, 3], [2, 0, 5]].map(elementCount), [1, 7, 6, 0]);
});

Deno.test("elementCount() is exact up to 2^53 - 1 and refuses more", () => {
  // 2^53 - 1 = 6361 * 69431 * 20394401
  assertEquals(elementCount([6361, 69431, 20394401]), Number.MAX_SAFE_INTEGER);
  assertThrows(() => elementCount([2 ** 26, 2 ** 27]), RangeError, "more than 2^53 - 1");
  assertEquals(elementCount([2 ** 50, 2 ** 50, 0]), 0);
  assertEquals(elementCount([...Array<number>(30).fill(2 ** 50), 0]), 0); // beyond f64 on the way
});

Deno.test("elementCount() refuses sizes that are no counts", () => {
  for (const size of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => elementCount([0, size]), RangeError);
  }
});

Deno.test("formatShape() writes sizes in brackets", () => {
  assertEquals([formatShape([]), formatShape([2]), formatShape([2, 3])], ["[]", "[2]", "[2, 3]"]);
});

Deno.test("tensorByteLength() counts bytes, sub-byte elements over the whole tensor", () => {
  const cases: [Dtype, number[], number][] = [
    ["BOOL", [3], 3],
    ["F16", [2, 3], 12],
    ["C64", [], 8],
    ["F4", [2, 3], 3],
    ["F6_E2M3", [4], 3],
    ["F6_E3M2", [2, 2, 2], 6],
    ["F64", [0, 9], 0],
    ["F64", [2 ** 49], 2 ** 52],
    ["F4", [2 ** 53 - 2], 2 ** 52 - 1],
  ];
  for (const [dtype, shape, want] of cases) assertEquals(tensorByteLength(dtype, shape), want);
});

Deno.test("tensorByteLength() refuses parts of bytes and more than 2^53 - 1", () => {
  assertThrows(() => tensorByteLength("F4", [3]), RangeError);
  assertThrows(() => tensorByteLength("F6_E2M3", [2]), RangeError);
  assertThrows(() => tensorByteLength("F64", [2 ** 50]), RangeError);
});

Deno.test("bitLength() overflows from left to right in 64 bits", () => {
  const huge = 2n ** 62n;
  assertEquals(bitLength("U8", [0, huge, huge]), 0n);
  assertEquals(bitLength("U8", [huge, huge, 0]), undefined);
  assertEquals(bitLength("F4", [2n ** 61n]), 2n ** 63n);
  assertEquals(bitLength("F64", [2n ** 58n - 1n]), 2n ** 64n - 64n);
  assertEquals(bitLength("F64", [2n ** 58n]), undefined);
  assertEquals(bitLength("F32", [3, 5]), 480n);
});
