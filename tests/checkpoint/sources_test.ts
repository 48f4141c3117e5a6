import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  FileSource,
  isSymlink,
  listFolder,
  readBytes,
  readJsonFile,
  readTextFile,
  realPath,
  statPath,
} from "../../lib/checkpoint/sources.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { TempFolder } from "./_disk.ts";

async function refused(reading: () => Promise<unknown>, code: string): Promise<void> {
  const error = await assertRejects(reading, TinygraftError);
  assertEquals(error.code, code);
}

Deno.test("FileSource reads ranges in any order, at once too", async () => {
  using folder = new TempFolder();
  const source = FileSource.open(folder.write("file", "0123456789"));
  const text = async (begin: number, end: number) =>
    new TextDecoder().decode(await source.read(begin, end));
  assertEquals(source.byteLength, 10);
  assertEquals(
    await Promise.all([text(7, 10), text(0, 2), text(4, 4), text(2, 5)]),
    ["789", "01", "", "234"],
  );
  const target = new Uint8Array(4);
  await source.readInto(5, target.subarray(1, 3));
  assertEquals(target, Uint8Array.of(0, 0x35, 0x36, 0));
  source.close();
  source.close();
});

Deno.test("FileSource refuses ranges beyond the file", async () => {
  using folder = new TempFolder();
  const source = FileSource.open(folder.write("file", "0123456789"));
  await refused(() => source.read(5, 11), "unreadable");
  await refused(() => source.read(-1, 5), "unreadable");
  source.close();
});

Deno.test("FileSource notices every change of its file", async () => {
  using folder = new TempFolder();
  const changes: ((path: string) => void)[] = [
    (path) => Deno.truncateSync(path, 3),
    (path) => Deno.writeTextFileSync(path, "x", { append: true }),
    (path) => Deno.utimeSync(path, 1e9, 1e9),
  ];
  for (const change of changes) {
    const source = FileSource.open(folder.write("file", "0123456789"));
    source.assertUnchanged();
    await source.read(0, 10);
    source.assertUnchanged();
    change(source.path);
    const error = assertThrows(() => source.assertUnchanged(), TinygraftError);
    assertEquals([error.code, error.path], ["changed-while-open", source.path]);
    source.close();
  }
});

Deno.test("FileSource counts as changed once it is closed", () => {
  using folder = new TempFolder();
  const source = FileSource.open(folder.write("file", ""));
  source.close();
  const error = assertThrows(() => source.assertUnchanged(), TinygraftError);
  assertEquals(error.code, "changed-while-open");
});

Deno.test("FileSource opens regular files only", async () => {
  using folder = new TempFolder();
  const file = folder.write("file", "");
  await Deno.symlink("nowhere", folder.join("dangling"));
  for (
    const [path, code] of [
      [folder.path, "unreadable"],
      ["/dev/zero", "unreadable"],
      [folder.join("nowhere"), "not-found"],
      [folder.join("dangling"), "not-found"],
      [`${file}/below`, "not-found"],
    ] as const
  ) {
    const error = assertThrows(() => FileSource.open(path), TinygraftError);
    assertEquals([error.code, error.path], [code, path]);
  }
});

Deno.test("statPath() tells files, folders and names of one file apart", async () => {
  using folder = new TempFolder();
  const file = folder.write("file", "abc");
  await Deno.link(file, folder.join("hardlink"));
  await Deno.symlink(file, folder.join("symlink"));
  const other = folder.write("other", "abc");
  assertEquals(statPath(file)?.kind, "file");
  assertEquals(statPath(file)?.byteLength, 3);
  assertEquals(statPath(folder.path)?.kind, "folder");
  assertEquals(statPath("/dev/null")?.kind, "other");
  assertEquals(statPath(folder.join("nowhere")), undefined);
  assertEquals(statPath(`${file}/below`), undefined);
  const identity = statPath(file)?.identity;
  assertEquals(statPath(folder.join("hardlink"))?.identity, identity);
  assertEquals(statPath(folder.join("symlink"))?.identity, identity);
  assertEquals(statPath(other)?.identity === identity, false);
});

Deno.test("realPath() and isSymlink() see through symlinks", async () => {
  using folder = new TempFolder();
  const file = folder.write("file", "");
  await Deno.symlink("file", folder.join("symlink"));
  await Deno.symlink("nowhere", folder.join("dangling"));
  assertEquals(realPath(folder.join("symlink")), file);
  assertThrows(() => realPath(folder.join("dangling")), TinygraftError);
  assertEquals(
    ["file", "symlink", "dangling", "nowhere"].map((name) => isSymlink(folder.join(name))),
    [false, true, true, false],
  );
});

Deno.test("listFolder() lists names in order and refuses what is no folder", () => {
  using folder = new TempFolder();
  folder.write("b", "");
  folder.write(".hidden", "");
  const file = folder.write("a/c", "");
  assertEquals(listFolder(folder.path), [".hidden", "a", "b"]);
  assertThrows(() => listFolder(file), TinygraftError);
});

Deno.test("readTextFile() reads UTF-8 and drops a byte-order mark", async () => {
  using folder = new TempFolder();
  assertEquals(await readTextFile(folder.write("a", "é\r\n")), "é\r\n");
  assertEquals(await readTextFile(folder.write("b", Uint8Array.of(0xef, 0xbb, 0xbf, 0x78))), "x");
  assertEquals(await readBytes(folder.join("b")), Uint8Array.of(0xef, 0xbb, 0xbf, 0x78));
  await refused(() => readTextFile(folder.write("c", Uint8Array.of(0xe9))), "invalid-encoding");
  await refused(() => readTextFile(folder.join("nowhere")), "not-found");
});

Deno.test("readJsonFile() reads one object", async () => {
  using folder = new TempFolder();
  assertEquals(await readJsonFile(folder.write("a", '{"b":[1]}')), { b: [1] });
  for (const text of ["", "{", "[]", "null", "1", '{"a":1}x']) {
    await refused(() => readJsonFile(folder.write("a", text)), "invalid-json");
  }
});

Deno.test("FileSource.readAhead() reads what readInto() does, while other work goes on", async () => {
  using folder = new TempFolder();
  const path = folder.write("file", Uint8Array.from({ length: 100_000 }, (_, i) => i % 251));
  const source = FileSource.open(path);
  try {
    for (const [begin, length] of [[0, 100_000], [99_999, 1], [7, 50_000], [100_000, 0]] as const) {
      const target = new Uint8Array(length);
      const reading = source.readAhead(begin, target);
      await reading;
      assertEquals(target, await source.read(begin, begin + length));
    }
  } finally {
    source.close();
  }
});

Deno.test("FileSource.readAhead() refuses what lies beyond the end, and notices a file cut short", async () => {
  using folder = new TempFolder();
  const path = folder.write("file", new Uint8Array(100));
  const source = FileSource.open(path);
  try {
    const beyond = await assertRejects(
      () => source.readAhead(90, new Uint8Array(11)),
      TinygraftError,
    );
    assertEquals(beyond.code, "unreadable");
    await Deno.truncate(path, 50);
    const cut = await assertRejects(() => source.readAhead(0, new Uint8Array(100)), TinygraftError);
    assertEquals([cut.code, cut.path], ["changed-while-open", path]);
  } finally {
    source.close();
  }
});
