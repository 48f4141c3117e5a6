import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import {
  cutAfter,
  delay,
  dropAfter,
  editHeaders,
  editJson,
  type Fault,
  ignoreRange,
  stallAfter,
  status,
  wrongBytes,
} from "../_fake_hub/faults.ts";
import { PullSpace, weights } from "./_pull.ts";

const BYTES = weights(300_000);
const STORAGE = /^\/blobs\//;

/** A repository whose one file is large, and a pull of it into a folder. */
async function makeSpace() {
  const space = await PullSpace.make();
  await space.hub.commit("org/name", { "model.safetensors": BYTES });
  const run = () => space.pull("hf://org/name", { output: space.at("out") });
  const ranges = () =>
    space.hub.seen.filter(({ server }) => server === "storage").map(({ range }) => range);
  return Object.assign(space, { run, ranges });
}

async function assertPulled(space: { at(name: string): string; left(): string[] }) {
  assertEquals(await Deno.readFile(space.at("out/model.safetensors")), BYTES);
  assertEquals(space.left(), ["out"]);
}

const PASSING: Record<string, Fault> = {
  "a 503": status(503),
  "a 429 with Retry-After": status(429, { "retry-after": "7" }),
  "a 429 with the Hub's own header": status(429, { "ratelimit": '"api";r=0;t=55' }),
  "a 429 without either": status(429),
  "a broken connection": dropAfter(100_000),
  "a chunked body that ends early": cutAfter(100_000),
  "a body that stalls": stallAfter(1000, 2000),
  "wrong bytes of the right length": wrongBytes,
};

for (const [name, fault] of Object.entries(PASSING)) {
  Deno.test(`downloadFile() gets over ${name}`, async () => {
    await using space = await makeSpace();
    space.hub.fault({ path: STORAGE }, fault);
    await space.run();
    await assertPulled(space);
  });
}

Deno.test("downloadFile() waits as long as the server asks", async () => {
  await using space = await makeSpace();
  space.hub.fault({ path: STORAGE }, status(429, { "retry-after": "7" }));
  space.hub.fault({ path: STORAGE }, status(429, { "ratelimit": '"api";r=0;t=55' }));
  await space.run();
  const [first = 0, second = 0] = space.waits;
  assert(first >= 7000 && first < 9000 && second >= 56_000 && second < 71_000, `${space.waits}`);
});

Deno.test("downloadFile() continues where the connection broke", async () => {
  await using space = await makeSpace();
  space.hub.fault({ path: STORAGE }, cutAfter(100_000));
  await space.run();
  assertEquals(space.ranges(), [undefined, "bytes=100000-"]);
});

Deno.test("downloadFile() goes on in the middle of 50 MB, and every byte is right", async () => {
  await using space = await PullSpace.make();
  const bytes = weights(50_000_000);
  await space.hub.commit("org/name", { "model.safetensors": bytes });
  space.hub.fault({ path: STORAGE }, dropAfter(25_000_000));
  const { files } = await space.pull("hf://org/name", { output: space.at("out") });
  const digest = createHash("sha256").update(bytes).digest("hex");
  assertEquals(files.map(({ sha256 }) => sha256), [digest]);
  const ranges = space.hub.seen.filter(({ server }) => server === "storage");
  assertEquals(ranges.map(({ range }) => /^bytes=(\d+)-$/.exec(range ?? "")?.length), [
    undefined,
    2,
  ]);
});

Deno.test("downloadFile() starts over where the server ignores the range", async () => {
  await using space = await makeSpace();
  space.hub.fault({ path: STORAGE }, cutAfter(100_000));
  space.hub.fault({ path: STORAGE }, ignoreRange);
  await space.run();
  await assertPulled(space);
  assertEquals(space.ranges(), [undefined, "bytes=100000-"]);
});

Deno.test("downloadFile() refuses another range than it asked for", async () => {
  await using space = await makeSpace();
  space.hub.fault({ path: STORAGE }, cutAfter(100_000));
  const shift = (headers: Headers) => headers.set("content-range", "bytes 0-299999/300000");
  space.hub.fault({ path: STORAGE }, editHeaders(shift));
  assertEquals((await assertRejects(space.run, TinygraftError)).code, "range-ignored");
  assert(!space.left().includes("out"));
});

const LASTING: [name: string, fault: Fault, code: string, tries: number][] = [
  ["503 for ever", status(503), "hub-unavailable", 6],
  ["429 for ever", status(429), "rate-limited", 6],
  ["wrong bytes for ever", wrongBytes, "checksum-mismatch", 2],
  ["bodies that never get anywhere", cutAfter(0), "size-mismatch", 6],
  ["a 403 of storage", status(403), "hub-forbidden", 1],
];

for (const [name, fault, code, tries] of LASTING) {
  Deno.test(`downloadFile() gives up on ${name} and leaves no output`, async () => {
    await using space = await makeSpace();
    space.hub.fault({ path: STORAGE, times: Infinity }, fault);
    const error = await assertRejects(space.run, TinygraftError);
    assertEquals([error.code, space.ranges().length], [code, tries]);
    assert(!error.message.includes("X-Signature") && !error.message.includes("hf_test"));
    assert(!space.left().includes("out"));
  });
}

Deno.test("downloadFile() gives up on a server that does not answer in time", async () => {
  await using space = await makeSpace();
  space.hub.fault({ path: STORAGE, times: Infinity }, delay(400));
  const run = () => space.pull("hf://org/name", { headerTimeout: 50 });
  assertEquals((await assertRejects(run, TinygraftError)).code, "hub-unavailable");
});

Deno.test("downloadFile() refuses more or fewer bytes than are listed", async () => {
  for (const change of [-1000, 1000]) {
    await using space = await makeSpace();
    const edit = editJson((json) => {
      for (const entry of json as { path: string; size: number; lfs?: { size: number } }[]) {
        if (entry.lfs !== undefined) entry.size += change;
      }
      return json;
    });
    space.hub.fault({ path: /\/tree\// }, edit);
    assertEquals((await assertRejects(space.run, TinygraftError)).code, "size-mismatch");
  }
});

Deno.test("downloadFile() keeps going as long as every round of tries brings it on", async () => {
  await using space = await PullSpace.make();
  const bytes = weights(9_000_000, 5);
  await space.hub.commit("org/name", { "model.safetensors": bytes });
  space.hub.fault({ path: STORAGE, times: 15 }, cutAfter(500_000));
  await space.pull("hf://org/name", { output: space.at("out") });
  assertEquals(await Deno.readFile(space.at("out/model.safetensors")), bytes);
});

Deno.test("downloadFile() goes on with what a killed run left, after hashing it", async () => {
  await using space = await makeSpace();
  const { commit } = await space.pull("hf://org/name");
  const blob = await Deno.realPath(
    space.at(`cache/models--org--name/snapshots/${commit}/model.safetensors`),
  );
  const partial = `${blob}.tinygraft.incomplete`;
  const again = async (start: Uint8Array) => {
    await Deno.remove(blob);
    await Deno.writeFile(partial, start);
    const before = space.ranges().length;
    await space.pull("hf://org/name");
    assertEquals(await Deno.readFile(blob), BYTES);
    return space.ranges().slice(before);
  };
  assertEquals(await again(BYTES.subarray(0, 250_000)), ["bytes=250000-"]);
  assertEquals(await again(BYTES), []);
  // What a crash of the machine garbled shows in the checksum, and costs one more download.
  assertEquals(await again(new Uint8Array(250_000)), ["bytes=250000-", undefined]);
  assertEquals(await again(new Uint8Array(300_001)), [undefined]);
});
