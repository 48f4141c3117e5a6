import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { COMMIT, serveRepository } from "./_hub.ts";
import { access, FaultServer, redirect, status } from "./_server.ts";

const TOKEN = "hf_secretsecret";

async function refused(code: string, reading: () => Promise<unknown>): Promise<TinygraftError> {
  const error = await assertRejects(reading, TinygraftError);
  assertEquals(error.code, code, error.message);
  assert(!error.message.includes(TOKEN), error.message);
  return error;
}

function repository(): Record<string, Uint8Array> {
  const text = (content: string) => new TextEncoder().encode(content);
  return {
    "README.md": text("# x"),
    "config.json": text("{}"),
    "model.safetensors": text("0123456789"),
    "vocab.txt": text("a"),
    "sub dir/w#1.safetensors": text("9876543210"),
  };
}

Deno.test("a web folder has what the server answers for, asked once for each name", async () => {
  await using server = new FaultServer();
  server.serve("/m/config.json", "\ufeff{}");
  server.serve("/m/model.safetensors", "0123456789");
  const { remote } = access();
  const folder = remote.folder(`${server.url}/m`);
  assertEquals(folder.folder, `${server.url}/m`);
  for (let i = 0; i < 2; i++) {
    assertEquals(await folder.has("config.json"), true);
    assertEquals(await folder.has("model.safetensors"), true);
    assertEquals(await folder.has("other.safetensors"), false);
    assertEquals(await folder.has("adapter_config.json"), false);
    assertEquals(await remote.folder(`${server.url}/m/`).readText("config.json"), "{}");
    assertEquals((await folder.open("model.safetensors")).byteLength, 10);
  }
  assertEquals(await folder.list(), undefined);
  assertEquals(Object.values(server.counts()), [1, 1, 1, 1]);
});

Deno.test("a web folder takes 403 and web pages for absence, other refusals not", async () => {
  await using server = new FaultServer();
  const { remote } = access();
  server.failAlways("/m/a.json", status(403));
  const page = { headers: { "content-type": "text/html" } };
  server.failAlways("/m/b.json", () => new Response("<html>", page));
  server.failAlways("/m/c.json", status(401));
  server.failAlways("/m/d.json", status(503));
  const folder = remote.folder(`${server.url}/m`);
  assertEquals([await folder.has("a.json"), await folder.has("b.json")], [false, false]);
  await refused("hub-unauthorized", () => folder.has("c.json"));
  await refused("hub-unavailable", () => folder.has("d.json"));
});

Deno.test("a failure that may pass is asked for again, an absence not", async () => {
  await using server = new FaultServer();
  server.serve("/m/config.json", "{}");
  server.fail("/m/config.json", ...Array.from({ length: 6 }, () => status(500)));
  const folder = access().remote.folder(`${server.url}/m`);
  await refused("hub-unavailable", () => folder.readText("config.json"));
  assertEquals(await folder.readText("config.json"), "{}");
});

Deno.test("a signed address keeps its query in requests and shows it nowhere", async () => {
  await using server = new FaultServer();
  server.serve("/m/model.safetensors", "0123456789");
  const { remote } = access();
  const folder = remote.folder(`${server.url}/m/model.safetensors?sig=secret`);
  assertEquals(folder.location, `${server.url}/m/model.safetensors`);
  assertEquals(folder.path("config.json"), `${server.url}/m/config.json`);
  await folder.open("model.safetensors");
  server.failAlways("/m/config.json", status(401));
  assertEquals(await folder.has("config.json"), false);
  assertEquals(server.seen.map(({ query }) => query), ["?sig=secret", "?sig=secret"]);
});

Deno.test("readText() refuses what is no UTF-8 or shorter than announced", async () => {
  await using server = new FaultServer();
  server.serve("/m/config.json", Uint8Array.of(0x7b, 0xff));
  server.serve("/m/a.json", "{}");
  const folder = access().remote.folder(`${server.url}/m`);
  await refused("invalid-encoding", () => folder.readText("config.json"));
  const short = () => Promise.resolve(new Response("{", { headers: { "content-length": "2" } }));
  const cut = access({ fetch: short }).remote.folder("https://h.example/m");
  await refused("size-mismatch", () => cut.readText("a.json"));
});

Deno.test("a Hub folder is read at one commit, by pages, with the token to the Hub alone", async () => {
  await using hub = new FaultServer();
  await using storage = new FaultServer();
  serveRepository(hub, storage, { id: "org/name", files: repository() });
  const { remote } = access({ endpoint: hub.url, token: TOKEN });
  const folder = remote.folder("hf://org/name");
  assertEquals(await folder.list(), [
    "README.md",
    "config.json",
    "model.safetensors",
    "vocab.txt",
  ]);
  assertEquals(await folder.has("adapter_config.json"), false);
  assertEquals(await folder.readText("config.json"), "{}");
  const source = await folder.open("model.safetensors");
  assertEquals(source.path, "hf://org/name/model.safetensors");
  assertEquals(await source.read(2, 5), Uint8Array.of(0x32, 0x33, 0x34));
  assertEquals(hub.seen.map(({ path }) => path), [
    "/api/models/org/name/revision/main",
    `/api/models/org/name/tree/${COMMIT}`,
    `/api/models/org/name/tree/${COMMIT}`,
    `/org/name/resolve/${COMMIT}/config.json`,
    `/org/name/resolve/${COMMIT}/model.safetensors`,
  ]);
  assert(hub.seen.every(({ token }) => token === `Bearer ${TOKEN}`));
  assertEquals(storage.seen.map(({ token }) => token), [undefined]);
});

