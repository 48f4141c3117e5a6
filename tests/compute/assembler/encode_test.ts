import { assertEquals } from "@std/assert";
import {
  float,
  list,
  name,
  section,
  signed,
  unsigned,
} from "../../../lib/compute/assembler/encode.ts";

Deno.test("unsigned() and signed() write LEB128", () => {
  assertEquals([0, 127, 128, 624485].map(unsigned), [[0], [0x7f], [0x80, 1], [0xe5, 0x8e, 0x26]]);
  assertEquals(unsigned(2 ** 32 - 1), [0xff, 0xff, 0xff, 0xff, 0x0f]);
  assertEquals([0, 63, 64, -1, -64, -65].map(signed), [
    [0],
    [0x3f],
    [0xc0, 0],
    [0x7f],
    [0x40],
    [0xbf, 0x7f],
  ]);
  assertEquals(signed(-123456), [0xc0, 0xbb, 0x78]);
  assertEquals(signed(2 ** 31), signed(-(2 ** 31))); // the same 32 bits
});

Deno.test("lists, names and sections carry their lengths", () => {
  assertEquals(float(1), [0, 0, 0x80, 0x3f]);
  assertEquals(list([[1, 2], [3]]), [2, 1, 2, 3]);
  assertEquals(name("é"), [2, 0xc3, 0xa9]);
  assertEquals(section(7, [9, 9]), [7, 2, 9, 9]);
});
