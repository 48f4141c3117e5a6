import { assertEquals } from "@std/assert";
import { Digest, type Part } from "../../lib/checkpoint/digest.ts";

/** A header, an empty tensor, tensors of one and five bytes. */
const PARTS: readonly Part[] = [
  { byteLength: 3 },
  { byteLength: 0, tensor: "empty" },
  { byteLength: 1, tensor: "a" },
  { byteLength: 5, tensor: "b" },
];
const BYTES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Takes bytes in piece by piece. */
function digest(bytes: readonly number[], piece: number, hashed = false): Digest {
  const taken = new Digest(PARTS, hashed);
  for (let at = 0; at < bytes.length; at += piece) {
    taken.update(Uint8Array.from(bytes.slice(at, at + piece)));
  }
  return taken;
}

const WHOLE = digest(BYTES, 9);

Deno.test("Digest finds no difference whatever the pieces are", () => {
  for (let piece = 1; piece <= 10; piece++) {
    const found = digest(BYTES, piece);
    assertEquals([WHOLE.difference(found), found.byteLength], [undefined, 9]);
  }
});

Deno.test("Digest names the part that differs", () => {
  const names = [undefined, undefined, undefined, "a", "b", "b", "b", "b", "b"];
  for (const [i, tensor] of names.entries()) {
    const bytes = BYTES.with(i, 255);
    for (const piece of [1, 2, 9]) {
      assertEquals(WHOLE.difference(digest(bytes, piece)), { tensor });
    }
  }
});

Deno.test("Digest names the part where bytes are swapped between two", () => {
  assertEquals(WHOLE.difference(digest([1, 2, 4, 3, 5, 6, 7, 8, 9], 9)), { tensor: undefined });
  assertEquals(WHOLE.difference(digest([1, 2, 3, 5, 4, 6, 7, 8, 9], 9)), { tensor: "a" });
});

Deno.test("Digest notices bytes that are missing and bytes too many", () => {
  assertEquals(WHOLE.difference(digest(BYTES.slice(0, 8), 4)), { tensor: "b" });
  assertEquals(WHOLE.difference(digest(BYTES.slice(0, 2), 4)), { tensor: undefined });
  assertEquals(WHOLE.difference(digest([...BYTES, 0], 4)), { tensor: undefined });
  assertEquals(WHOLE.difference(digest([], 4)), { tensor: undefined });
});

Deno.test("Digest takes SHA-256 of all parts together when asked", async () => {
  const want = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(BYTES)));
  assertEquals(digest(BYTES, 9, true).sha256(), want.toHex());
  assertEquals(digest(BYTES, 2, true).sha256(), want.toHex());
  assertEquals(WHOLE.sha256(), undefined);
});
