import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  cloneFile,
  hardLink,
  moveIntoPlace,
  NewFile,
  permissionsOf,
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

/** Stands for systems that cannot exchange two names. */
const noSwap = () => false;

for (const [how, swap] of [["in one step", undefined], ["by setting aside", noSwap]] as const) {
  Deno.test(`moveIntoPlace() replaces a folder ${how}`, () => {
    using folder = new TempFolder();
    folder.write("out/config.json", "old");
    folder.write("staged/config.json", "new");
    const moved = moveIntoPlace(folder.join("staged"), folder.join("out"), true, swap);
    assertEquals(moved, true);
    assertEquals(Object.keys(folder.snapshot()), ["out", "out/config.json"]);
    assertEquals(Deno.readTextFileSync(folder.join("out/config.json")), "new");
  });

  Deno.test(`moveIntoPlace() keeps the old folder when the new one is gone, ${how}`, () => {
    using folder = new TempFolder();
    folder.write("out/config.json", "old");
    const before = folder.snapshot();
    assertThrows(
      () => moveIntoPlace(folder.join("nowhere"), folder.join("out"), true, swap),
      Deno.errors.NotFound,
    );
    assertEquals(folder.snapshot(), before);
  });
}

for (const kind of ["file", "folder"] as const) {
  Deno.test(`moveIntoPlace() replaces no ${kind} that it may not`, () => {
    using folder = new TempFolder();
    const name = kind === "file" ? "" : "/a";
    folder.write(`staged${name}`, "new");
    folder.write(`out${name}`, "theirs");
    const before = folder.snapshot();
    assertEquals(moveIntoPlace(folder.join("staged"), folder.join("out"), false), false);
    assertEquals(folder.snapshot(), before);
    Deno.removeSync(folder.join("out"), { recursive: true });
    assertEquals(moveIntoPlace(folder.join("staged"), folder.join("out"), false), true);
    assertEquals(Deno.readTextFileSync(folder.join(`out${name}`)), "new");
  });
}

Deno.test("NewFile gets the permissions of what it replaces", async () => {
  using folder = new TempFolder();
  const old = folder.write("old", "");
  for (const mode of [0o600, 0o640, 0o664, 0o444]) {
    await Deno.chmod(old, mode);
    const path = folder.join(`new-${mode}`);
    const file = new NewFile(path, permissionsOf(old));
    file.write(Uint8Array.of(1));
    await file.close();
    assertEquals((await Deno.stat(path)).mode! & 0o777, mode);
  }
  assertEquals(permissionsOf(folder.join("nowhere")), undefined);
});

Deno.test("NewFile holds every byte while it is flushed in the background", async () => {
  using folder = new TempFolder();
  const piece = new Uint8Array(1024 * 1024);
  const file = new NewFile(folder.join("new"));
  try {
    for (let i = 0; i < 40; i++) {
      file.write(piece.fill(i));
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  assertEquals(file.byteLength, 40 * piece.length);
  const bytes = await Deno.readFile(folder.join("new"));
  assertEquals(bytes.length, 40 * piece.length);
  assert(bytes.every((value, at) => value === Math.floor(at / piece.length)));
});

Deno.test("cloneFile() leaves a whole copy or nothing", async () => {
  using folder = new TempFolder();
  const from = folder.write("from", "content");
  const cloned = await cloneFile(from, folder.join("to"));
  const names = Object.keys(folder.snapshot());
  assertEquals(names, cloned ? ["from", "to"] : ["from"]);
  if (cloned) assertEquals(await Deno.readTextFile(folder.join("to")), "content");
});
