import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { TinygraftError } from "../../lib/errors.ts";
import { assertSafePaths } from "../../lib/hub/file_names.ts";
import { PullSpace } from "./_pull.ts";

const HOSTILE = [
  "",
  "/etc/passwd",
  "../up.json",
  "a/../../up.json",
  "a/./b",
  "a//b",
  "a/",
  "..\\up.json",
  "C:\\x.json",
  "C:x.json",
  "file:///etc/passwd",
  "%2e%2e/up.json",
  "%252e%252e%252fup.json",
  "a%00.json",
  "a\n.json",
  "a\u0000b",
  "con",
  "sub/NUL.json",
  "com1.txt",
  "name.",
  "name ",
  "a".repeat(256),
  "\ud800.json",
];

for (const path of HOSTILE) {
  Deno.test(`assertSafePaths() refuses ${JSON.stringify(path.slice(0, 40))}`, () => {
    const error = assertThrows(() => assertSafePaths([path], "hf://org/name"), TinygraftError);
    assertEquals(error.code, "unsafe-file-name");
  });
}

Deno.test("assertSafePaths() refuses names that meet on some file systems", () => {
  const pairs = [["a.json", "A.JSON"], ["é.json", "e\u0301.json"], ["sub", "sub/x"], [
    "Sub/x",
    "sub",
  ]];
  for (const pair of pairs) {
    assertThrows(() => assertSafePaths(pair, "hf://org/name"), TinygraftError);
  }
});

Deno.test("assertSafePaths() takes what models have", () => {
  assertSafePaths(
    ["config.json", ".gitattributes", "1_Pooling/config.json", "a b/ü-1.0 (x).txt", "100%.md"],
    "hf://org/name",
  );
});

Deno.test("assertSafePaths() lets nothing pass that decodes to a way out", () => {
  const piece = fc.constantFrom("..", ".", "/", "\\", "%2e", "%2f", "%5c", "%25", "a", ":", "\0");
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const path = pieces.join("");
      let text = path;
      for (let i = 0; i < 20; i++) {
        text = text.replace(/%(2e|2f|5c|25)/gi, (escape) => decodeURIComponent(escape));
      }
      const leaves = text.startsWith("/") || /[\\:\0]/.test(text) ||
        text.split("/").some((part) => ["", ".", ".."].includes(part));
      if (leaves) assertThrows(() => assertSafePaths([path], "x"), TinygraftError);
    }),
    { seed: 8, numRuns: 500 },
  );
});

Deno.test("pull() writes nothing of a repository with hostile names", async () => {
  for (const path of ["../../evil.json", "/abs.json", "%2e%2e/evil.json", "CONFIG.json"]) {
    await using space = await PullSpace.make();
    await space.hub.commit("org/name", { "config.json": "{}", [path]: "evil" });
    for (const output of [undefined, space.at("out")]) {
      const pulling = () => space.pull("hf://org/name", { output, include: ["*"] });
      assertEquals((await assertRejects(pulling, TinygraftError)).code, "unsafe-file-name");
    }
    assertEquals(space.left(), []);
  }
});

Deno.test("pull() writes through no symlink that stands in the snapshot", async () => {
  await using space = await PullSpace.make();
  const { id } = await space.hub.commit("org/name", { "sub/config.json": "{}" });
  const snapshot = space.at(`cache/models--org--name/snapshots/${id}`);
  await Deno.mkdir(snapshot, { recursive: true });
  await Deno.mkdir(space.at("victim"));
  await Deno.symlink(space.at("victim"), `${snapshot}/sub`);
  await space.pull("hf://org/name", { include: ["*"], exclude: [".gitattributes"] });
  assertEquals(await Array.fromAsync(Deno.readDir(space.at("victim"))), []);
  assertEquals(await Deno.readTextFile(`${snapshot}/sub/config.json`), "{}");
});

Deno.test("pull() bounds a listing of many files", async () => {
  await using space = await PullSpace.make();
  const page = Array.from({ length: 1000 }, (_, i) => ({
    type: "file",
    path: `data/${i}.json`,
    size: 1,
    oid: "0".repeat(40),
  }));
  await space.hub.commit("org/name", { "config.json": "{}" });
  let pages = 0;
  space.hub.fault({ path: /\/tree\//, times: Infinity }, () => {
    const link = `<${space.hub.url}/api/models/org/name/tree/x?cursor=${++pages}>; rel="next"`;
    return Promise.resolve(Response.json(page, { headers: { link } }));
  });
  const pulling = () => space.pull("hf://org/name");
  assertEquals((await assertRejects(pulling, TinygraftError)).code, "unexpected-answer");
  assertEquals(pages, 100);
});
