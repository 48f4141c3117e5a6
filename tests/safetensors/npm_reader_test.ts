// The npm package "safetensors" as a second reader. It reads no file with metadata.

import { assertEquals } from "@std/assert";
import npmSafetensors from "safetensors";
import { readHeader } from "../../lib/safetensors/reader.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";

/** The one class of the package, which has no types of its own. */
const { SafeTensor } = npmSafetensors as {
  SafeTensor: new (file: Uint8Array) => {
    readonly metadata: ReadonlyMap<string, unknown>;
    getTensor(name: string): Uint8Array;
  };
};

Deno.test("serialize() writes files that the npm package reads alike", async () => {
  const weight = Float32Array.of(1.5, -2, 0, 3.25, 1e30, -0);
  const file = serialize([
    { name: "a.weight", dtype: "F16", shape: [6], data: encodeFloats(weight, "F16") },
    { name: "b.weight", dtype: "F32", shape: [2, 3], data: encodeFloats(weight, "F32") },
    { name: "é\u{1f600}", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
    { name: "scalar", dtype: "I64", shape: [], data: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) },
    { name: "empty", dtype: "F32", shape: [0, 4], data: new Uint8Array() },
  ]);
  const header = await readHeader(new MemorySource(file));
  const other = new SafeTensor(file);
  assertEquals([...other.metadata.keys()], [...header.tensors.keys()]);
  for (const [name, { dtype, shape, dataOffsets: [begin, end] }] of header.tensors) {
    assertEquals(other.metadata.get(name), {
      dtype,
      shape,
      ["data_offsets"]: [header.dataStart + begin, header.dataStart + end],
    });
    const bytes = file.subarray(header.dataStart + begin, header.dataStart + end);
    assertEquals(other.getTensor(name), bytes);
  }
  assertEquals(
    new Float32Array(other.getTensor("b.weight").slice().buffer),
    weight,
  );
});
