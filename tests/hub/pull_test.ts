import { assert, assertEquals, assertRejects } from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { STRANGER_TOKEN } from "../_fake_hub/accounts.ts";
import { status } from "../_fake_hub/faults.ts";
import { modelFiles, PullSpace, weights } from "./_pull.ts";

const WANTED = ["LICENSE", "README.md", "config.json", "model.safetensors", "tokenizer.json"];

async function sha256(bytes: Uint8Array | string): Promise<string> {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  const digest = await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>);
  return new Uint8Array(digest).toHex();
}

Deno.test("pull() makes a folder of a model's files and tells their checksums", async () => {
  await using space = await PullSpace.make();
  const files = modelFiles();
  const { id: commit } = await space.hub.commit("org/name", files);
  const result = await space.pull("hf://org/name", { output: space.at("out") });
  assertEquals(result.commit, commit);
  assertEquals(result.files.map(({ path }) => path), WANTED);
  for (const { path, bytes, sha256: found, from } of result.files) {
    const content = await Deno.readFile(`${result.folder}/${path}`);
    assertEquals([found, bytes, from], [await sha256(files[path]!), content.byteLength, "hub"]);
    assertEquals(await sha256(content), found);
  }
  assertEquals(space.left(), ["out"]);
});

Deno.test("pull() sends the token to the Hub and not to storage, and asks for no empty file", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  await space.pull("hf://org/name");
  const storage = space.hub.seen.filter(({ server }) => server === "storage");
  assertEquals([storage.length, storage[0]?.token], [1, undefined]);
  const hub = space.hub.seen.filter(({ server }) => server === "hub");
  assert(hub.every(({ token }) => token === "Bearer hf_test"));
  assert(!hub.some(({ path }) => path.endsWith("LICENSE")));
});

Deno.test("pull() fills the cache in Python's layout and fetches nothing twice", async () => {
  await using space = await PullSpace.make();
  const { id } = await space.hub.commit("org/name", modelFiles());
  const first = await space.pull("hf://org/name");
  const root = space.at("cache/models--org--name");
  assertEquals(first.folder, `${root}/snapshots/${id}`);
  assertEquals(await Deno.readTextFile(`${root}/refs/main`), id);
  const weights = first.files.find(({ path }) => path === "model.safetensors")!;
  const link = await Deno.readLink(`${first.folder}/model.safetensors`);
  assertEquals(link, `../../blobs/${weights.sha256}`);
  const before = space.hub.seen.length;
  const second = await space.pull("hf://org/name");
  assertEquals(second.files.map(({ from }) => from), WANTED.map(() => "cache"));
  assertEquals(second.files.map(({ sha256 }) => sha256), first.files.map(({ sha256 }) => sha256));
  const asked = space.hub.seen.slice(before).map(({ path }) => path);
  assert(asked.every((path) => path.startsWith("/api/")), asked.join());
});

Deno.test("pull() reads the cache while requests are switched off", async () => {
  await using space = await PullSpace.make();
  const { id } = await space.hub.commit("org/name", { ...modelFiles(), "sub/config.json": "{}" });
  const offline = { offline: true, cache: space.cache };
  const missing = await assertRejects(() => space.pull("hf://org/name", offline), TinygraftError);
  assertEquals(missing.code, "offline");
  const { files } = await space.pull("hf://org/name");
  const before = space.hub.seen.length;
  for (const location of ["hf://org/name", "hf://org/name@main", `hf://org/name@${id}`]) {
    assertEquals((await space.pull(location, offline)).files.length, files.length);
  }
  const copy = await space.pull("hf://org/name", { ...offline, output: space.at("copy") });
  assertEquals(copy.files.map(({ sha256 }) => sha256), files.map(({ sha256 }) => sha256));
  const other = () => space.pull("hf://org/name@dev", offline);
  assertEquals((await assertRejects(other, TinygraftError)).code, "offline");
  assertEquals(space.hub.seen.length, before);
});

Deno.test("pull() reads a cache of copies, as Windows has it, and nothing from outside", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  const { folder } = await space.pull("hf://org/name");
  const config = `${folder}/config.json`;
  const text = await Deno.readTextFile(config);
  await Deno.remove(config);
  await Deno.writeTextFile(config, text);
  const other = space.at("cache/models--org--name2/config.json");
  await Deno.mkdir(space.at("cache/models--org--name2"));
  await Deno.writeTextFile(other, "{}");
  await Deno.symlink(other, `${folder}/vocab.json`);
  const { files } = await space.pull("hf://org/name", { offline: true });
  assertEquals(files.map(({ path }) => path), WANTED);
  assertEquals(files.find(({ path }) => path === "config.json")?.sha256, await sha256(text));
});

