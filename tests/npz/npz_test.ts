import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { isNpzArchive, readNpz } from "../../lib/npz/npz.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { StridedSource } from "../../lib/tensor/strided.ts";
import { ZipArchive } from "../../lib/zip/archive.ts";
import { type MemberSpec, zip } from "../zip/_zip.ts";
import { header, npy } from "./_npy.ts";

const ARRAY = npy(header("'|u1'", "(2, 2)"), Uint8Array.of(1, 2, 3, 4));

async function archiveOf(...members: readonly MemberSpec[]): Promise<ZipArchive> {
  return await ZipArchive.open(new MemorySource(await zip(members)), "a.npz");
}

Deno.test("readNpz() names arrays as their members, without the suffix", async () => {
  const archive = await archiveOf(
    { name: "layer.0.weight.npy", data: ARRAY },
    { name: "a/b.npy", data: ARRAY, method: 8 },
    { name: ".npy", data: ARRAY },
  );
  assertEquals(isNpzArchive(archive), true);
  const tensors = await readNpz(archive);
  assertEquals([...tensors.keys()], ["layer.0.weight", "a/b", ""]);
  for (const tensor of tensors.values()) {
    assertEquals(await new StridedSource(tensor).read(0, 4), Uint8Array.of(1, 2, 3, 4));
  }
  archive.close();
});

Deno.test("readNpz() compares checksums while data is read", async () => {
  for (const method of [0, 8]) {
    const claims = { crc32: 5 };
    const archive = await archiveOf({ name: "w.npy", data: ARRAY, method, claims });
    const source = new StridedSource((await readNpz(archive)).get("w")!);
    const error = await assertRejects(() => source.read(0, 4), TinygraftError);
    assertEquals(error.code, "invalid-zip");
    assertStringIncludes(error.message, "checksum");
    archive.close();
  }
});

Deno.test("isNpzArchive() wants arrays and nothing else", async () => {
  const is = async (...names: string[]) =>
    isNpzArchive(await archiveOf(...names.map((name) => ({ name, data: ARRAY }))));
  assertEquals(await is("a.npy", "b.npy"), true);
  assertEquals(await is("a.npy", "readme.txt"), false);
  assertEquals(await is(), false);
});
