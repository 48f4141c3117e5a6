import { assert, assertEquals, assertThrows } from "@std/assert";
import { TensorCast } from "../../lib/tensor/cast.ts";
import {
  CAST_DTYPES,
  type CastDtype,
  isCastDtype,
  isCastFloat,
  isCastInteger,
  isCastSource,
} from "../../lib/tensor/cast_dtypes.ts";
import { decodeFloats64 } from "../../lib/tensor/decode.ts";
import { type Dtype, DTYPES, isFloatDtype } from "../../lib/tensor/dtype.ts";
import { decodeFloat8, isFloat8 } from "../../lib/tensor/float8.ts";
import { seededRandom } from "../_noise.ts";

type Small = "F16" | "BF16" | "F8_E4M3" | "F8_E5M2" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ";
const SMALL: readonly Small[] = ["F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"];

/** The numbers of some tensor data, exact in f64 but for 64-bit integers. */
function numbers(bytes: Uint8Array, dtype: Dtype): number[] {
  const data = Uint8Array.from(bytes).buffer;
  if (isFloatDtype(dtype)) return [...decodeFloats64(bytes, dtype)];
  if (isFloat8(dtype)) return [...decodeFloat8(bytes, dtype)];
  switch (dtype) {
    case "I8":
      return [...new Int8Array(data)];
    case "I16":
      return [...new Int16Array(data)];
    case "I32":
      return [...new Int32Array(data)];
    case "U16":
      return [...new Uint16Array(data)];
    case "U32":
      return [...new Uint32Array(data)];
    case "I64":
      return [...new BigInt64Array(data)].map(Number);
    case "U64":
      return [...new BigUint64Array(data)].map(Number);
    default:
      return [...bytes];
  }
}

/** Every pattern of a type of 8 or 16 bits. */
function allPatterns(dtype: Dtype): Uint8Array {
  if (DTYPES[dtype].bits === 8) return Uint8Array.from({ length: 256 }, (_, i) => i);
  return new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
}

/** What a cast should do to one number, by definition: the nearest of all that the type has. */
function nearestOf(dtype: Small): (value: number) => number | "outside" {
  const values = numbers(allPatterns(dtype), dtype);
  const half = values.slice(0, values.length / 2);
  const finite = half.filter(Number.isFinite); // ascending, index = pattern
  const hasInfinity = half.includes(Infinity);
  const beyond = 2 * finite.at(-1)! - finite.at(-2)!;
  return (value) => {
    if (Number.isNaN(value)) return NaN;
    const magnitude = Math.abs(value);
    if (magnitude === Infinity) return hasInfinity ? value : "outside";
    let low = 0;
    let high = finite.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (finite[middle]! <= magnitude) low = middle;
      else high = middle;
    }
    const [below, above] = [finite[low]!, finite[low + 1] ?? beyond];
    const toBelow = magnitude - below;
    const toAbove = above - magnitude;
    const up = toAbove < toBelow || (toAbove === toBelow && low % 2 === 1);
    if (up && low + 1 === finite.length) return "outside";
    const result = up ? above : below;
    const negative = value < 0 || Object.is(value, -0);
    if (result === 0 && dtype.endsWith("FNUZ")) return 0;
    return negative ? -result : result;
  };
}

/** Casts and compares every element with its definition, refusing and clamping. */
function checkAgainst(
  bytes: Uint8Array,
  from: Dtype,
  to: CastDtype,
  want: (value: number) => number | "outside",
  largest: number,
): void {
  const inputs = numbers(bytes, from);
  const wanted = inputs.map(want);
  const outside = wanted.filter((value) => value === "outside").length;
  for (const saturate of [false, true]) {
    const cast = new TensorCast(from, to, { saturate });
    const outputs = numbers(cast.next(bytes), to);
    const bad = outputs.flatMap((output, i) => {
      const value = wanted[i]!;
      if (value === "outside" && !saturate) return [];
      const expected = value === "outside" ? Math.sign(inputs[i]!) * largest : value;
      return Object.is(output, expected) ? [] : [`${inputs[i]}: ${output}, expected ${expected}`];
    });
    assertEquals(bad.slice(0, 5), [], `${from} to ${to}`);
    const { tally } = cast;
    assertEquals(tally.elements, inputs.length);
    assertEquals(tally.beyond + tally.infinite, outside, `${from} to ${to}`);
    assertEquals(cast.refused, saturate ? 0 : outside);
    const flushed = inputs.filter((input, i) => input !== 0 && wanted[i] === 0).length;
    assertEquals(tally.toZero, flushed, `${from} to ${to}: to zero`);
  }
}

