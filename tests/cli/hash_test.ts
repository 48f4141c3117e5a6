import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";

interface HashedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

async function sha256Of(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

Deno.test("hash gives one content hash for one file and for shards, and each file's own", async () => {
  await using one = await makeWorkspace();
  await using many = await makeWorkspace({ sharded: true });
  const single = await runJson(["hash", one.base]);
  const sharded = await runJson(["hash", many.base]);
  assertEquals([single.code, sharded.code], [0, 0]);
  assertEquals(single.json.content, sharded.json.content);
  const files = sharded.json.files as HashedFile[];
  assertEquals(files.length, 3);
  for (const { path, sha256, bytes } of files) {
    assertEquals([sha256, bytes], [await sha256Of(path), (await Deno.stat(path)).size]);
  }
});

Deno.test("hash of an adapter folder is the hash that merges record", async () => {
  await using space = await makeWorkspace();
  const { json } = await runJson(["hash", space.adapter]);
  using adapter = await openAdapter(space.adapter);
  assertEquals(json.content, await adapter.contentHash());
  const averaged = space.at("averaged");
  await runCaptured(["merge", space.adapter, averaged, "--method", "average"]);
  assertNotEquals((await runJson(["hash", averaged])).json.content, json.content);
});

Deno.test("hash prints lines that sha256sum --check takes", async () => {
  await using space = await makeWorkspace();
  const path = join(space.base, "model.safetensors");
  const { out } = await runCaptured(["hash", path]);
  assertStringIncludes(out, `${await sha256Of(path)}  ${path}\n`);
  assertEquals(out.split("\n")[0], `Content: ${(await runJson(["hash", path])).json.content}`);
});

Deno.test("hash exits 1 for what is no checkpoint and 130 when interrupted", async () => {
  await using space = await makeWorkspace();
  assertEquals((await runCaptured(["hash", space.at("none")])).code, 1);
  const { code } = await runCaptured(["hash", space.base], { signal: AbortSignal.abort() });
  assertEquals(code, 130);
});
