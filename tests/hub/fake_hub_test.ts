// The fake Hub against the npm client as it is published.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createBranch,
  createRepo,
  downloadFile,
  fileExists,
  HubApiError,
  listFiles,
  modelInfo,
  pathsInfo,
  uploadFiles,
  whoAmI,
} from "@huggingface/hub";
import { READ_TOKEN, STRANGER_TOKEN, WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { FakeHub, type FakeHubOptions } from "../_fake_hub/hub.ts";
import { xetHashOf } from "../_fake_hub/storage.ts";
import { weights } from "./_pull.ts";

const REPO = "org/name";

async function start(options: FakeHubOptions = {}) {
  const hub = await FakeHub.start(options);
  return { hub, options: { hubUrl: hub.url, accessToken: WRITE_TOKEN, repo: REPO } };
}

function blob(content: Uint8Array | string): Blob {
  return new Blob([content as Uint8Array<ArrayBuffer>]);
}

Deno.test("the npm client creates, uploads, lists and downloads", async () => {
  const { hub, options } = await start({ pageSize: 2 });
  await using _ = hub;
  const user = await whoAmI(options);
  assertEquals([user.name, user.auth.accessToken?.role], ["tester", "write"]);
  assertEquals((await createRepo({ ...options, private: true })).id, REPO);
  const large = weights(100_000);
  const output = await uploadFiles({
    ...options,
    files: [
      { path: "model.safetensors", content: blob(large) },
      { path: "sub/notes.txt", content: blob("hello") },
    ],
  });
  const info = await modelInfo({ ...options, name: REPO, additionalFields: ["sha"] });
  assertEquals([info.private, info.sha], [true, output!.commit.oid]);
  const listed = await Array.fromAsync(listFiles({ ...options, recursive: true }));
  assertEquals(
    listed.map(({ path, type, size }) => [path, type, size]),
    [["sub", "directory", 0], [".gitattributes", "file", 349], [
      "model.safetensors",
      "file",
      large.byteLength,
    ], ["sub/notes.txt", "file", 5]],
  );
  const sha256 = new Uint8Array(
    await crypto.subtle.digest("SHA-256", large as Uint8Array<ArrayBuffer>),
  ).toHex();
  assertEquals(listed.find(({ path }) => path === "model.safetensors")?.lfs?.oid, sha256);
  const [entry] = await pathsInfo({ ...options, paths: ["sub/notes.txt", "gone"] });
  // What `git hash-object` says of the same five bytes.
  assertEquals(entry?.oid, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
  for (const [path, content] of [["model.safetensors", large], ["sub/notes.txt", "hello"]]) {
    const found = await downloadFile({ ...options, path: path as string, xet: false });
    assertEquals(await found!.arrayBuffer(), await blob(content!).arrayBuffer());
  }
  const slice = await (await downloadFile({ ...options, path: "model.safetensors", xet: false }))!
    .slice(10, 20).arrayBuffer();
  assertEquals(new Uint8Array(slice), large.slice(10, 20));
  assertEquals(await fileExists({ ...options, path: "gone" }), false);
  assertEquals(await downloadFile({ ...options, path: "gone" }), null);
});

Deno.test("the npm client uploads in parts", async () => {
  const { hub, options } = await start({ partBytes: 30_000 });
  await using _ = hub;
  await createRepo(options);
  const large = weights(100_000);
  await uploadFiles({ ...options, files: [{ path: "a.bin", content: blob(large) }] });
  const found = await downloadFile({ ...options, path: "a.bin", xet: false });
  assertEquals(new Uint8Array(await found!.arrayBuffer()), large);
  assertEquals(hub.seen.filter(({ path }) => path.startsWith("/parts/")).length, 4);
});

Deno.test("the fake Hub keeps branches and pull requests apart", async () => {
  const { hub, options } = await start();
  await using _ = hub;
  await createRepo(options);
  await createBranch({ ...options, branch: "dev" });
  const files = [{ path: "a.txt", content: blob("a") }];
  await uploadFiles({ ...options, files, branch: "dev" });
  const proposed = await uploadFiles({ ...options, files, isPullRequest: true });
  assertEquals(proposed?.pullRequestUrl, `${hub.url}/org/name/discussions/1`);
  const names = async (revision: string) =>
    (await Array.fromAsync(listFiles({ ...options, revision }))).map(({ path }) => path);
  assertEquals(await names("main"), [".gitattributes"]);
  assertEquals(await names("dev"), [".gitattributes", "a.txt"]);
  assertEquals(await names("refs/pr/1"), [".gitattributes", "a.txt"]);
  assertEquals(await names("refs%2Fpr%2F1"), [".gitattributes", "a.txt"]);
});

Deno.test("the fake Hub refuses as the Hub does", async () => {
  const { hub, options } = await start();
  await using _ = hub;
  const statusOf = async (call: () => Promise<unknown>) =>
    (await assertRejects(call, HubApiError)).statusCode;
  assertEquals(await statusOf(() => whoAmI({ ...options, accessToken: "hf_wrong" })), 401);
  assertEquals(await statusOf(() => createRepo({ ...options, accessToken: READ_TOKEN })), 403);
  assertEquals(await statusOf(() => createRepo({ ...options, accessToken: STRANGER_TOKEN })), 403);
  await createRepo(options);
  assertEquals(await statusOf(() => createRepo(options)), 409);
  const parentCommit = hub.repositories.get(REPO)!.resolve("main").id;
  const file = (path: string, content: string) => [{ path, content: blob(content) }];
  await uploadFiles({ ...options, files: file("a.txt", "a"), parentCommit });
  const stale = () => uploadFiles({ ...options, files: file("a.txt", "b"), parentCommit });
  assertEquals(await statusOf(stale), 412);
  const card = "---\nbase_model_relation: cousin\n---\n";
  assertEquals(
    await statusOf(() => uploadFiles({ ...options, files: file("README.md", card) })),
    400,
  );
  const missing = () => modelInfo({ ...options, name: "org/gone" });
  assertEquals(await statusOf(missing), 404);
  assertEquals(await statusOf(() => modelInfo({ hubUrl: hub.url, name: "org/gone" })), 401);
});

Deno.test("the fake Hub commits a large file only after its content came", async () => {
  const { hub, options } = await start();
  await using _ = hub;
  await createRepo(options);
  const url = `${hub.url}/api/models/${REPO}/commit/main`;
  const line = {
    key: "lfsFile",
    value: { path: "a.bin", algo: "sha256", size: 3, oid: "0".repeat(64) },
  };
  const header = { key: "header", value: { summary: "x" } };
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${WRITE_TOKEN}` },
    body: `${JSON.stringify(header)}\n${JSON.stringify(line)}\n`,
  });
  assertEquals(response.status, 400);
  assert((await response.text()).includes("never uploaded"));
  const put = await fetch(
    `${hub.largeFiles.origin}/uploads/${"0".repeat(64)}?X-Signature=c2VjcmV0`,
    {
      method: "PUT",
      body: "abc",
    },
  );
  assertEquals(put.status, 400);
  await put.body?.cancel();
});

Deno.test("the fake Hub takes large files of another repository only after they were copied", async () => {
  const { hub, options } = await start();
  await using _ = hub;
  await createRepo(options);
  await hub.commit("org/other", { "b.bin": weights(100) });
  const { sha256, size } = hub.repositories.get("org/other")!.resolve("main").files.get("b.bin")!;
  const value = { path: "a.bin", algo: "sha256", size, oid: sha256 };
  const lines = [{ key: "header", value: { summary: "x" } }, { key: "lfsFile", value }];
  const headers = { authorization: `Bearer ${WRITE_TOKEN}`, "content-type": "application/json" };
  const post = async (path: string, body: string) => {
    const response = await fetch(`${hub.url}/api/models/${path}`, {
      method: "POST",
      headers,
      body,
    });
    return [response.status, await response.text()] as const;
  };
  const commit = () =>
    post(`${REPO}/commit/main`, lines.map((it) => JSON.stringify(it)).join("\n"));
  assertEquals((await commit())[0], 400);
  const target = { type: "model", name: REPO };
  const copy = async (xetHash: string) => {
    const files = [{ xetHash, sha256, filename: "b.bin" }];
    const asked = JSON.stringify({ target, files });
    const [status, text] = await post("org/other/lfs-files/duplicate", asked);
    return [status, JSON.parse(text).failed.length];
  };
  assertEquals(await copy("0".repeat(64)), [200, 1]);
  assertEquals((await commit())[0], 400);
  assertEquals(await copy(xetHashOf(sha256)), [200, 0]);
  assertEquals((await commit())[0], 200);
});