Deno.test("a Hub folder can be a subfolder of any revision, or a web page's address", async () => {
  await using hub = new FaultServer();
  await using storage = new FaultServer();
  const files = repository();
  serveRepository(hub, storage, { id: "org/name", files, revision: "refs/pr/3" });
  const { remote } = access({ endpoint: `${hub.url}/` });
  const folder = remote.folder("hf://org/name@refs/pr/3/sub dir/w#1.safetensors");
  assertEquals([folder.folder, folder.file], [
    "hf://org/name@refs/pr/3/sub dir",
    "w#1.safetensors",
  ]);
  const source = await folder.open("w#1.safetensors");
  assertEquals(await source.read(0, 2), Uint8Array.of(0x39, 0x38));
  const page = remote.folder(`${hub.url}/org/name/tree/${COMMIT}`);
  assertEquals(await page.has("model.safetensors"), true);
  assertEquals(
    hub.seen.filter(({ path }) => path.includes("/revision/")).map(({ path }) => path),
    ["/api/models/org/name/revision/refs%2Fpr%2F3"],
  );
});

Deno.test("a Hub folder's refusals have their own codes", async () => {
  await using hub = new FaultServer();
  await using storage = new FaultServer();
  serveRepository(hub, storage, { id: "org/name", files: repository() });
  const revision = "/api/models/org/name/revision/main";
  const cases: [string, number, Record<string, string>][] = [
    ["repo-not-found", 401, { "x-error-code": "RepoNotFound" }],
    ["hub-unauthorized", 401, { "x-error-message": `bad ${TOKEN}` }],
    ["gated-repo", 403, { "x-error-code": "GatedRepo" }],
    ["revision-not-found", 404, { "x-error-code": "RevisionNotFound" }],
    ["repo-not-found", 404, {}],
  ];
  for (const [code, number, headers] of cases) {
    hub.fail(revision, status(number, headers));
    const folder = access({ endpoint: hub.url, token: TOKEN }).remote.folder("hf://org/name");
    await refused(code, () => folder.list());
  }
  const folder = access({ endpoint: hub.url }).remote.folder("hf://org/name/nowhere");
  await refused("file-not-found", () => folder.list());
  const root = access({ endpoint: hub.url }).remote.folder("hf://org/name");
  const error = await refused("file-not-found", () => root.open("other.safetensors"));
  assertStringIncludes(error.message, COMMIT);
});

Deno.test("a Hub folder refuses listings that make no sense", async () => {
  await using hub = new FaultServer();
  await using other = new FaultServer();
  const tree = `/api/models/org/name/tree/${COMMIT}`;
  const json = (value: unknown, headers = {}) => () => Response.json(value, { headers });
  const link = `<${other.url}/next>; rel="next"`;
  const cases = [
    [json({ sha: "main" }), json([])],
    [json(null), json([])],
    [json({ sha: COMMIT }), json({})],
    [json({ sha: COMMIT }), () => new Response("[")],
    [json({ sha: COMMIT }), json([], { link })],
  ] as const;
  for (const [revision, listing] of cases) {
    hub.failAlways("/api/models/org/name/revision/main", revision);
    hub.failAlways(tree, listing);
    const folder = access({ endpoint: hub.url, token: TOKEN }).remote.folder("hf://org/name");
    await refused("unexpected-answer", () => folder.list());
  }
  assertEquals(other.seen, []);
});

Deno.test("a file of another length than the Hub lists is refused", async () => {
  await using hub = new FaultServer();
  await using storage = new FaultServer();
  serveRepository(hub, storage, { id: "org/name", files: repository() });
  storage.serve("/blobs/model.safetensors", "012345678");
  const folder = access({ endpoint: hub.url }).remote.folder("hf://org/name");
  await refused("size-mismatch", () => folder.open("model.safetensors"));
});

Deno.test("the token goes neither to other servers nor over plain http", async () => {
  await using hub = new FaultServer();
  await using other = new FaultServer();
  hub.serve("/org/x/y/a.json", "{}");
  hub.failAlways("/plain/config.json", redirect(`${other.url}/config.json`));
  other.serve("/config.json", "{}");
  const { remote } = access({ endpoint: hub.url, token: TOKEN });
  await remote.folder(`${hub.url}/plain/`).readText("config.json");
  await remote.folder(`${other.url}/`).readText("config.json");
  assertEquals(hub.seen.map(({ token }) => token), [`Bearer ${TOKEN}`]);
  assertEquals(other.seen.map(({ token }) => token), [undefined, undefined]);

  const sent: (string | null)[] = [];
  const fetch = (_: URL | RequestInfo, init?: RequestInit) => {
    sent.push(new Headers(init?.headers).get("authorization"));
    return Promise.resolve(new Response("{}"));
  };
  for (const endpoint of ["http://hub.example", "https://hub.example", "http://localhost:1"]) {
    const { remote } = access({ endpoint, token: TOKEN, fetch });
    await remote.folder(`${endpoint}/a/`).readText("config.json");
  }
  assertEquals(sent, [null, `Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
});

Deno.test("offline makes no request", async () => {
  const fetch = () => Promise.reject(new TypeError("asked"));
  const { remote } = access({ offline: true, fetch });
  await refused("offline", () => remote.folder("hf://org/name").list());
  await refused("offline", () => remote.folder("https://h.example/m").has("config.json"));
});

Deno.test("an endpoint that is no address is a wrong call", () => {
  for (const endpoint of ["huggingface.co", "ftp://x"]) {
    assertThrows(() => access({ endpoint }), UsageError, endpoint);
  }
});
