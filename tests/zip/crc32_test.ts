import { assertEquals } from "@std/assert";
import { crc32 } from "../../lib/zip/crc32.ts";

const TEXT = new TextEncoder().encode("some bytes, some bytes");

Deno.test("crc32() gives the check value of the standard", () => {
  // The CRC of "123456789" is part of every description of the algorithm.
  assertEquals(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  const [head, tail] = [TEXT.subarray(0, 5), TEXT.subarray(5)];
  assertEquals(crc32(tail, crc32(head)), crc32(TEXT));
});
