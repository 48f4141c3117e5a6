import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { ZipArchive } from "../../lib/zip/archive.ts";
import { seededRandom } from "../_noise.ts";
import { concat, type MemberSpec, zip, type ZipSpec } from "./_zip.ts";

const TEXT = new TextEncoder().encode("some bytes, some bytes, some bytes");

async function open(members: readonly MemberSpec[], spec: ZipSpec = {}): Promise<ZipArchive> {
  return await ZipArchive.open(new MemorySource(await zip(members, spec)), "a.zip");
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(work, TinygraftError);
  assertEquals([error.code, error.path], ["invalid-zip", "a.zip"]);
  return error.message;
}

async function readAll(archive: ZipArchive, name: string, isChecked = false): Promise<Uint8Array> {
  const source = await archive.member(name, { isChecked });
  return await source.read(0, source.byteLength);
}

for (const isZip64 of [false, true]) {
  Deno.test(`ZipArchive reads stored and deflated members${isZip64 ? " in zip64" : ""}`, async () => {
    const archive = await open([
      { name: "folder/", data: new Uint8Array() },
      { name: "folder/stored", data: TEXT, padding: 13 },
      { name: "folder/deflated", data: TEXT, method: 8 },
      { name: "empty", data: new Uint8Array() },
    ], { isZip64, comment: "a comment" });
    assertEquals([...archive.members.keys()], ["folder/stored", "folder/deflated", "empty"]);
    assertEquals(await readAll(archive, "folder/stored", true), TEXT);
    assertEquals(await readAll(archive, "folder/deflated"), TEXT);
    assertEquals(await readAll(archive, "empty"), new Uint8Array());
    const middle = await (await archive.member("folder/stored")).read(5, 10);
    assertEquals(middle, TEXT.slice(5, 10));
    archive.close();
  });
}

Deno.test("ZipArchive reads ranges of a deflated member forward, backward and at once", async () => {
  const random = seededRandom(3);
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => i % 1000 < 500 ? random() * 256 : 7);
  const archive = await open([{ name: "m", data, method: 8 }]);
  const source = await archive.member("m");
  const ranges: [number, number][] = [[0, 10], [10, 70_000], [299_990, 300_000], [5, 6], [
    100,
    100,
  ]];
  for (const [begin, end] of ranges) {
    assertEquals(await source.read(begin, end), data.slice(begin, end), `[${begin}, ${end})`);
  }
  const parts = await Promise.all(ranges.map(([begin, end]) => source.read(begin, end)));
  assertEquals(parts, ranges.map(([begin, end]) => data.slice(begin, end)));
  await assertRejects(() => source.read(0, 300_001), TinygraftError, "the source has 300000 bytes");
  archive.close();
});

Deno.test("ZipArchive refuses what is no whole archive", async () => {
  const whole = await zip([{ name: "a", data: TEXT }]);
  const opening = (bytes: Uint8Array) =>
    refusal(() => ZipArchive.open(new MemorySource(bytes), "a.zip"));
  assertStringIncludes(await opening(whole.subarray(0, -1)), "it may be truncated");
  assertStringIncludes(await opening(new Uint8Array(5)), "it may be truncated");
  assertStringIncludes(await opening(concat(whole, TEXT)), "it may be truncated");
  assertStringIncludes(
    await opening(await zip([{ name: "a", data: TEXT }], { prefix: TEXT })),
    "its directory ends at byte",
  );
});

Deno.test("ZipArchive refuses members that could be read in two ways", async () => {
  const a = { name: "a", data: TEXT };
  const cases: [string, readonly MemberSpec[]][] = [
    ["stands twice", [a, a]],
    ["overlaps the next", [a, { ...a, name: "b", claims: { headerOffset: 0 } }]],
    ["cannot be", [{ ...a, claims: { byteLength: 5 } }]],
    ["overlaps the next", [{ ...a, claims: { byteLength: 99, compressedLength: 99 } }, {
      ...a,
      name: "b",
    }]],
    // 34 bytes deflate to more than 3, which cannot hold a gigabyte.
    ["cannot be", [{ ...a, method: 8, claims: { byteLength: 2 ** 30 } }]],
    ["is encrypted", [{ ...a, flags: 1 }]],
    ["method 12", [{ ...a, method: 12 }]],
  ];
  for (const [expected, members] of cases) {
    assertStringIncludes(await refusal(() => open(members)), expected);
  }
  const moved = await open([{ ...a, localName: "b" }]);
  assertStringIncludes(await refusal(() => moved.member("a")), "another header");
  assertStringIncludes(await refusal(() => moved.member("c")), 'found no member "c"');
  const padded = await open([{
    ...a,
    claims: { byteLength: 40, compressedLength: 40 },
    padding: 6,
  }]);
  assertStringIncludes(await refusal(() => padded.member("a")), "overlaps the next");
});

Deno.test("ZipArchive notices damaged data where a checksum says so", async () => {
  const claims = { crc32: 1 };
  const archive = await open([
    { name: "stored", data: TEXT, claims },
    { name: "deflated", data: TEXT, method: 8, claims },
    { name: "long", data: TEXT, method: 8, claims: { byteLength: TEXT.length - 1 } },
    { name: "short", data: TEXT, method: 8, claims: { byteLength: TEXT.length + 1 } },
    { name: "garbage", data: TEXT, claims: { byteLength: TEXT.length } },
  ]);
  assertStringIncludes(await refusal(() => readAll(archive, "stored", true)), "checksum");
  assertEquals(await readAll(archive, "stored", false), TEXT);
  assertStringIncludes(await refusal(() => readAll(archive, "deflated")), "checksum");
  assertStringIncludes(await refusal(() => readAll(archive, "long")), "goes on after its end");
  assertStringIncludes(await refusal(() => readAll(archive, "short")), "it ends at byte 34");
  archive.close();

  const stored = await open([{ name: "a", data: TEXT, claims }]);
  const source = await stored.member("a", { isChecked: true });
  await source.read(0, 10);
  await source.read(2, 20); // reading again what was read counts once
  assertStringIncludes(await refusal(() => source.read(20, TEXT.length)), "checksum");
  assertStringIncludes(await refusal(() => source.read(0, TEXT.length)), "checksum");
});

Deno.test("ZipArchive refuses deflated data that is garbage", async () => {
  const bytes = await zip([{ name: "a", data: TEXT, method: 8 }]);
  bytes.fill(0xff, 31, 40);
  const archive = await ZipArchive.open(new MemorySource(bytes), "a.zip");
  assertStringIncludes(await refusal(() => readAll(archive, "a")), "damaged");
  archive.close();
});

Deno.test("ZipArchive never fails with anything but a coded error on damaged archives", async () => {
  const random = seededRandom(4);
  const whole = await zip([
    { name: "a/data.pkl", data: TEXT },
    { name: "a/b", data: TEXT, method: 8, padding: 3 },
  ], { isZip64: true });
  let refused = 0;
  for (let run = 0; run < 2000; run++) {
    const bytes = whole.slice();
    for (let i = 0; i < 1 + run % 3; i++) {
      bytes[Math.floor(random() * bytes.length)] = random() * 256;
    }
    try {
      const archive = await ZipArchive.open(new MemorySource(bytes), "a.zip");
      for (const name of archive.members.keys()) await readAll(archive, name);
      archive.close();
    } catch (error) {
      assert(error instanceof TinygraftError && error.code === "invalid-zip", String(error));
      refused++;
    }
  }
  assert(refused > 500, `${refused} refused`);
});