Deno.test("pull() notices content of the cache that is not what its name says", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  const { folder } = await space.pull("hf://org/name");
  const blob = await Deno.realPath(`${folder}/model.safetensors`);
  const bytes = await Deno.readFile(blob);
  await Deno.writeFile(blob, bytes.map((byte) => byte ^ 1));
  const offline = () => space.pull("hf://org/name", { offline: true });
  assertEquals((await assertRejects(offline, TinygraftError)).code, "checksum-mismatch");
  await space.pull("hf://org/name");
  assertEquals(await Deno.readFile(blob), bytes);
});

Deno.test("pull() takes branches, commits, pull requests, folders and single files", async () => {
  await using space = await PullSpace.make();
  const repository = await space.hub.create("org/name");
  const old = await space.hub.commit("org/name", { "config.json": "1" });
  repository.refs.set("dev/next", old.id);
  repository.refs.set("refs/pr/3", old.id);
  await space.hub.commit("org/name", { "config.json": "22", "sub/a b/model.safetensors": "w" });
  const text = async (location: string) => {
    const { folder } = await space.pull(location, { include: ["config.json"] });
    return await Deno.readTextFile(`${folder}/config.json`);
  };
  assertEquals(await text("hf://org/name"), "22");
  assertEquals(await text(`hf://org/name@${old.id}`), "1");
  assertEquals(await text("hf://org/name@dev%2Fnext"), "1");
  assertEquals(await text("hf://org/name@refs/pr/3"), "1");
  assertEquals(
    await Deno.readTextFile(space.at("cache/models--org--name/refs/refs/pr/3")),
    old.id,
  );
  const inner = await space.pull("hf://org/name/sub/a b");
  assertEquals(inner.files.map(({ path }) => path), ["model.safetensors"]);
  assert(inner.folder.endsWith("/sub/a b"));
  const file = await space.pull("hf://org/name/sub/a b/model.safetensors", {
    output: space.at("file"),
  });
  assertEquals([file.files.length, file.files[0]!.bytes], [1, 1]);
  const web = await space.pull(`${space.hub.url}/org/name/tree/main`, {
    include: ["config.json"],
  });
  assertEquals(web.files.length, 1);
});

Deno.test("pull() refuses an output that is there, or with force one that holds other things", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  const output = space.at("out");
  await space.pull("hf://org/name", { output });
  const again = await assertRejects(() => space.pull("hf://org/name", { output }), TinygraftError);
  assertEquals(again.code, "output-exists");
  await space.hub.commit("org/name", { "config.json": "{}" });
  await space.pull("hf://org/name", { output, force: true });
  assertEquals(await Deno.readTextFile(`${output}/config.json`), "{}");
  await Deno.writeTextFile(`${output}/thesis.tex`, "");
  const foreign = () => space.pull("hf://org/name", { output, force: true });
  assertEquals((await assertRejects(foreign, TinygraftError)).code, "foreign-files");
  assertEquals(space.left(), ["out"]);
});

Deno.test("pull() shows what the Hub keeps from whom", async () => {
  await using space = await PullSpace.make();
  const { hub } = space;
  await hub.commit("org/open", modelFiles());
  (await hub.create("org/hidden")).isPrivate = true;
  await hub.commit("org/gated", modelFiles());
  hub.repositories.get("org/gated")!.isGated = true;
  const codeOf = async (location: string, token?: string) => {
    const pulling = () => space.pull(location, { token: token ?? "", output: space.at("out") });
    const error = await assertRejects(pulling, TinygraftError);
    assert(!error.message.includes("hf_nobody"));
    return error.code;
  };
  assertEquals(await codeOf("hf://org/open", "hf_nobody"), "hub-unauthorized");
  assertEquals(await codeOf("hf://org/hidden"), "hub-unauthorized");
  assertEquals(await codeOf("hf://org/hidden", STRANGER_TOKEN), "repo-not-found");
  assertEquals(await codeOf("hf://org/gated", STRANGER_TOKEN), "gated-repo");
  assertEquals(await codeOf("hf://org/open@gone"), "revision-not-found");
  assertEquals(await codeOf("hf://org/open/gone"), "file-not-found");
  assertEquals(await codeOf("hf://org/open/gone.safetensors"), "file-not-found");
  assertEquals(space.left(), []);
});

