// Whatever is written can be read, and writing it again gives the same bytes.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { checkSource } from "../../lib/safetensors/reader.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { DTYPES } from "../../lib/tensor/dtype.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { metadata, tensors } from "./_arbitrary.ts";
import type { TensorWithData } from "./_files.ts";

Deno.test("readHeader() reads what serialize() wrote, and it is written alike again", async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(tensors, metadata(3), async (specs, map) => {
      const file = serialize(specs, map);
      const { header, faults, warnings } = await checkSource(new MemorySource(file));
      assertEquals(faults, []);
      assertEquals(warnings.filter(({ code }) => !code.endsWith("tensor-name")), []);
      const again: TensorWithData[] = [...header!.tensors].map(([name, info]) => {
        const [begin, end] = info.dataOffsets.map((offset) => header!.dataStart + offset);
        return { name, dtype: info.dtype, shape: info.shape, data: file.subarray(begin, end) };
      });
      const byName = new Map(again.map((tensor) => [tensor.name, tensor]));
      assertEquals(byName, new Map(specs.map((tensor) => [tensor.name, tensor])));
      assertEquals(new Map(header!.metadata), map);
      assertEquals(serialize(again, header!.metadata), file);
      for (const { dtype } of specs) seen.add(dtype);
    }),
    { seed: 20260301, numRuns: 300 },
  );
  assertEquals(seen.size, Object.keys(DTYPES).length, "every dtype was tried");
});
