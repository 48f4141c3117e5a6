import { assertEquals, assertThrows } from "@std/assert";
import { decodeFloats, decodeFloats64, encodeFloats } from "../../lib/tensor/decode.ts";
import type { FloatDtype } from "../../lib/tensor/dtype.ts";

const BYTES: Record<FloatDtype, number[]> = {
  F64: [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0],
  F32: [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0],
  F16: [0, 0x3e, 0, 0xc0],
  BF16: [0xc0, 0x3f, 0, 0xc0],
};

for (const [dtype, bytes] of Object.entries(BYTES) as [FloatDtype, number[]][]) {
  Deno.test(`decodeFloats() and encodeFloats() agree about ${dtype} in little-endian order`, () => {
    assertEquals(decodeFloats(Uint8Array.from(bytes), dtype), Float32Array.of(1.5, -2));
    assertEquals(decodeFloats64(Uint8Array.from(bytes), dtype), Float64Array.of(1.5, -2));
    assertEquals(encodeFloats(Float32Array.of(1.5, -2), dtype), Uint8Array.from(bytes));
    assertEquals(encodeFloats(Float64Array.of(1.5, -2), dtype), Uint8Array.from(bytes));
  });

  Deno.test(`decodeFloats() reads ${dtype} at odd offsets and copies its input`, () => {
    const shifted = Uint8Array.of(9, ...bytes, 9).subarray(1, 1 + bytes.length);
    const values = decodeFloats(shifted, dtype);
    values[0] = 7;
    assertEquals(decodeFloats64(shifted, dtype), Float64Array.of(1.5, -2));
  });

  Deno.test(`decodeFloats() takes no ${dtype} elements and refuses half of one`, () => {
    assertEquals(decodeFloats(new Uint8Array(), dtype), new Float32Array());
    assertThrows(() => decodeFloats(new Uint8Array(bytes.length - 1), dtype), RangeError);
    assertThrows(() => decodeFloats64(new Uint8Array(bytes.length - 1), dtype), RangeError);
  });
}

Deno.test("decodeFloats() rounds F64 once and decodeFloats64() not at all", () => {
  const third = encodeFloats(Float64Array.of(1 / 3), "F64");
  assertEquals(decodeFloats64(third, "F64"), Float64Array.of(1 / 3));
  assertEquals(decodeFloats(third, "F64"), Float32Array.of(Math.fround(1 / 3)));
});

Deno.test("encodeFloats() rounds f64 to BF16 once, where twice would go wrong", () => {
  // Just above half-way between 1 and the next bfloat16; as f32 it would be exactly half-way.
  const value = 1 + 2 ** -8 + 2 ** -40;
  const decoded = decodeFloats(encodeFloats(Float64Array.of(value), "BF16"), "BF16");
  assertEquals(decoded, Float32Array.of(1 + 2 ** -7));
});

Deno.test("encodeFloats() copies values of the dtype that it writes", () => {
  const values = Float32Array.of(1);
  encodeFloats(values, "F32")[0] = 9;
  assertEquals(values, Float32Array.of(1));
});
