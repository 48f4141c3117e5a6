import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Dtype, DTYPES } from "../../lib/tensor/dtype.ts";
import {
  alignedBytes,
  numberReader,
  numericBytes,
  type NumericDtype,
  viewOf,
} from "../../lib/tensor/numbers.ts";
import { seededRandom } from "../_noise.ts";

/** Each dtype through DataView, which knows nothing of typed arrays' alignment. */
const GETTERS: Partial<Record<Dtype, (view: DataView, at: number) => number>> = {
  BOOL: (view, at) => view.getUint8(at) === 0 ? 0 : 1,
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  U16: (view, at) => view.getUint16(at, true),
  I16: (view, at) => view.getInt16(at, true),
  F16: (view, at) => view.getFloat16(at, true),
  BF16: (view, at) => {
    const word = new DataView(new ArrayBuffer(4));
    word.setUint16(0, view.getUint16(at, true)); // the upper half of a big-endian f32
    return word.getFloat32(0);
  },
  U32: (view, at) => view.getUint32(at, true),
  I32: (view, at) => view.getInt32(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  F64: (view, at) => view.getFloat64(at, true),
  U64: (view, at) => Number(view.getBigUint64(at, true)),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
};

for (
  const [dtype, get] of Object.entries(GETTERS) as [NumericDtype, typeof GETTERS.U8 & object][]
) {
  Deno.test(`numberReader() decodes every kind of ${dtype}, aligned or not`, () => {
    const random = seededRandom(7);
    const buffer = Uint8Array.from({ length: 8 * 500 + 3 }, () => random() * 256);
    // All ones and the sign alone are where signed and unsigned differ.
    buffer.fill(0xff, 16, 32);
    buffer.set([0, 0, 0, 0, 0, 0, 0, 0x80], 32);
    const reader = numberReader(dtype)!;
    for (const offset of [0, 3]) {
      const bytes = buffer.subarray(offset, offset + 8 * 500);
      const count = bytes.length / reader.bytesPerElement;
      const view = new DataView(buffer.buffer, offset);
      const want = Float64Array.from(
        { length: count },
        (_, i) => get(view, i * reader.bytesPerElement),
      );
      assertEquals(reader.decode(bytes, new Float64Array(count + 5)), want);
    }
  });
}

Deno.test("numberReader() decodes 8-bit floats by their tables", () => {
  const target = new Float64Array(3);
  const decode = (dtype: Dtype, ...bytes: number[]) =>
    numberReader(dtype)?.decode(Uint8Array.from(bytes), target);
  assertEquals(decode("F8_E4M3", 0x38, 0xfe, 0x7f), Float64Array.of(1, -448, NaN));
  assertEquals(decode("F8_E5M2", 0x3c, 0xfc, 0x01), Float64Array.of(1, -Infinity, 2 ** -16));
  assertEquals(decode("F8_E4M3FNUZ", 0x40, 0x80, 0xc0), Float64Array.of(1, NaN, -1));
  assertEquals(decode("F8_E5M2FNUZ", 0x40, 0x80, 0xc0), Float64Array.of(1, NaN, -1));
  assertEquals(decode("F8_E8M0", 0x7f, 0x80, 0xff), Float64Array.of(1, 2, NaN));
});

Deno.test("numberReader() has a reader for every dtype but complex and sub-byte ones", () => {
  const without = (Object.keys(DTYPES) as Dtype[]).filter((dtype) => !numberReader(dtype));
  assertEquals(without, ["F4", "F6_E2M3", "F6_E3M2", "C64"]);
});

Deno.test("numericBytes() gives the width in bytes", () => {
  const widths = (["BOOL", "F8_E4M3", "BF16", "I32", "U64"] as const).map(numericBytes);
  assertEquals(widths, [1, 1, 2, 4, 8]);
});

Deno.test("alignedBytes() copies only where it must", () => {
  const bytes = new Uint8Array(16);
  assertStrictEquals(alignedBytes(bytes, 8), bytes);
  const odd = bytes.subarray(1, 9);
  assertEquals(alignedBytes(odd, 1), odd);
  assertEquals(alignedBytes(odd, 8).byteOffset, 0);
});

Deno.test("viewOf() shares memory with aligned bytes", () => {
  const bytes = new Uint8Array(8);
  viewOf(Uint32Array, bytes)[1] = 0x01020304;
  assertEquals([...bytes], [0, 0, 0, 0, 4, 3, 2, 1]);
});
