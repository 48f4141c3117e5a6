import { assertEquals } from "@std/assert";
import {
  decodeFloat8,
  encodeFloat8,
  type Float8Dtype,
  isFloat8,
  type SignedFloat8,
} from "../../lib/tensor/float8.ts";
import { DTYPES, isDtype } from "../../lib/tensor/dtype.ts";
import { seededRandom } from "../_noise.ts";

const ALL = Uint8Array.from({ length: 256 }, (_, pattern) => pattern);

// Known points of each kind, from the tables of its specification.
const POINTS: Record<Float8Dtype, readonly (readonly [pattern: number, value: number])[]> = {
  F8_E4M3: [[0x00, 0], [0x80, -0], [0x01, 2 ** -9], [0x08, 2 ** -6], [0x38, 1], [0x7e, 448]],
  F8_E5M2: [[0x00, 0], [0x80, -0], [0x01, 2 ** -16], [0x04, 2 ** -14], [0x3c, 1], [0x7b, 57344]],
  F8_E4M3FNUZ: [[0x00, 0], [0x01, 2 ** -10], [0x08, 2 ** -7], [0x40, 1], [0x7f, 240]],
  F8_E5M2FNUZ: [[0x00, 0], [0x01, 2 ** -17], [0x04, 2 ** -15], [0x40, 1], [0x7f, 57344]],
  F8_E8M0: [[0x00, 2 ** -127], [0x7f, 1], [0x80, 2], [0xfe, 2 ** 127], [0xff, NaN]],
};

const NANS: Record<Float8Dtype, readonly number[]> = {
  F8_E4M3: [0x7f, 0xff],
  F8_E5M2: [0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff],
  F8_E4M3FNUZ: [0x80],
  F8_E5M2FNUZ: [0x80],
  F8_E8M0: [0xff],
};

const SIGNED = ["F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"] as const;

/** What a number beyond the largest becomes. */
const BEYOND: Record<SignedFloat8, readonly [positive: number, negative: number]> = {
  F8_E4M3: [0x7f, 0xff],
  F8_E5M2: [0x7c, 0xfc],
  F8_E4M3FNUZ: [0x80, 0x80],
  F8_E5M2FNUZ: [0x80, 0x80],
};

for (const dtype of Object.keys(POINTS).filter(isDtype).filter(isFloat8)) {
  Deno.test(`decodeFloat8() gives ${dtype} its known values, in order, and its NaNs`, () => {
    const values = decodeFloat8(ALL, dtype);
    for (const [pattern, value] of POINTS[dtype]) {
      assertEquals(Object.is(values[pattern], value), true, `pattern ${pattern}`);
    }
    assertEquals([...ALL].filter((pattern) => Number.isNaN(values[pattern])), NANS[dtype]);
    const finite = [...values.subarray(0, dtype === "F8_E8M0" ? 255 : 128)]
      .filter((value) => Number.isFinite(value));
    assertEquals(finite.every((value, i) => i === 0 || value > finite[i - 1]!), true);
    if (dtype === "F8_E8M0") return;
    const negated = [...ALL].filter((pattern) =>
      pattern < 128 && Math.abs(values[pattern]!) !== -values[pattern + 128]! &&
      !Number.isNaN(values[pattern]! + values[pattern + 128]!)
    );
    assertEquals(negated, []);
  });
}

for (const dtype of SIGNED) {
  const encode = (value: number) => encodeFloat8(Float64Array.of(value), dtype)[0]!;
  const values = decodeFloat8(ALL, dtype);
  const last = 127 - [...values.subarray(0, 128)].reverse().findIndex(Number.isFinite);
  const [above, below] = BEYOND[dtype];

  Deno.test(`encodeFloat8() gives every ${dtype} its pattern, and NaN a NaN`, () => {
    for (const input of [values, new Float64Array(values)]) {
      const back = encodeFloat8(input, dtype);
      const bad = [...ALL].filter((pattern) =>
        Number.isNaN(values[pattern])
          ? !NANS[dtype].includes(back[pattern]!)
          : back[pattern] !== pattern
      );
      assertEquals(bad, []);
    }
  });

  Deno.test(`encodeFloat8() rounds ${dtype} half-way values to even, others to nearest`, () => {
    const bad: string[] = [];
    for (let low = 0; low <= last; low++) {
      const value = values[low]!;
      // Beyond the largest the steps go on as before.
      const next = low === last ? 2 * value - values[low - 1]! : values[low + 1]!;
      const middle = (value + next) / 2;
      const up = low === last ? above : low + 1;
      const even = low % 2 === 0 ? low : up;
      const negative = (pattern: number) => {
        if (low === last && pattern === above) return below;
        return pattern === 0 && dtype.endsWith("FNUZ") ? 0 : pattern + 128;
      };
      // The nudges are far below what an f32 can hold: both roundings must be one.
      const nudge = middle * 2 ** -50;
      for (const [x, want] of [[middle, even], [middle - nudge, low], [middle + nudge, up]]) {
        if (encode(x!) !== want) bad.push(`${x}: ${encode(x!)}, expected ${want}`);
        if (encode(-x!) !== negative(want!)) bad.push(`${-x!}: ${encode(-x!)}`);
      }
    }
    assertEquals(bad, []);
  });

  Deno.test(`encodeFloat8() rounds f32 to ${dtype} like the same values in f64`, () => {
    const random = seededRandom(7);
    const words = Uint32Array.from({ length: 100_000 }, () => random() * 2 ** 32);
    const singles = new Float32Array(words.buffer).map((value) => Number.isNaN(value) ? 0 : value);
    assertEquals(encodeFloat8(singles, dtype), encodeFloat8(new Float64Array(singles), dtype));
    // A view that does not start its buffer.
    assertEquals(encodeFloat8(singles.subarray(3, 5), dtype).length, 2);
    assertEquals(
      encodeFloat8(singles.subarray(3), dtype),
      encodeFloat8(singles, dtype).subarray(3),
    );
  });

  Deno.test(`encodeFloat8() turns what ${dtype} cannot hold into its infinity or NaN`, () => {
    for (const value of [1e5, 3.5e38, 1e300, Infinity]) {
      assertEquals([encode(value), encode(-value)], [above, below]);
    }
    const negativeZero = dtype.endsWith("FNUZ") ? 0 : 0x80;
    assertEquals([0, -0, 1e-300, -1e-300].map(encode), [0, negativeZero, 0, negativeZero]);
    const nans = Float32Array.from(new Float32Array(Uint32Array.of(0x7f800001, 0xff80ffff).buffer));
    const found = [...decodeFloat8(encodeFloat8(nans, dtype), dtype)];
    assertEquals(found, [NaN, NaN]);
  });
}

Deno.test("isFloat8() knows the five 8-bit floats", () => {
  const found = Object.keys(DTYPES).filter((name) => isDtype(name) && isFloat8(name));
  assertEquals(found.sort(), Object.keys(POINTS).sort());
});
