// Any bytes give a valid result or a coded error, never another exception.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ERROR_CODES, SafetensorsError } from "../../lib/errors.ts";
import { checkSource, readHeader } from "../../lib/safetensors/reader.ts";
import { layoutFile, serialize } from "../../lib/safetensors/writer.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { tensorByteLength } from "../../lib/tensor/shape.ts";
import { seededRandom } from "../_noise.ts";
import { metadata, tensors } from "./_arbitrary.ts";
import { CountingSource } from "./_counting.ts";
import { mutate } from "./_mutate.ts";
import { mutateStructure } from "./_mutate_structure.ts";
import { REGRESSIONS } from "./_regressions.ts";

/** Reads a file both ways, checks that they agree, and tells whether it was accepted. */
async function isAccepted(file: Uint8Array): Promise<boolean> {
  const source = new MemorySource(file);
  const counting = new CountingSource(source);
  const { header, faults } = await checkSource(counting);
  assert(counting.bytes <= 2 * file.length, `${counting.bytes} bytes read of ${file.length}`);
  for (const { code } of faults) assert(Object.hasOwn(ERROR_CODES, code), code);
  try {
    assertEquals(await readHeader(source), header);
  } catch (error) {
    assert(error instanceof SafetensorsError, `${error}`);
    assertEquals(error.code as string, faults[0]?.code);
    return false;
  }
  assertEquals(faults, []);
  let end = 0;
  for (const { dtype, shape, dataOffsets } of header!.tensors.values()) {
    assertEquals(dataOffsets, [end, end + tensorByteLength(dtype, shape)]);
    end = dataOffsets[1];
  }
  assertEquals(header!.dataStart + end, file.length);
  return true;
}

Deno.test("readHeader() gives a header or a coded error for any bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 64 }),
      async (bytes) => void await isAccepted(bytes),
    ),
    { seed: 1, numRuns: 1000 },
  );
});

Deno.test("readHeader() gives a header or a coded error for damaged files", async () => {
  const random = seededRandom(2);
  const counts = { accepted: 0, refused: 0 };
  for (const specs of fc.sample(tensors, { seed: 3, numRuns: 150 })) {
    const file = serialize(specs, fc.sample(metadata(2), { seed: specs.length, numRuns: 1 })[0]);
    for (let i = 0; i < 20; i++) {
      const damaged = mutate(file, random);
      counts[await isAccepted(damaged) ? "accepted" : "refused"]++;
    }
  }
  // The damage must reach both ways through the reader, else nothing was tested.
  assert(counts.accepted > 100 && counts.refused > 1000, JSON.stringify(counts));
});

Deno.test("readHeader() gives a header or a coded error where the structure is damaged", async () => {
  const random = seededRandom(4);
  const counts = { accepted: 0, refused: 0 };
  for (const specs of fc.sample(tensors, { seed: 5, numRuns: 150 })) {
    const strings = fc.sample(metadata(2), { seed: specs.length, numRuns: 1 })[0]!;
    for (let i = 0; i < 20; i++) {
      const { file } = mutateStructure(layoutFile(specs, strings), strings, random);
      counts[await isAccepted(file) ? "accepted" : "refused"]++;
    }
  }
  assert(counts.accepted > 100 && counts.refused > 1000, JSON.stringify(counts));
});

Deno.test("readHeader() keeps its verdict on the minimised cases", async () => {
  for (const { what, file, ours } of REGRESSIONS) {
    const { faults } = await checkSource(new MemorySource(file));
    assertEquals(faults[0]?.code ?? "accepted", ours, what);
    assertEquals(await isAccepted(file), ours === "accepted", what);
  }
});
