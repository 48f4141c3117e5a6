import { assertEquals, assertRejects } from "@std/assert";
import { CHUNK_BYTES } from "../../lib/checkpoint/chunks.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { type StatsOptions, type TensorStats, tensorStats } from "../../lib/checkpoint/stats.ts";
import { InterruptedError } from "../../lib/errors.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import type { Dtype } from "../../lib/tensor/dtype.ts";
import { tensorByteLength } from "../../lib/tensor/shape.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { TempFolder } from "./_disk.ts";

async function statsOf(
  dtype: Dtype,
  shape: readonly number[],
  data: Uint8Array,
  options?: StatsOptions,
): Promise<TensorStats | null> {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", serialize([{ name: "w", dtype, shape, data }]));
  using checkpoint = await openCheckpoint(path);
  return await tensorStats(checkpoint.tensors.get("w")!, options);
}

const NOTHING_ODD = { zeros: 0, nan: 0, inf: 0 };

Deno.test("tensorStats() by hand: range, mean, deviation and counts of finite elements", async () => {
  const data = encodeFloats(Float64Array.of(NaN, 1, -Infinity, 0, 5, Infinity, NaN), "F16");
  const stats = await statsOf("F16", [7], data);
  assertEquals({ ...stats, std: 0 }, { min: 0, max: 5, mean: 2, std: 0, zeros: 1, nan: 2, inf: 2 });
  assertClose([stats!.std!], [Math.sqrt(14 / 3)], { atol: 0, rtol: 1e-15 });
});

Deno.test("tensorStats() of no finite element has counts alone", async () => {
  const none = { min: null, max: null, mean: null, std: null, zeros: 0 };
  assertEquals(await statsOf("F32", [0, 3], new Uint8Array()), { ...none, nan: 0, inf: 0 });
  const nan = encodeFloats(Float64Array.of(NaN), "F32");
  assertEquals(await statsOf("F32", [], nan), { ...none, nan: 1, inf: 0 });
});

Deno.test("tensorStats() gives 64-bit integers with every digit", async () => {
  const least = -(2n ** 63n);
  const data = new Uint8Array(BigInt64Array.of(5n, least, 2n ** 62n + 1n, 7n).buffer);
  const stats = await statsOf("I64", [4], data);
  assertEquals([stats?.min, stats?.max], [least, 2n ** 62n + 1n]);
  const small = new Uint8Array(BigUint64Array.of(3n, 9n).buffer);
  assertEquals(await statsOf("U64", [2], small), {
    min: 3,
    max: 9,
    mean: 6,
    std: 3,
    ...NOTHING_ODD,
  });
});

Deno.test("tensorStats() joins the ranges of 64-bit integers in several chunks", async () => {
  const values = new BigInt64Array(CHUNK_BYTES / 8 + 2);
  const ends = async (first: bigint, last: bigint) => {
    values[0] = first;
    values[values.length - 1] = last;
    const stats = await statsOf("I64", [values.length], new Uint8Array(values.buffer));
    return [stats?.min, stats?.max];
  };
  const [least, most] = [-(2n ** 60n) - 1n, 2n ** 60n + 1n];
  assertEquals(await ends(least, most), [least, most]);
  assertEquals(await ends(most, least), [least, most]);
});

Deno.test("tensorStats() takes truth values for 0 and 1", async () => {
  const stats = await statsOf("BOOL", [4], Uint8Array.of(0, 1, 1, 0));
  assertEquals(stats, { min: 0, max: 1, mean: 0.5, std: 0.5, zeros: 2, nan: 0, inf: 0 });
});

Deno.test("tensorStats() has none for complex numbers and elements narrower than a byte", async () => {
  for (const dtype of ["C64", "F4", "F6_E2M3"] as const) {
    const data = new Uint8Array(tensorByteLength(dtype, [4]));
    assertEquals(await statsOf(dtype, [4], data), null);
  }
});

Deno.test("tensorStats() agrees with the definition across chunks, for BF16", async () => {
  const length = CHUNK_BYTES / 2 + 12_345;
  const values = noise(length, { seed: 9, scale: 3 }).map((x) => x + 10);
  const data = encodeFloats(values, "BF16");
  const words = new Uint16Array(data.buffer);
  const rounded = Float32Array.from(
    words,
    (word) => new Float32Array(Uint32Array.of(word << 16).buffer)[0]!,
  );
  let sum = 0;
  for (const value of rounded) sum += value;
  const mean = sum / length;
  let squares = 0;
  for (const value of rounded) squares += (value - mean) ** 2;
  const seen: number[] = [];
  const stats = await statsOf("BF16", [length], data, {
    columns: 7,
    onBytes: (bytes) => seen.push(bytes),
  });
  assertClose([stats!.mean!, stats!.std!], [mean, Math.sqrt(squares / length)], {
    atol: 0,
    rtol: 1e-12,
  });
  assertEquals(stats!.min, rounded.reduce((a, b) => Math.min(a, b)));
  assertEquals(stats!.max, rounded.reduce((a, b) => Math.max(a, b)));
  assertEquals(stats!.histogram!.length, 7);
  assertEquals(stats!.histogram!.reduce((a, b) => a + b), length);
  assertEquals(seen, [CHUNK_BYTES, data.byteLength - CHUNK_BYTES]);
});

Deno.test("tensorStats() stops when aborted", async () => {
  const signal = AbortSignal.abort();
  await assertRejects(
    () => statsOf("U8", [1], new Uint8Array(1), { signal }),
    InterruptedError,
  );
});
