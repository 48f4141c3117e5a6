import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InterruptedError, TinygraftError } from "../../lib/errors.ts";
import type { RemoteOptions } from "../../lib/remote/client.ts";
import { HEAD_BYTES, type HttpSource } from "../../lib/remote/http_source.ts";
import { seededRandom } from "../_noise.ts";
import {
  access,
  cutAfter,
  type Fault,
  FaultServer,
  ignoreRange,
  redirect,
  serveRange,
  shortBody,
  slow,
  status,
} from "./_server.ts";

const PATH = "/x.safetensors";
const KIB = 1024;

function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 13);
}

function open(server: FaultServer, options: RemoteOptions = {}): Promise<HttpSource> {
  return access(options).remote.folder(`${server.url}${PATH}`).open("x.safetensors");
}

async function refused(code: string, reading: () => Promise<unknown>): Promise<TinygraftError> {
  const error = await assertRejects(reading, TinygraftError);
  assertEquals(error.code, code, error.message);
  return error;
}

Deno.test("HttpSource reads a small file with the one request that opens it", async () => {
  await using server = new FaultServer();
  const file = bytesOf(1000);
  server.serve(PATH, file);
  const source = await open(server);
  assertEquals(source.byteLength, 1000);
  assertEquals(await source.read(0, 1000), file);
  assertEquals(await source.read(990, 1000), file.subarray(990));
  assertEquals(await source.read(5, 5), new Uint8Array(0));
  assertEquals(server.seen.map(({ range }) => range), [`bytes=0-${HEAD_BYTES - 1}`]);
});

Deno.test("HttpSource opens an empty file", async () => {
  await using server = new FaultServer();
  server.serve(PATH, new Uint8Array(0));
  const source = await open(server);
  assertEquals(source.byteLength, 0);
  assertEquals(await source.read(0, 0), new Uint8Array(0));
});

Deno.test("HttpSource reads what the file holds, whatever the ranges and their order", async () => {
  await using server = new FaultServer();
  const file = bytesOf(3 * 1024 * KIB + 17);
  server.serve(PATH, file);
  const source = await open(server);
  const random = seededRandom(7);
  for (let i = 0; i < 60; i++) {
    const begin = Math.floor(random() * file.length);
    const length = Math.floor(random() ** 4 * (file.length - begin));
    assertEquals(await source.read(begin, begin + length), file.slice(begin, begin + length));
  }
  const parallel = [[2e6, 2e6 + 9], [1e6, 1e6 + 9], [2e6 - 5, 2e6 + 70_000], [9, 2e6]] as const;
  const read = await Promise.all(parallel.map(([begin, end]) => source.read(begin, end)));
  for (const [i, [begin, end]] of parallel.entries()) {
    assertEquals(read[i], file.slice(begin, end));
  }
});

Deno.test("HttpSource reads ahead in runs of small reads, and never past a large one", async () => {
  await using server = new FaultServer();
  const file = bytesOf(4 * 1024 * KIB);
  server.serve(PATH, file);
  const source = await open(server);
  for (let at = 512 * KIB; at < 1536 * KIB; at += 4 * KIB) await source.read(at, at + 4 * KIB);
  // 256 reads; the window doubles from 64 KiB: 64 + 128 + 256 + 512 KiB and the rest.
  assertEquals(server.seen.length, 1 + 5);
  server.seen.length = 0;
  await source.read(2560 * KIB, 3584 * KIB);
  assertEquals(server.seen.map(({ range }) => range), [
    `bytes=${2560 * KIB}-${3584 * KIB - 1}`,
  ]);
});

Deno.test("HttpSource refuses ranges beyond the file", async () => {
  await using server = new FaultServer();
  server.serve(PATH, bytesOf(10));
  const source = await open(server);
  for (const [begin, end] of [[0, 11], [-1, 5], [6, 5]] as const) {
    await refused("unreadable", () => source.read(begin, end));
  }
});