for (const to of SMALL) {
  const want = nearestOf(to);
  const largest = Math.max(...numbers(allPatterns(to), to).filter(Number.isFinite));

  Deno.test(`TensorCast casts every small float to ${to} as its definition says`, () => {
    for (const from of SMALL) {
      if (from !== to) checkAgainst(allPatterns(from), from, to, want, largest);
    }
    checkAgainst(allPatterns("F8_E8M0"), "F8_E8M0", to, want, largest);
  });

  Deno.test(`TensorCast casts F32, F64 and integers to ${to} as its definition says`, () => {
    const random = seededRandom(11);
    const words = Uint32Array.from({ length: 40_000 }, () => random() * 2 ** 32);
    const bytes = new Uint8Array(words.buffer);
    for (const from of ["F32", "F64", "I8", "U16", "I32", "U32"] as const) {
      checkAgainst(bytes, from, to, want, largest);
    }
    // Numbers of the target's own scale: random patterns are mostly out of range.
    const near = Float64Array.from({ length: 20_000 }, () => (random() - 0.5) * 2.2 * largest);
    checkAgainst(new Uint8Array(near.buffer), "F64", to, want, largest);
    const tiny = Float64Array.from({ length: 20_000 }, () => (random() - 0.5) * 2 ** -8);
    checkAgainst(new Uint8Array(tiny.buffer), "F64", to, want, largest);
  });
}

Deno.test("TensorCast rounds F64 to F32 like Math.fround, and refuses what overflows", () => {
  const values = [1 / 3, 1e-46, 2 ** -149, 3.4028235677973366e38, 3.4e38, 1e39, -1e300, Infinity];
  const cast = new TensorCast("F64", "F32");
  const bytes = cast.next(new Uint8Array(Float64Array.from(values).buffer));
  assertEquals(numbers(bytes, "F32"), values.map(Math.fround));
  assertEquals({ ...cast.tally }, {
    elements: 8,
    beyond: 3,
    largest: 1e300,
    infinite: 0,
    nan: 0,
    toZero: 1,
  });
  assertEquals(cast.refused, 3);
});

Deno.test("TensorCast rounds floats to integers to nearest, ties to even", () => {
  const values = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 127.5, 126.5, -128.5, 0.2];
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  const want = [0, 2, 2, 0, -2, -2, 0, 127, 126, -128, 0];
  const cast = new TensorCast("F64", "I8", { saturate: true });
  assertEquals(numbers(cast.next(bytes), "I8"), want);
  // 127.5 rounds to 128, which is beyond; -128.5 rounds to -128, which is not.
  assertEquals([cast.tally.beyond, cast.tally.largest, cast.tally.toZero], [1, 128, 4]);
});

Deno.test("TensorCast holds integers at their bounds, and knows no NaN among them", () => {
  const values = Float64Array.of(2 ** 63, 2 ** 63 - 1024, -(2 ** 63), -1e30, Infinity, NaN, -1);
  const bytes = new Uint8Array(values.buffer);
  const signed = new TensorCast("F64", "I64", { saturate: true });
  const found = new BigInt64Array(signed.next(bytes).slice().buffer);
  const most = 2n ** 63n - 1n;
  assertEquals([...found], [most, 2n ** 63n - 1024n, -(2n ** 63n), -(2n ** 63n), most, 0n, -1n]);
  assertEquals({ ...signed.tally }, {
    elements: 7,
    beyond: 2,
    largest: 1e30,
    infinite: 1,
    nan: 1,
    toZero: 0,
  });
  assertEquals(signed.refused, 1); // NaN has no place, clamped or not
  const unsigned = new TensorCast("F64", "U8", { saturate: true });
  assertEquals([...unsigned.next(bytes)], [255, 255, 0, 0, 255, 0, 0]);
});

Deno.test("TensorCast keeps 64-bit integers exact among integers", () => {
  const values = BigInt64Array.of(2n ** 62n + 1n, -(2n ** 63n), 255n, 256n, -1n);
  const bytes = new Uint8Array(values.buffer);
  const same = new TensorCast("I64", "U64", { saturate: true });
  const found = new BigUint64Array(same.next(bytes).slice().buffer);
  assertEquals([...found], [2n ** 62n + 1n, 0n, 255n, 256n, 0n]);
  const narrow = new TensorCast("I64", "U8");
  narrow.next(bytes);
  assertEquals([narrow.refused, narrow.tally.beyond], [4, 4]);
  const wide = new TensorCast("I8", "I64").next(Uint8Array.of(0xff, 0x7f));
  assertEquals([...new BigInt64Array(wide.slice().buffer)], [-1n, 127n]);
});

