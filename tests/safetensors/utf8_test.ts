import { assertEquals } from "@std/assert";
import { findInvalidUtf8 } from "../../lib/safetensors/utf8.ts";
import { seededRandom } from "../_noise.ts";

Deno.test("findInvalidUtf8() finds nothing in well-formed text", () => {
  const text = "a\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}";
  assertEquals(findInvalidUtf8(new TextEncoder().encode(text)), -1);
});

Deno.test("findInvalidUtf8() gives the place where a sequence goes wrong", () => {
  for (
    const bad of [
      [0x80],
      [0xc0, 0x80],
      [0xc1, 0xbf],
      [0xe0, 0x9f, 0xbf],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xe2, 0x82],
      [0xe2, 0x41, 0x80],
    ]
  ) {
    assertEquals(findInvalidUtf8(Uint8Array.of(0x41, 0xc3, 0xa9, ...bad)), 3);
  }
});

Deno.test("findInvalidUtf8() agrees with TextDecoder about what is well-formed", () => {
  const random = seededRandom(4);
  const lead = [0x41, 0x80, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf4];
  for (let i = 0; i < 5000; i++) {
    const bytes = Uint8Array.from(
      { length: 1 + Math.floor(random() * 4) },
      () => lead[Math.floor(random() * lead.length)]!,
    );
    let isValid = true;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      isValid = false;
    }
    assertEquals(findInvalidUtf8(bytes) === -1, isValid, `${bytes}`);
  }
});
