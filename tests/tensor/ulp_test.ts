import { assertEquals } from "@std/assert";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import type { FloatDtype } from "../../lib/tensor/dtype.ts";
import { float8Values } from "../../lib/tensor/float8.ts";
import { compareBits, sameBytes } from "../../lib/tensor/ulp.ts";

const of = (dtype: FloatDtype, ...values: number[]) =>
  encodeFloats(Float64Array.from(values), dtype);

/** Distance from 1 to the next number, and the least number above 0. */
const PRECISION = {
  F64: [2 ** -52, 2 ** -1074],
  F32: [2 ** -23, 2 ** -149],
  F16: [2 ** -10, 2 ** -24],
  BF16: [2 ** -7, 2 ** -133],
} as const;

for (
  const [dtype, [step, least]] of Object.entries(PRECISION) as [FloatDtype, [number, number]][]
) {
  const ulps = (a: number, b: number) => compareBits(of(dtype, a), of(dtype, b), dtype).maxUlps;

  Deno.test(`compareBits() counts representable numbers of ${dtype}`, () => {
    assertEquals(ulps(1, 1 + step), 1);
    assertEquals(ulps(1 + 5 * step, 1), 5);
    // Below 1 numbers lie twice as close.
    assertEquals(ulps(1 - step, 1 + step), 3);
    assertEquals(ulps(-1, -1 - 2 * step), 2);
    assertEquals(ulps(2, 4), 1 / step);
    // Across zero: the least numbers of either sign are two steps apart.
    assertEquals(ulps(-least, least), 2);
    assertEquals(ulps(-least, 0), 1);
  });

  Deno.test(`compareBits() leaves NaN and Inf of ${dtype} out of the distance`, () => {
    const a = of(dtype, 1, NaN, Infinity, 0, 7);
    const b = of(dtype, 1 + step, 1, 1, -0, 7);
    assertEquals(compareBits(a, b, dtype), { differing: 4, maxUlps: 1 });
    assertEquals(compareBits(b, b, dtype), { differing: 0, maxUlps: 0 });
  });
}

Deno.test("compareBits() counts F64 steps exactly where they exceed 32 bits", () => {
  const a = new Uint8Array(BigUint64Array.of(0x3ff00000_00000001n, 0x80000000_00000003n).buffer);
  const b = new Uint8Array(BigUint64Array.of(0x3ff00002_00000000n, 0x00000001_00000000n).buffer);
  assertEquals(compareBits(a, b, "F64"), { differing: 2, maxUlps: 0x2_0000_0000 - 1 });
});

Deno.test("compareBits() walks every 8-bit float in the order of its values", () => {
  for (const dtype of ["F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0"] as const) {
    const values = float8Values(dtype);
    const finite = [...values.keys()].filter((pattern) => Number.isFinite(values[pattern]));
    // -0 and 0 are one place; sorting by value is the definition of the distance.
    const places = [...new Set(finite.map((pattern) => values[pattern]! + 0))]
      .sort((a, b) => a - b);
    for (const a of finite) {
      for (const b of [finite[0]!, finite.at(-1)!, finite[(a * 37) % finite.length]!]) {
        const [from, to] = [places.indexOf(values[a]! + 0), places.indexOf(values[b]! + 0)];
        const { maxUlps } = compareBits(Uint8Array.of(a), Uint8Array.of(b), dtype);
        assertEquals(maxUlps, Math.abs(from - to), `${dtype} ${a} ${b}`);
      }
    }
  }
});

Deno.test("compareBits() leaves NaN of 8-bit floats out of the distance", () => {
  const compare = (a: number, dtype: "F8_E4M3" | "F8_E4M3FNUZ" | "F8_E8M0") =>
    compareBits(Uint8Array.of(a), Uint8Array.of(1), dtype);
  assertEquals(compare(0xff, "F8_E4M3"), { differing: 1, maxUlps: 0 });
  assertEquals(compare(0x80, "F8_E4M3FNUZ"), { differing: 1, maxUlps: 0 });
  assertEquals(compare(0xff, "F8_E8M0"), { differing: 1, maxUlps: 0 });
});

Deno.test("compareBits() counts differing integers by element, without a distance", () => {
  const a = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const b = Uint8Array.of(1, 2, 3, 9, 5, 6, 9, 9);
  const differing = (dtype: "BOOL" | "U8" | "I16" | "U32" | "I64") =>
    compareBits(a, b, dtype).differing;
  assertEquals([differing("U8"), differing("I16"), differing("U32"), differing("I64")], [
    3,
    2,
    2,
    1,
  ]);
  assertEquals(compareBits(a, b, "BOOL"), { differing: 3, maxUlps: undefined });
});

Deno.test("sameBytes() compares every byte, at any length and offset", () => {
  for (const length of [0, 1, 7, 8, 9, 16, 23]) {
    const a = Uint8Array.from({ length }, (_, i) => i + 1);
    for (const offset of [0, 1]) {
      const buffer = new Uint8Array(length + offset);
      buffer.set(a, offset);
      const b = buffer.subarray(offset);
      assertEquals(sameBytes(a, b), true);
      for (let i = 0; i < length; i++) {
        b[i]! ^= 0x80;
        assertEquals(sameBytes(a, b), false, `${length} ${i}`);
        b[i]! ^= 0x80;
      }
    }
  }
  assertEquals(sameBytes(new Uint8Array(3), new Uint8Array(4)), false);
});
