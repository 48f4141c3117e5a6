import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  decodeInt64,
  type Int64Dtype,
  rangeOfInt64,
  subtractInt64,
} from "../../lib/tensor/int64.ts";

const RUNS = { seed: 11, numRuns: 300 };
const ARRAYS = { I64: BigInt64Array, U64: BigUint64Array };

function elements(dtype: Int64Dtype, minLength = 0) {
  const [min, max] = dtype === "I64" ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
  const near = fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n });
  const edge = fc.constantFrom(min, max, 0n, 1n, 2n ** 32n, 2n ** 32n - 1n);
  return fc.array(fc.oneof(fc.bigInt({ min, max }), near, edge), { minLength, maxLength: 9 });
}

function bytesOf(dtype: Int64Dtype, values: readonly bigint[]): Uint8Array {
  return new Uint8Array(ARRAYS[dtype].from(values).buffer);
}

for (const dtype of ["I64", "U64"] as const) {
  Deno.test(`decodeInt64() rounds ${dtype} as Number() does`, () => {
    fc.assert(
      fc.property(elements(dtype), (values) => {
        const target = new Float64Array(values.length);
        decodeInt64(bytesOf(dtype, values), dtype, target);
        assertEquals([...target], values.map(Number));
      }),
      RUNS,
    );
  });

  Deno.test(`subtractInt64() gives the exact difference of ${dtype}, rounded once`, () => {
    fc.assert(
      fc.property(elements(dtype), elements(dtype), (a, b) => {
        const count = Math.min(a.length, b.length);
        const target = new Float64Array(count);
        const bytes = [a, b].map((side) => bytesOf(dtype, side.slice(0, count))) as [
          Uint8Array,
          Uint8Array,
        ];
        subtractInt64(...bytes, dtype, target);
        assertEquals([...target], [...target].map((_, i) => Number(b[i]! - a[i]!)));
      }),
      RUNS,
    );
  });

  Deno.test(`rangeOfInt64() finds the least and largest ${dtype} exactly`, () => {
    fc.assert(
      fc.property(elements(dtype, 1), (values) => {
        const sorted = values.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0);
        assertEquals(rangeOfInt64(bytesOf(dtype, values), dtype), [sorted[0]!, sorted.at(-1)!]);
      }),
      RUNS,
    );
  });
}