Deno.test("HttpSource tries again after 503, a cut or short body, and asks for the rest", async () => {
  await using server = new FaultServer();
  const file = bytesOf(4096 * KIB);
  server.serve(PATH, file);
  server.fail(PATH, status(503), cutAfter(100));
  const source = await open(server);
  server.seen.length = 0;
  server.fail(PATH, cutAfter(600 * KIB), shortBody(200 * KIB), status(500));
  assertEquals(await source.read(1024 * KIB, 3072 * KIB), file.slice(1024 * KIB, 3072 * KIB));
  const begins = server.seen.map(({ range }) => Number(/=(\d+)/.exec(range!)![1]) / KIB);
  assertEquals(begins, [1024, 1624, 1824, 1824]);
});

Deno.test("HttpSource gives up after six tries", async () => {
  await using server = new FaultServer();
  server.serve(PATH, bytesOf(4096));
  const always: [string, Fault][] = [
    ["hub-unavailable", status(503)],
    ["rate-limited", status(429, { "retry-after": "3" })],
    ["hub-unavailable", cutAfter(10)],
    ["size-mismatch", shortBody(10)],
  ];
  for (const [code, fault] of always) {
    server.seen.length = 0;
    server.failAlways(PATH, fault);
    const { remote, waits } = access();
    await refused(code, () => remote.folder(`${server.url}${PATH}`).open("x.safetensors"));
    assertEquals([server.seen.length, waits.length], [6, 5], code);
    if (code === "rate-limited") assert(waits.every((wait) => wait >= 3000 && wait <= 3750));
  }
});

Deno.test("HttpSource needs 206 and the Content-Range that it asked for", async () => {
  await using server = new FaultServer();
  server.serve(PATH, bytesOf(300 * KIB));
  const ranged = (range: string | undefined): Fault => (request, file) => {
    const response = serveRange(request, file);
    if (range === undefined) response.headers.delete("content-range");
    else response.headers.set("content-range", range);
    return response;
  };
  const last = HEAD_BYTES - 1;
  const faults = [
    ignoreRange,
    ranged(undefined),
    ranged(`bytes 1-${HEAD_BYTES}/${300 * KIB}`),
    ranged(`bytes 0-${last - 1}/${300 * KIB}`),
    ranged(`bytes 0-${last}/*`),
    ranged(`bytes 0-${last}/${2 ** 60}`),
    ranged(`bytes 0-${last}/50`),
    ranged(`items 0-${last}/${300 * KIB}`),
    status(416, { "content-range": "bytes */5" }),
  ];
  for (const fault of faults) {
    server.seen.length = 0;
    server.fail(PATH, fault);
    await refused("range-ignored", () => open(server));
    assertEquals(server.seen.length, 1);
  }
  const source = await open(server);
  server.fail(PATH, ignoreRange);
  const error = await refused("range-ignored", () => source.read(200 * KIB, 201 * KIB));
  assertStringIncludes(error.message, "download the file");
});

Deno.test("HttpSource says that it got an HTML page", async () => {
  await using server = new FaultServer();
  const page = { status: 200, headers: { "content-type": "text/html; charset=utf-8" } };
  server.failAlways(PATH, () => new Response("<!doctype html>", page));
  const error = await refused("file-not-found", () => open(server));
  assertStringIncludes(error.message, "HTML page");
});

Deno.test("HttpSource notices another file under the same address", async () => {
  await using server = new FaultServer();
  server.serve(PATH, bytesOf(300 * KIB));
  const source = await open(server);
  server.etag = '"v2"';
  await refused("changed-while-open", () => source.read(200 * KIB, 201 * KIB));
  server.etag = undefined;
  await source.read(200 * KIB, 201 * KIB);
  server.serve(PATH, bytesOf(299 * KIB));
  await refused("changed-while-open", () => source.read(280 * KIB, 281 * KIB));
});

