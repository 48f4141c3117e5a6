import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ErrorCode, SafetensorsError } from "../../lib/errors.ts";
import { readHeader } from "../../lib/safetensors/reader.ts";
import { sniff } from "../../lib/safetensors/sniff.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { entry, fileOf } from "./_files.ts";

const POINTER = "version https://git-lfs.github.com/spec/v1\n" +
  "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n" +
  "size 90868376\n";

/** The start of a file, filled up with zeros to a plausible length. */
function startingWith(...magic: number[]): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set(magic);
  return bytes;
}

const text = (content: string) => new TextEncoder().encode(content);

const OTHERS: readonly [what: string, file: Uint8Array, code: ErrorCode, hint: string][] = [
  ["a Git LFS pointer", text(POINTER), "header-too-large", "Git LFS pointer, not the tensor file"],
  ["a zip archive", startingWith(0x50, 0x4b, 3, 4, 0, 0, 8), "header-too-large", "zip archive"],
  ["a pickle", startingWith(0x80, 2, 0x8a, 10, 0x6c, 0xfc), "header-too-large", "Python pickle"],
  // Its length bytes are within the cap when no time stamp is stored.
  ["gzip", startingWith(0x1f, 0x8b, 8, 0, 0, 0), "invalid-header-length", "gzip"],
  ["GGUF", startingWith(0x47, 0x47, 0x55, 0x46, 3), "header-too-large", "GGUF"],
  ["HTML", text("\n<!DOCTYPE html><html></html>"), "header-too-large", "HTML page"],
  ["JSON", text('{\n  "metadata": {}\n}'), "header-too-large", "JSON text"],
  ["other text", text("sentence\tlabel\n"), "header-too-large", "the file is text"],
  ["a short JSON text", text("{}"), "header-too-small", "JSON text"],
];

for (const [what, file, code, hint] of OTHERS) {
  Deno.test(`readHeader() names ${what} for what it is and keeps the rule's code`, async () => {
    const error = await assertRejects(() => readHeader(new MemorySource(file)), SafetensorsError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, hint);
  });
}

Deno.test("sniff() gives a pointer's oid and size and tells to fetch the file", () => {
  const hint = sniff(text(POINTER)) ?? "";
  assertStringIncludes(hint, "oid sha256:4d7a214614ab2935c943f9e0ff69d22e");
  assertStringIncludes(hint, "size 90868376 bytes");
  assertStringIncludes(hint, "fetch the real file");
});

Deno.test("sniff() says nothing about what it does not know", () => {
  assertEquals(sniff(startingWith(1, 2, 3)), undefined);
  assertEquals(sniff(text("text, then a zero\0")), undefined);
  assertEquals(sniff(text("short")), undefined);
  assertEquals(sniff(new Uint8Array()), undefined);
});

Deno.test("readHeader() does not sniff a file whose length bytes look like a format", async () => {
  // 0x8b1f = 35,615 bytes of header: the first two bytes are those of gzip.
  const json = `{${entry("w", "U8", "[1]", 0, 1)}}`.padEnd(0x8b1f);
  const header = await readHeader(new MemorySource(fileOf(json, 1)));
  assertEquals(header.headerLength, 0x8b1f);
  // A fault behind the header rules is no sign of another format either.
  const error = await assertRejects(
    () => readHeader(new MemorySource(fileOf(json, 2))),
    SafetensorsError,
  );
  assertEquals(error.code, "metadata-incomplete-buffer");
  assertEquals(error.message.includes("gzip"), false);
});
