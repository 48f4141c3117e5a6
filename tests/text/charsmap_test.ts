// Precompiled character maps, written out by hand.

import { assertEquals, assertThrows } from "@std/assert";
import { characterMapNormalizer } from "../../lib/text/charsmap.ts";

const LEAF = 0x100;

/**
 * The trie of three keys: "a" gives "bc", "\u00a0" (bytes c2 a0) a space, "xe" nothing at all. A
 * unit holds its label in the low byte, whether a value follows in bit 8, and from bit 10 on what
 * its position is combined with by exclusive or to reach its children; the value of a leaf stands
 * where the byte 0 would lead.
 */
function makeMap(): string {
  const trie = new Uint32Array(0x400);
  const replacements = new TextEncoder().encode("bc\0 \0\0");
  trie[0] = 0x100 << 10; // the root's children stand from 0x100 on
  trie[0x100 ^ 0x61] = 0x61 | LEAF | ((0x161 ^ 0x200) << 10); // "a", then its value at 0x200
  trie[0x200] = 0x80000000; // "bc" begins at 0
  trie[0x100 ^ 0xc2] = 0xc2 | ((0x1c2 ^ 0x300) << 10); // c2, then children from 0x300 on
  trie[0x300 ^ 0xa0] = 0xa0 | LEAF | ((0x3a0 ^ 0x201) << 10);
  trie[0x201] = 0x80000003; // " "
  trie[0x100 ^ 0x78] = 0x78 | ((0x178 ^ 0x280) << 10); // "x", without a value
  trie[0x280 ^ 0x65] = 0x65 | LEAF | ((0x2e5 ^ 0x202) << 10);
  trie[0x202] = 0x80000005; // ""
  const bytes = new Uint8Array(4 + trie.byteLength + replacements.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, trie.byteLength, true);
  for (const [i, unit] of trie.entries()) view.setUint32(4 + 4 * i, unit, true);
  bytes.set(replacements, 4 + trie.byteLength);
  return bytes.toBase64();
}

Deno.test("characterMapNormalizer() replaces characters and leaves others", () => {
  const normalize = characterMapNormalizer(makeMap());
  assertEquals(normalize(""), "");
  assertEquals(normalize("bad cab"), "bbcd cbcb");
  assertEquals(normalize("é\u00a0a日a"), "é bc日bc");
});

Deno.test("characterMapNormalizer() looks a short grapheme up whole, by its shortest beginning", () => {
  const normalize = characterMapNormalizer(makeMap());
  assertEquals(normalize("a\u0301b"), "bcb"); // "a" matches, so the accent goes with it
  assertEquals(normalize("a\u0301\u0302\u0303b"), "bc\u0301\u0302\u0303b"); // 7 bytes: one by one
  assertEquals(normalize("xe"), "xe"); // two graphemes: no key of one character
});

Deno.test("characterMapNormalizer() refuses what is no map", () => {
  for (const bytes of [[], [1, 0], [3, 0, 0, 0, 1, 2, 3], [8, 0, 0, 0, 1, 2, 3, 4]]) {
    const base64 = Uint8Array.from(bytes).toBase64();
    assertThrows(() => characterMapNormalizer(base64), SyntaxError, "character map");
  }
  assertThrows(() => characterMapNormalizer("no base64!"), SyntaxError);
});
