import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  hardLink,
  moveIntoPlace,
  NewFile,
  removeStale,
  stagingPath,
  writeError,
} from "../../lib/checkpoint/save.ts";
import { SafetensorsError, TinygraftError } from "../../lib/errors.ts";
import { TempFolder } from "./_disk.ts";

Deno.test("writeError() names the output and the remedy for each refusal of the system", () => {
  const cases = [
    ["ENOSPC", "the disk is full"],
    ["EDQUOT", "the disk is full"],
    ["EROFS", "read-only"],
    ["EACCES", "not allowed"],
    ["EPERM", "not allowed"],
    ["ENOENT", "does not exist"],
    ["ENOTDIR", "does not exist"],
    ["ENAMETOOLONG", "too long"],
    ["EIO", "the system refused"],
  ];
  for (const [code, message] of cases) {
    const cause = Object.assign(new Error("os error"), { code });
    const error = writeError("out", cause);
    assertInstanceOf(error, TinygraftError);
    assertEquals([error.code, error.path, error.cause], ["unwritable-output", "out", cause]);
    assertStringIncludes(error.message, `Cannot write "out": `);
    assertStringIncludes(error.message, message!);
  }
});

Deno.test("writeError() knows an error of the system by its number alone", () => {
  const error = writeError("out", new Error("File too large (os error 27)"));
  assertInstanceOf(error, TinygraftError);
  assertEquals(error.code, "unwritable-output");
  assertStringIncludes(error.message, "File too large");
});

Deno.test("writeError() passes on what is coded already, and what the system did not throw", () => {
  for (const error of [new SafetensorsError("x", { code: "invalid-offset" }), new TypeError("x")]) {
    assertStrictEquals(writeError("out", error), error);
  }
});

Deno.test("NewFile never opens a file that exists", () => {
  using folder = new TempFolder();
  const path = folder.write("file", "precious");
  assertThrows(() => new NewFile(path), Deno.errors.AlreadyExists);
  assertEquals(Deno.readTextFileSync(path), "precious");
});

Deno.test("hardLink() returns false where no link can be made", () => {
  using folder = new TempFolder();
  const from = folder.write("from", "");
  assertEquals(hardLink(from, folder.join("to")), true);
  assertEquals(hardLink(from, folder.join("to")), false);
  assertEquals(hardLink(folder.join("nowhere"), folder.join("other")), false);
});

Deno.test("moveIntoPlace() puts the old folder back when the new one cannot follow", () => {
  using folder = new TempFolder();
  folder.write("out/config.json", "old");
  const before = folder.snapshot();
  assertThrows(
    () => moveIntoPlace(folder.join("nowhere"), folder.join("out")),
    Deno.errors.NotFound,
  );
  assertEquals(folder.snapshot(), before);
});

Deno.test("stagingPath() is hidden, beside the target, and different each time", () => {
  const path = stagingPath("/a/out.safetensors");
  assertStringIncludes(path, `/a/.out.safetensors.tinygraft-${Deno.pid}-`);
  assertEquals(path === stagingPath("/a/out.safetensors"), false);
});

Deno.test("stagingPath() stays within the system's limit for a long name", () => {
  const path = stagingPath(`/a/${"長".repeat(85)}`);
  assertEquals(new TextEncoder().encode(path.slice(3)).byteLength <= 255, true);
});

const HOUR = 3_600_000;

Deno.test("removeStale() removes what dead runs left, and nothing else", () => {
  using folder = new TempFolder();
  const kept = [
    ".out.tinygraft-1-0000000a", // its process lives
    ".other.tinygraft-9-0000000a", // of another output
    ".out.tinygraft-9-notes.txt", // not a name of ours
    "out.tinygraft-9-0000000a",
  ];
  for (const name of kept) folder.write(name, "");
  folder.write(".out.tinygraft-9-0000000a", "");
  folder.write(".out.tinygraft-8-0000000b/model.safetensors", "");
  removeStale(folder.join("out"), (pid) => pid === 1, Date.now() + 2 * HOUR);
  assertEquals(Object.keys(folder.snapshot()).sort(), kept.sort());
});

Deno.test("removeStale() keeps what was touched within the hour, in folders too", () => {
  using folder = new TempFolder();
  folder.write(".out.tinygraft-9-0000000a", "");
  folder.write(".out.tinygraft-8-0000000b/model.safetensors", "");
  const longAgo = Date.now() / 1000 - 7200;
  Deno.utimeSync(folder.join(".out.tinygraft-8-0000000b"), longAgo, longAgo);
  const before = folder.snapshot();
  removeStale(folder.join("out"), () => false);
  assertEquals(folder.snapshot(), before);
});

Deno.test("removeStale() keeps a folder set aside while the output is missing", () => {
  using folder = new TempFolder();
  const aside = ".out.tinygraft-9-0000000a.old";
  folder.write(`${aside}/config.json`, "the only copy");
  const later = Date.now() + 2 * HOUR;
  removeStale(folder.join("out"), () => false, later);
  assertEquals(Object.keys(folder.snapshot()), [aside, `${aside}/config.json`]);
  folder.write("out/config.json", "new");
  removeStale(folder.join("out"), () => false, later);
  assertEquals(Object.keys(folder.snapshot()), ["out", "out/config.json"]);
});
