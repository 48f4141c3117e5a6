import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { exchange, reflink, renameToFree } from "../../lib/checkpoint/native.ts";
import { TempFolder, tensorFile } from "./_disk.ts";

const VICTIM = fromFileUrl(new URL("./_victim.ts", import.meta.url));
/** Elsewhere these calls always answer that they cannot. */
const isLinux = Deno.build.os === "linux";

Deno.test("exchange() swaps two folders, or a file and a folder, with all that is in them", () => {
  using folder = new TempFolder();
  folder.write("a/one", "1");
  folder.write("b/two", "2");
  assertEquals(exchange(folder.join("a"), folder.join("b")), isLinux);
  if (isLinux) assertEquals(Object.keys(folder.snapshot()), ["a", "a/two", "b", "b/one"]);
  folder.write("ü.txt", "3");
  assertEquals(exchange(folder.join("a"), folder.join("ü.txt")), isLinux);
  if (isLinux) assertEquals(Deno.readTextFileSync(folder.join("a")), "3");
});

Deno.test("exchange() changes nothing when one of the two is not there", () => {
  using folder = new TempFolder();
  folder.write("a/one", "1");
  const before = folder.snapshot();
  assertEquals(exchange(folder.join("a"), folder.join("b")), false);
  assertEquals(exchange(folder.join("b"), folder.join("a")), false);
  assertEquals(folder.snapshot(), before);
});

Deno.test("renameToFree() takes a free name and no other, not even an empty folder's", () => {
  using folder = new TempFolder();
  folder.write("a", "1");
  folder.write("taken", "2");
  Deno.mkdirSync(folder.join("empty"));
  Deno.mkdirSync(folder.join("other"));
  const before = folder.snapshot();
  assertEquals(renameToFree(folder.join("a"), folder.join("taken")), false);
  assertEquals(renameToFree(folder.join("other"), folder.join("empty")), false);
  assertEquals(renameToFree(folder.join("nowhere"), folder.join("free")), false);
  assertEquals(folder.snapshot(), before);
  assertEquals(renameToFree(folder.join("a"), folder.join("free")), isLinux);
});

Deno.test("reflink() leaves the target empty where it cannot, and never touches the original", () => {
  using folder = new TempFolder();
  const from = folder.write("from", "content");
  const to = folder.write("to", "");
  const cloned = reflink(from, to);
  assertEquals(Deno.readTextFileSync(to), cloned ? "content" : "");
  assertEquals(Deno.readTextFileSync(from), "content");
  assertEquals(reflink(folder.join("nowhere"), to), false);
  assertEquals(reflink(from, folder.join("nowhere")), false);
});

for (const kind of ["file", "folder"]) {
  Deno.test(`execute() replaces a ${kind} without native calls, and asks for none`, async () => {
    using folder = new TempFolder();
    const from = folder.write("in.safetensors", tensorFile({ w: [1, 2] }));
    const output = folder.join("out");
    for (let round = 0; round < 2; round++) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-RWE", "--no-prompt", "--no-check", VICTIM, kind, from, output],
        stdin: "null",
      }).output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    }
    const names = Object.keys(folder.snapshot());
    const inner = kind === "file" ? [] : ["out/config.json", "out/model.safetensors"];
    assertEquals(names, ["in.safetensors", "out", ...inner]);
  });
}
