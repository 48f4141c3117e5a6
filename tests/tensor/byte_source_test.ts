import { assertEquals, assertRejects } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";

Deno.test("MemorySource reads ranges into new buffers", async () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const source = new MemorySource(bytes);
  assertEquals(source.byteLength, 4);
  const read = await source.read(1, 3);
  assertEquals(read, Uint8Array.of(2, 3));
  read[0] = 9;
  assertEquals(bytes[1], 2);
  assertEquals(await source.read(4, 4), new Uint8Array());
});

Deno.test("MemorySource fills a caller's buffer, also one amid a larger one", async () => {
  const target = new Uint8Array(4);
  await new MemorySource(Uint8Array.of(1, 2, 3)).readInto(1, target.subarray(1, 3));
  assertEquals(target, Uint8Array.of(0, 2, 3, 0));
});

Deno.test("MemorySource refuses ranges that reach outside", async () => {
  const source = new MemorySource(new Uint8Array(4));
  const error = await assertRejects(() => source.read(2, 5), TinygraftError, "[2, 5)");
  assertEquals(error.code, "unreadable");
  await assertRejects(() => source.readInto(-1, new Uint8Array(1)), TinygraftError);
});