Deno.test("pull() asks nothing for a malformed or foreign address", async () => {
  await using space = await PullSpace.make();
  for (
    const location of ["hf://name", "hf://a--b/c", "hf://org/name/../x", "https://example.org/a"]
  ) {
    await assertRejects(() => space.pull(location), UsageError);
  }
  assertEquals(space.hub.seen.length, 0);
});

Deno.test("pull() names a glob that matches nothing, and a repository without a model", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  await space.hub.commit("org/empty", { "data.csv": "1" });
  const codeOf = async (location: string, options = {}) =>
    (await assertRejects(() => space.pull(location, options), TinygraftError)).code;
  assertEquals(await codeOf("hf://org/name", { include: ["*.gguf"] }), "no-match");
  assertEquals(await codeOf("hf://org/name", { exclude: ["*.gguf"] }), "no-match");
  assertEquals(await codeOf("hf://org/empty"), "file-not-found");
});

Deno.test("pull() lists page after page and fetches the shards that the index names", async () => {
  await using space = await PullSpace.make({ pageSize: 3 });
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  await space.hub.commit("org/name", {
    "config.json": "{}",
    "model.safetensors.index.json": JSON.stringify({
      metadata: {},
      "weight_map": { a: shards[0], b: shards[1] },
    }),
    [shards[0]!]: weights(50, 3),
    [shards[1]!]: weights(50, 4),
    "other.safetensors": "no",
  });
  const { files } = await space.pull("hf://org/name");
  assertEquals(
    files.map(({ path }) => path),
    ["config.json", ...shards, "model.safetensors.index.json"],
  );
});

Deno.test("pull() refuses a next page on another server", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  const link = { link: '<http://127.0.0.1:9/x>; rel="next"' };
  space.hub.fault({ path: /\/tree\// }, async (_, next) => {
    const response = await next();
    return Response.json(await response.json(), { headers: link });
  });
  const pulling = () => space.pull("hf://org/name");
  assertEquals((await assertRejects(pulling, TinygraftError)).code, "unexpected-answer");
});

Deno.test("pull() on a dry run tells what it would fetch, and fetches nothing", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  await space.pull("hf://org/name", { include: ["config.json"] });
  const before = space.hub.seen.length;
  const output = space.at("out");
  const { files, folder } = await space.pull("hf://org/name", { dryRun: true, output });
  assertEquals(files.map(({ path }) => path), WANTED);
  assertEquals(files.filter(({ from }) => from === "cache").map(({ path }) => path), [
    "config.json",
  ]);
  assertEquals([folder, space.left()], [output, ["cache"]]);
  const asked = space.hub.seen.slice(before).map(({ path }) => path);
  assert(asked.every((path) => path.startsWith("/api/")));
});

Deno.test("pull() twice at once into one folder lets one win", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  const pulling = () => space.pull("hf://org/name", { output: space.at("out") });
  const results = await Promise.allSettled([pulling(), pulling()]);
  assertEquals(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const lost = results.find((result) => result.status === "rejected");
  assertEquals(lost?.reason.code, "output-exists");
  assertEquals(space.left().filter((name) => name === "out"), ["out"]);
});

Deno.test("pull() leaves nothing beside the output where nothing came", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", { "model.safetensors": weights(1000) });
  space.hub.fault({ path: /^\/blobs\// }, status(403));
  await assertRejects(
    () => space.pull("hf://org/name", { output: space.at("out") }),
    TinygraftError,
  );
  assertEquals(space.left(), []);
});

Deno.test("pull() twice at once fetches each file once", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  await Promise.all([space.pull("hf://org/name"), space.pull("hf://org/name")]);
  const fetched = space.hub.seen.filter(({ path }) => /^\/blobs\//.test(path));
  assertEquals(fetched.length, 1);
});

Deno.test("pull() gives up where the Hub's name does not resolve", async () => {
  await using space = await PullSpace.make();
  const endpoint = "http://hub.invalid";
  const error = await assertRejects(
    () => space.pull("hf://org/name", { endpoint }),
    TinygraftError,
  );
  assertEquals([error.code, space.waits.length], ["hub-unavailable", 5]);
});

Deno.test("pull() stops when the signal aborts, and leaves no output", async () => {
  await using space = await PullSpace.make();
  await space.hub.commit("org/name", modelFiles());
  const controller = new AbortController();
  space.hub.fault({ path: /\/resolve\/.*safetensors/ }, (request, next) => {
    controller.abort();
    return status(503)(request, next);
  });
  const options = { output: space.at("out"), signal: controller.signal };
  const error = await assertRejects(() => space.pull("hf://org/name", options), TinygraftError);
  assertEquals(error.code, "interrupted");
  assert(!space.left().includes("out"));
});