/** The float with `bits` of mantissa that is nearest to an integer, ties to even, by definition. */
function roundInteger(value: bigint, bits: number): number {
  const magnitude = value < 0n ? -value : value;
  const excess = magnitude.toString(2).length - bits;
  if (excess <= 0) return Number(value);
  const unit = 1n << BigInt(excess);
  const rest = magnitude % unit;
  const floor = magnitude - rest;
  const isOdd = (floor / unit) % 2n === 1n;
  const up = rest * 2n > unit || (rest * 2n === unit && isOdd);
  const rounded = Number(up ? floor + unit : floor);
  return value < 0n ? -rounded : rounded;
}

Deno.test("TensorCast rounds 64-bit integers to floats once", () => {
  const random = seededRandom(3);
  const some = Array.from({ length: 2000 }, () => {
    const high = BigInt(Math.floor(random() * 2 ** 32));
    return BigInt.asIntN(
      64,
      ((high << 32n) | BigInt(Math.floor(random() * 2 ** 32))) >>
        BigInt(Math.floor(random() * 40)),
    );
  });
  // Just above a tie of F32 and of BF16: two roundings would lose the last bit, then round down.
  const traps = [24n, 8n].flatMap((bits) => {
    const tie = (2n ** 62n) + 2n ** (62n - bits);
    return [tie, tie + 1n, tie - 1n, -tie, -tie - 1n, -tie + 1n];
  });
  const values = [...traps, ...some];
  const bytes = new Uint8Array(BigInt64Array.from(values).buffer);
  const mantissas = [["F32", 24], ["BF16", 8], ["F64", 53]] as const;
  for (const [to, bits] of mantissas) {
    const found = numbers(new TensorCast("I64", to).next(bytes), to);
    assertEquals(found, values.map((value) => roundInteger(value, bits)), to);
  }
});

Deno.test("TensorCast reads BOOL as 0 and 1", () => {
  const cast = new TensorCast("BOOL", "F16");
  assertEquals(numbers(cast.next(Uint8Array.of(0, 1, 2)), "F16"), [0, 1, 1]);
});

Deno.test("TensorCast takes any alignment, leaves its input alone and counts over pieces", () => {
  const bytes = new Uint8Array(13);
  bytes.set(new Uint8Array(Float32Array.of(1, 1e6, -2).buffer), 1);
  const before = bytes.slice();
  const cast = new TensorCast("F32", "F16", { saturate: true });
  assertEquals(numbers(cast.next(bytes.subarray(1, 5)), "F16"), [1]);
  assertEquals(numbers(cast.next(bytes.subarray(5)), "F16"), [65504, -2]);
  assertEquals([cast.tally.elements, cast.tally.beyond], [3, 1]);
  assertEquals(bytes, before);
  assertEquals(cast.next(new Uint8Array()).length, 0);
});

Deno.test("TensorCast casts small pieces as it casts large ones", () => {
  // Large pieces of small elements are looked up, small pieces are computed.
  for (const from of ["F16", "BF16", "F8_E4M3", "F8_E4M3FNUZ", "I8", "U16"] as const) {
    const bytes = allPatterns(from);
    for (const to of ["F16", "F8_E4M3", "F8_E5M2FNUZ", "F32", "BF16"] as const) {
      if (to === from) continue;
      for (const saturate of [false, true]) {
        const whole = new TensorCast(from, to, { saturate });
        const parts = new TensorCast(from, to, { saturate });
        const want = whole.next(bytes).slice();
        const found = new Uint8Array(want.length);
        let filled = 0;
        for (let at = 0; at < bytes.length; at += 254) {
          const part = parts.next(bytes.subarray(at, at + 254));
          found.set(part, filled);
          filled += part.length;
        }
        const wanted = numbers(want, to);
        const same = numbers(found, to).every((value, i) => Object.is(value, wanted[i]));
        assert(same, `${from} to ${to}`);
        assertEquals({ ...parts.tally }, { ...whole.tally }, `${from} to ${to}`);
      }
    }
  }
});

Deno.test("TensorCast refuses half an element and dtypes without numbers", () => {
  assertThrows(() => new TensorCast("F32", "F16").next(new Uint8Array(6)), RangeError, "multiple");
  for (const from of ["C64", "F4", "F6_E2M3", "F6_E3M2"] as const) {
    assert(!isCastSource(from));
    assertThrows(() => new TensorCast(from, "F32"), TypeError, from);
  }
});

Deno.test("CAST_DTYPES holds the floats and the integers, and no other", () => {
  assertEquals(CAST_DTYPES.filter((dtype) => isCastFloat(dtype) === isCastInteger(dtype)), []);
  const others = Object.keys(DTYPES).filter((dtype) => !isCastDtype(dtype));
  assertEquals(others, ["BOOL", "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "C64"]);
});