Deno.test("HttpSource waits for headers and bytes only so long", async () => {
  await using server = new FaultServer();
  const file = bytesOf(300 * KIB);
  server.serve(PATH, file);
  server.fail(PATH, slow(300), slow(300, true));
  const { remote, waits } = access({ headerTimeout: 50, idleTimeout: 50 });
  const source = await remote.folder(`${server.url}${PATH}`).open("x.safetensors");
  assertEquals([server.seen.length, waits.length], [3, 2]);
  assertEquals(await source.read(0, 300 * KIB), file);
  server.failAlways(PATH, slow(300));
  const error = await refused(
    "hub-unavailable",
    () => open(server, { headerTimeout: 20 }),
  );
  assertStringIncludes(error.message, "0.02 s");
});

Deno.test("HttpSource stops at once when the signal aborts", async () => {
  await using server = new FaultServer();
  server.serve(PATH, bytesOf(10));
  server.failAlways(PATH, slow(300));
  const controller = new AbortController();
  const opening = open(server, { signal: controller.signal });
  const timer = setTimeout(() => controller.abort(), 20);
  await assertRejects(() => opening, InterruptedError);
  clearTimeout(timer);
});

Deno.test("HttpSource reads on from where redirects led, until that address runs out", async () => {
  await using server = new FaultServer();
  await using storage = new FaultServer();
  const file = bytesOf(600 * KIB);
  storage.serve("/blob", file);
  server.failAlways(PATH, redirect(`${storage.url}/blob?sig=secret`, 307));
  const source = await open(server);
  await source.read(200 * KIB, 201 * KIB);
  assertEquals([server.seen.length, storage.seen.length], [1, 2]);
  storage.fail("/blob", status(403));
  assertEquals(await source.read(500 * KIB, 501 * KIB), file.slice(500 * KIB, 501 * KIB));
  assertEquals([server.seen.length, storage.seen.length], [2, 4]);
  storage.failAlways("/blob", status(403));
  const error = await refused("hub-forbidden", () => source.read(400 * KIB, 401 * KIB));
  assert(!error.message.includes("secret"), error.message);
});

Deno.test("HttpSource follows five redirects and no more, to http(s) only", async () => {
  await using server = new FaultServer();
  server.serve(PATH, bytesOf(10));
  const hop = redirect(PATH, 301);
  server.fail(PATH, hop, hop, hop, hop, hop);
  assertEquals((await open(server)).byteLength, 10);
  server.fail(PATH, hop, hop, hop, hop, hop, hop);
  await refused("unexpected-answer", () => open(server));
  for (const target of ["file:///etc/passwd", "data:text/plain,x", "hf://a/b", "http://"]) {
    server.fail(PATH, redirect(target));
    await refused("unexpected-answer", () => open(server));
  }
  server.fail(PATH, status(302));
  await refused("unexpected-answer", () => open(server));
});

Deno.test("HttpSource does not let a redirect lead from https to http", async () => {
  const asked: string[] = [];
  const fetch = (input: URL | RequestInfo) => {
    asked.push(String(input));
    const headers = { location: "http://other.example/x?sig=secret" };
    return Promise.resolve(new Response(null, { status: 302, headers }));
  };
  const { remote } = access({ fetch });
  const folder = remote.folder("https://host.example/x.safetensors");
  const error = await refused("unexpected-answer", () => folder.open("x.safetensors"));
  assertStringIncludes(error.message, "http://other.example/x");
  assert(!error.message.includes("secret"));
  assertEquals(asked, ["https://host.example/x.safetensors"]);
});

Deno.test("HttpSource says why a server cannot be reached, without the query", async () => {
  const server = new FaultServer();
  const address = `${server.url}/blob?sig=secret`;
  await server[Symbol.asyncDispose]();
  const { remote, waits } = access();
  const error = await refused("hub-unavailable", () => remote.folder(address).open("blob"));
  assertStringIncludes(error.message, "(connection refused)");
  assert(!error.message.includes("secret") && error.cause === undefined);
  assertEquals(waits.length, 5);
});
