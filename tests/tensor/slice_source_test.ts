import { assertEquals, assertRejects } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { SliceSource } from "../../lib/tensor/slice_source.ts";

Deno.test("SliceSource reads its range only", async () => {
  const slice = new SliceSource(new MemorySource(Uint8Array.of(1, 2, 3, 4, 5)), 1, 4);
  assertEquals(slice.byteLength, 3);
  assertEquals(await slice.read(0, 3), Uint8Array.of(2, 3, 4));
  assertEquals(await slice.read(1, 2), Uint8Array.of(3));
  await assertRejects(() => slice.read(0, 4), TinygraftError, "the source has 3 bytes");
  await assertRejects(() => slice.read(-1, 1), TinygraftError, "the source has 3 bytes");
});
