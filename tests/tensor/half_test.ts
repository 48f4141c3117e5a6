import { assertEquals } from "@std/assert";
import {
  bfloat16ToFloats,
  floatsToBfloat16,
  floatsToHalf,
  halfToFloats,
} from "../../lib/tensor/half.ts";
import { seededRandom } from "../_noise.ts";

interface Format {
  readonly name: string;
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly widen: (bits: Uint16Array<ArrayBuffer>) => Float32Array;
  readonly narrow: (values: Float32Array | Float64Array) => Uint16Array;
}

const FORMATS: readonly Format[] = [
  { name: "F16", exponentBits: 5, mantissaBits: 10, widen: halfToFloats, narrow: floatsToHalf },
  {
    name: "BF16",
    exponentBits: 8,
    mantissaBits: 7,
    widen: bfloat16ToFloats,
    narrow: floatsToBfloat16,
  },
];

const ALL = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);

/** The value of a pattern by the definition of IEEE 754. */
function valueOf(pattern: number, { exponentBits, mantissaBits }: Format): number {
  const sign = pattern >> 15 ? -1 : 1;
  const maxExponent = 2 ** exponentBits - 1;
  const exponent = (pattern >> mantissaBits) & maxExponent;
  const mantissa = (pattern & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === maxExponent) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias);
  return sign * (1 + mantissa) * 2 ** (exponent - bias);
}

for (const format of FORMATS) {
  const { name, mantissaBits, widen, narrow } = format;
  const infinity = 0x7fff - (2 ** mantissaBits - 1);
  const round = (value: number) => narrow(Float64Array.of(value))[0];

  Deno.test(`${name} widens every pattern to its value`, () => {
    const want = Array.from(ALL, (pattern) => valueOf(pattern, format));
    assertEquals(widen(ALL).every((value, i) => Object.is(value, want[i])), true);
  });

  Deno.test(`${name} narrows every value to its pattern, and NaN to a NaN`, () => {
    for (const values of [widen(ALL), new Float64Array(widen(ALL))]) {
      const bits = narrow(values);
      const bad = ALL.filter((pattern) =>
        Number.isNaN(values[pattern])
          ? !Number.isNaN(valueOf(bits[pattern]!, format))
          : bits[pattern] !== pattern
      );
      assertEquals([...bad], []);
    }
  });

  Deno.test(`${name} rounds half-way values to even and all others to the nearest`, () => {
    const bad: string[] = [];
    for (let low = 0; low < infinity; low++) {
      // The neighbour above the largest finite value is what the next exponent would begin with.
      const above = low + 1 === infinity
        ? 2 * valueOf(low, format) - valueOf(low - 1, format)
        : valueOf(low + 1, format);
      const middle = (valueOf(low, format) + above) / 2; // exact in f64
      const even = low % 2 === 0 ? low : low + 1;
      const nudge = middle * 2 ** -50;
      const cases = [[middle, even], [middle - nudge, low], [middle + nudge, low + 1]] as const;
      for (const [value, want] of cases) {
        if (round(value) !== want || round(-value) !== want + 0x8000) bad.push(`${value}: ${want}`);
      }
    }
    assertEquals(bad, []);
  });

  Deno.test(`${name} rounds f32 values like the same values in f64`, () => {
    const random = seededRandom(5);
    const words = Uint32Array.from({ length: 100_000 }, () => random() * 2 ** 32);
    const singles = new Float32Array(words.buffer).map((value) => Number.isNaN(value) ? 0 : value);
    assertEquals(narrow(singles), narrow(new Float64Array(singles)));
  });

  Deno.test(`${name} turns what is too large into infinity and too small into zero`, () => {
    const large = [1e300, 3.5e38, Infinity];
    assertEquals(large.map(round), [infinity, infinity, infinity]);
    assertEquals(large.map((value) => round(-value)), Array(3).fill(infinity + 0x8000));
    assertEquals([0, -0, 1e-300, -1e-300].map(round), [0, 0x8000, 0, 0x8000]);
  });
}

Deno.test("floatsToBfloat16() keeps NaNs whose payload lies in the lower half", () => {
  const singles = new Float32Array(Uint32Array.of(0x7f800001, 0xff80ffff, 0x7fffffff).buffer);
  assertEquals([...bfloat16ToFloats(floatsToBfloat16(singles))], [NaN, NaN, NaN]);
});

Deno.test("halves take known values", () => {
  assertEquals([...floatsToHalf(Float32Array.of(1, -2, 65504, 65519, 65520, 2 ** -24, 0.1))], [
    0x3c00,
    0xc000,
    0x7bff,
    0x7bff,
    0x7c00,
    0x0001,
    0x2e66,
  ]);
  assertEquals([...floatsToBfloat16(Float32Array.of(1, -2, 0.1, 3.3895314e38))], [
    0x3f80,
    0xc000,
    0x3dcd,
    0x7f7f,
  ]);
});
