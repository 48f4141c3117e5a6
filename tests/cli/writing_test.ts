import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";

interface Written {
  readonly path: string;
  readonly bytes: number;
  readonly sha256?: string;
  readonly how: string;
}

async function sha256Of(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

Deno.test("inject --verify reports the hash of every file that it wrote, of none that it linked", async () => {
  await using space = await makeWorkspace({ sharded: true });
  await Deno.mkdir(`${space.base}/1_Pooling`);
  await Deno.writeTextFile(`${space.base}/1_Pooling/config.json`, "{}");
  const out = space.at("out");
  const { code, json } = await runJson(
    ["inject", space.base, out, "--adapter", space.adapter, "--as", "shard", "--verify"],
  );
  assertEquals(code, 0);
  const written = json["written"] as Written[];
  const hows = new Set(written.map(({ how }) => how));
  assertEquals(hows, new Set(["linked", "written", "copied"]));
  for (const { path, bytes, sha256, how } of written) {
    assertEquals((await Deno.stat(`${out}/${path}`)).size, bytes);
    if (how === "linked") assertEquals(sha256, undefined);
    else assertEquals(sha256, await sha256Of(`${out}/${path}`));
  }
  assert(written.some(({ path }) => path === "1_Pooling/config.json"));
});

Deno.test("a writing command hashes nothing unless asked, and says when it did", async () => {
  await using space = await makeWorkspace();
  const { json } = await runJson(["init", space.base, space.at("a"), "--num-labels", "2"]);
  assert((json["written"] as Written[]).every(({ sha256 }) => sha256 === undefined));
  const argv = ["init", space.base, space.at("a"), "--num-labels", "2", "--force"];
  const plain = await runCaptured(argv);
  assert(!plain.out.includes("SHA-256"));
  const verified = await runCaptured([...argv, "--verify"]);
  assertStringIncludes(verified.out, ", verified by SHA-256:");
});
