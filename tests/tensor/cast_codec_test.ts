import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { aligned, decodeIntegers, encode, widen } from "../../lib/tensor/cast_codec.ts";

Deno.test("aligned() copies only what typed arrays do not take", () => {
  const bytes = new Uint8Array(16);
  assertStrictEquals(aligned(bytes, "F64"), bytes);
  const odd = bytes.subarray(1, 9);
  assert(aligned(odd, "F64").buffer !== odd.buffer);
  assertStrictEquals(aligned(odd, "U8"), odd);
  assertThrows(() => aligned(bytes.subarray(1), "F16"), RangeError, "multiple of 2");
});

Deno.test("widen() keeps the last bit of 64-bit integers for narrower floats", () => {
  const value = 2n ** 62n + 2n ** 38n + 1n; // just above a tie of F32
  const bytes = new Uint8Array(BigInt64Array.of(value, -7n).buffer);
  assertEquals([...widen(bytes, "I64", "F64")], [2 ** 62 + 2 ** 38, -7]);
  const [forSingle] = widen(bytes, "I64", "F32");
  assertEquals(Math.fround(forSingle!), 2 ** 62 + 2 ** 39);
  assertEquals(Math.fround(2 ** 62 + 2 ** 38), 2 ** 62);
});

Deno.test("decodeIntegers() views integers in place, and makes BOOL 0 and 1", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 2, 0);
  assertEquals([...decodeIntegers(bytes, "I16")], [-1, 2]);
  assertEquals([...decodeIntegers(bytes, "BOOL")], [1, 1, 1, 0]);
  assertStrictEquals(decodeIntegers(bytes, "U16").buffer, bytes.buffer);
});

Deno.test("encode() fills the start of the buffer and no more", () => {
  const buffer = new ArrayBuffer(8);
  new Uint8Array(buffer).fill(9);
  const bytes = encode(Float32Array.of(1, -2), "F16", buffer);
  assertEquals([...bytes], [0x00, 0x3c, 0x00, 0xc0]);
  assertEquals([...new Uint8Array(buffer, 4)], [9, 9, 9, 9]);
});
