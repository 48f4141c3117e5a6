import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { push, type PushOptions } from "../../lib/hub/push.ts";
import { READ_TOKEN, STRANGER_TOKEN, WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import {
  before,
  cutAfter,
  dropAfter,
  editJson,
  type Fault,
  type FaultRule,
  loseAnswer,
  status,
} from "../_fake_hub/faults.ts";
import { PullSpace, weights } from "./_pull.ts";

const FILES: Record<string, Uint8Array | string> = {
  "README.md": "---\nlicense: mit\n---\n# Mine\n",
  "adapter_config.json": "{}\n",
  "adapter_model.safetensors": weights(50_000, 7),
  "sub/notes.txt": "x",
};
const COMMIT = { method: "POST", path: /\/commit\// };

/** A fake Hub and a folder to push. */
class PushSpace {
  readonly warnings: string[] = [];
  private constructor(readonly inner: PullSpace) {}

  static async make(options = {}, files = FILES): Promise<PushSpace> {
    const space = new PushSpace(await PullSpace.make(options));
    await space.write(files);
    return space;
  }

  get hub() {
    return this.inner.hub;
  }

  get folder(): string {
    return this.inner.at("dir");
  }

  async write(files: Record<string, Uint8Array | string>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const full = join(this.folder, path);
      await Deno.mkdir(join(full, ".."), { recursive: true });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(full, bytes);
    }
  }

  push(options: Partial<PushOptions> = {}, location = "hf://org/name") {
    return push(this.folder, location, {
      ...this.inner.options,
      endpoint: this.hub.url,
      onWarning: (message) => this.warnings.push(message),
      ...options,
    });
  }

  async codeOf(options: Partial<PushOptions> = {}, location?: string): Promise<string> {
    const error = await assertRejects(() => this.push(options, location), TinygraftError);
    for (const secret of [WRITE_TOKEN, READ_TOKEN, STRANGER_TOKEN, "X-Signature"]) {
      assert(!`${error.message}${error.cause}`.includes(secret), error.message);
    }
    return error.code;
  }

  /** Paths at the head of a branch, without the Hub's own. */
  paths(ref = "main"): string[] {
    const { files } = this.hub.repositories.get("org/name")!.resolve(ref);
    return [...files.keys()].filter((path) => path !== ".gitattributes").sort();
  }

  /** How many commits there are. */
  get commits(): number {
    return this.hub.repositories.get("org/name")?.commits.size ?? 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.inner[Symbol.asyncDispose]();
  }
}

Deno.test("push() makes repository and commit, and a second time neither", async () => {
  await using space = await PushSpace.make();
  const first = await space.push({ create: true, isPrivate: true, message: "Ship it" });
  assertEquals(first.uploaded.map(({ path }) => path), Object.keys(FILES).sort());
  assertEquals(space.paths(), Object.keys(FILES).sort());
  const repository = space.hub.repositories.get("org/name")!;
  const head = repository.resolve("main");
  assertEquals([head.id, head.title, repository.isPrivate], [first.commit, "Ship it", true]);
  assertStringIncludes(first.url, `/org/name/commit/${head.id}`);
  const second = await space.push({ create: true });
  assertEquals([second.commit, second.uploaded], [head.id, []]);
  assertEquals(second.unchanged, first.uploaded);
  assertEquals(space.commits, 2);
  const again = await space.inner.pull("hf://org/name", {
    include: ["*"],
    output: space.inner.at("back"),
  });
  for (const { path } of again.files.filter(({ path }) => path !== ".gitattributes")) {
    const [sent, back] = [space.folder, again.folder].map((folder) =>
      Deno.readFile(`${folder}/${path}`)
    );
    assertEquals(await back, await sent);
  }
});

Deno.test("push() sends only what differs, on the branch that is asked for", async () => {
  await using space = await PushSpace.make();
  await space.push({ create: true });
  await space.write({ "sub/notes.txt": "y" });
  const { uploaded, unchanged } = await space.push({ branch: "dev" });
  assertEquals(uploaded.map(({ path }) => path), ["sub/notes.txt"]);
  assertEquals(unchanged.length, 3);
  const main = await space.push({}, "hf://org/name@dev");
  assertEquals(main.uploaded, []);
  assertEquals((await space.push()).uploaded.length, 1);
});

Deno.test("push() opens a pull request and leaves the branch alone", async () => {
  await using space = await PushSpace.make();
  await space.hub.create("org/name");
  const { pullRequest, commit } = await space.push({ createPullRequest: true });
  assertStringIncludes(pullRequest!, "/org/name/discussions/1");
  assertEquals(space.paths(), []);
  assertEquals(space.hub.repositories.get("org/name")!.resolve("refs/pr/1").id, commit);
  const next = await space.push({ branch: "refs/pr/1" });
  assertEquals(next.uploaded, []);
  const nowhere = { createPullRequest: true, branch: "gone" };
  assertEquals(await space.codeOf(nowhere), "revision-not-found");
});

Deno.test("push() on a dry run changes nothing and tells what it would do", async () => {
  await using space = await PushSpace.make();
  const plan = await space.push({ dryRun: true, create: true });
  assertEquals([plan.uploaded.length, plan.dryRun, plan.commit], [4, true, undefined]);
  assertEquals(space.hub.repositories.size, 0);
  await space.push({ create: true });
  const later = await space.push({ dryRun: true, branch: "dev" });
  assertEquals(later.uploaded.length, 4);
  assertEquals((await space.push({ dryRun: true })).unchanged.length, 4);
  assertEquals([...space.hub.repositories.get("org/name")!.refs.keys()], ["main"]);
  const writes = space.hub.seen.filter(({ method, path }) =>
    method !== "GET" && path !== "/api/validate-yaml"
  );
  assertEquals(writes.filter(({ path }) => path.includes("/branch/")).length, 0);
});

Deno.test("push() keeps hidden and unfinished files, symlinks and predictions here", async () => {
  await using space = await PushSpace.make();
  await space.write({
    ".env": "SECRET",
    ".git/config": "x",
    "a.incomplete": "x",
    "predictions.jsonl": "{}",
    "dev_predictions.csv": "x",
  });
  await Deno.symlink("/etc/passwd", `${space.folder}/passwd`);
  await space.push({ create: true });
  assertEquals(space.paths(), Object.keys(FILES).sort());
  assertEquals(space.warnings.length, 6);
});

Deno.test("push() takes content from memory, also in place of the folder's own", async () => {
  await using space = await PushSpace.make();
  const bytes = (text: string) => new TextEncoder().encode(text);
  const extra = new Map([["README.md", bytes("# Other")], ["more/NOTES.md", bytes("new")]]);
  const { uploaded } = await space.push({ create: true, extra });
  assertEquals(uploaded.length, 5);
  const { files } = space.hub.repositories.get("org/name")!.resolve("main");
  const card = await space.hub.content(files.get("README.md")!).bytes();
  assertEquals(new TextDecoder().decode(card), "# Other");
  assertEquals((await space.push({ extra })).uploaded, []);
});

Deno.test("push() uploads large files in parts where the Hub wants that", async () => {
  await using space = await PushSpace.make({ partBytes: 20_000 });
  await space.push({ create: true });
  const parts = space.hub.seen.filter(({ path }) => path.startsWith("/parts/"));
  assertEquals(parts.length, 3);
  assert(
    space.hub.seen.every(({ server, token }) =>
      token === (server === "hub" ? `Bearer ${WRITE_TOKEN}` : undefined)
    ),
  );
});

Deno.test("push() uploads by Xet where the Hub wants that, with Xet's own token", async () => {
  await using space = await PushSpace.make({}, { "model.safetensors": weights(300_000, 9) });
  space.hub.largeFiles.xet = true;
  const { commit } = await space.push({ create: true });
  assertEquals(space.hub.repositories.get("org/name")!.resolve("main").id, commit);
  const cas = space.hub.seen.filter(({ path }) => path.startsWith("/v1/"));
  assertEquals(new Set(cas.map(({ token }) => token)), new Set(["Bearer xet_secret"]));
  assert(cas.some(({ path }) => path === "/v1/shards"));
  assertEquals(space.hub.seen.filter(({ path }) => path.startsWith("/uploads/")).length, 0);
});

Deno.test("push() goes by LFS where Xet is switched off, or fails", async () => {
  for (const xet of [true, false]) {
    await using space = await PushSpace.make();
    space.hub.largeFiles.xet = true;
    space.hub.fault({ path: "/v1/shards", times: Infinity }, status(400));
    await space.push({ create: true, xet });
    assertEquals(space.paths(), Object.keys(FILES).sort());
    assertEquals(space.inner.waits, xet ? [0] : []);
    assertEquals(space.commits, 2);
  }
});

const PASSING: [name: string, rule: FaultRule, fault: Fault][] = [
  ["a 503 of whoami", { path: "/api/whoami-v2" }, status(503)],
  ["a 429 of preupload", { path: /preupload/ }, status(429, { "retry-after": "1" })],
  ["a 504 of the batch call", { path: /objects\/batch/ }, status(504)],
  ["a 500 of storage", { method: "PUT", path: /^\/uploads\// }, status(500)],
  ["a lost answer of create", { path: "/api/repos/create" }, loseAnswer()],
  ["a 503 of the commit", COMMIT, status(503)],
  ["a commit whose answer is lost", COMMIT, loseAnswer()],
  ["a commit whose answer breaks off", COMMIT, dropAfter(3)],
  ["a commit whose answer ends early", COMMIT, cutAfter(3)],
  ["a conflicting operation", COMMIT, () =>
    Promise.resolve(
      Response.json({ error: "another conflicting operation is running" }, { status: 409 }),
    )],
];

for (const [name, rule, fault] of PASSING) {
  Deno.test(`push() gets over ${name} with one commit`, async () => {
    await using space = await PushSpace.make();
    space.hub.fault(rule, fault);
    const { uploaded, commit } = await space.push({ create: true });
    assertEquals([uploaded.length, space.commits], [4, 2]);
    assertEquals(space.hub.repositories.get("org/name")!.resolve("main").id, commit);
  });
}

Deno.test("push() does not overwrite what somebody else pushed in between", async () => {
  await using space = await PushSpace.make();
  await space.hub.create("org/name");
  const other = () => space.hub.commit("org/name", { "adapter_config.json": "theirs" });
  space.hub.fault(COMMIT, before(other));
  assertEquals(await space.codeOf(), "stale-parent");
  assertEquals(space.paths(), ["adapter_config.json"]);
});

Deno.test("push() does not take another's commit for its own after a lost answer", async () => {
  await using space = await PushSpace.make();
  await space.hub.create("org/name");
  space.hub.fault(COMMIT, async (request, next) => {
    await space.hub.commit("org/name", { "adapter_config.json": "theirs" });
    return await loseAnswer()(request, next);
  });
  assertEquals(await space.codeOf(), "stale-parent");
  assertEquals(space.paths(), ["adapter_config.json"]);
});

Deno.test("push() says that it cannot tell when a pull request's answer is lost", async () => {
  await using space = await PushSpace.make();
  await space.hub.create("org/name");
  space.hub.fault(COMMIT, loseAnswer());
  assertEquals(await space.codeOf({ createPullRequest: true }), "hub-unavailable");
  assertEquals([...space.hub.repositories.get("org/name")!.refs.keys()], ["main", "refs/pr/1"]);
});

Deno.test("push() notices a listing that disagrees", async () => {
  await using space = await PushSpace.make();
  const repository = await space.hub.create("org/name");
  const edit = editJson((json) =>
    (json as { path: string; size: number }[]).map((entry) =>
      entry.path === "sub/notes.txt" ? { ...entry, size: 2 } : entry
    )
  );
  space.hub.fault({ path: /\/tree\//, times: Infinity }, async (request, next) => {
    const isNew = !request.url.includes(repository.resolve("main").parent ?? "none");
    return repository.commits.size > 1 && isNew ? await edit(request, next) : await next();
  });
  assertEquals(await space.codeOf(), "push-verify-failed");
});

Deno.test("push() asks the Hub about the card first", async () => {
  await using space = await PushSpace.make();
  await space.write({ "README.md": "---\nbase_model_relation: cousin\n---\n" });
  const error = await assertRejects(() => space.push({ create: true }), TinygraftError);
  assertEquals([error.code, space.hub.repositories.size], ["card-invalid", 0]);
  assertStringIncludes(error.message, "adapter, merge, quantized, finetune");
  await space.write({ "README.md": "# No front matter\n" });
  await space.push({ create: true });
  assertStringIncludes(space.warnings.join("\n"), "empty or missing yaml metadata");
  space.hub.fault({ path: "/api/validate-yaml" }, status(404));
  await space.push();
  assertStringIncludes(space.warnings.join("\n"), "does not check cards");
});

Deno.test("push() is told who may not", async () => {
  await using space = await PushSpace.make();
  assertEquals(await space.codeOf(), "repo-not-found");
  assertEquals(await space.codeOf({ token: "hf_nobody" }), "hub-unauthorized");
  assertEquals(await space.codeOf({ token: undefined }), "hub-unauthorized");
  assertEquals(await space.codeOf({ token: READ_TOKEN, create: true }), "hub-forbidden");
  await space.hub.create("org/name", false);
  assertEquals(await space.codeOf({ token: STRANGER_TOKEN }), "hub-forbidden");
  assertEquals(await space.codeOf({ isPrivate: true }), "visibility-differs");
  assertEquals(await space.codeOf({ offline: true }), "offline");
  space.hub.fault({ method: "POST", path: /preupload/ }, status(413));
  assertEquals(await space.codeOf(), "too-large");
  assertEquals(space.commits, 1);
});

Deno.test("push() gives up on a Hub that only fails, without a commit", async () => {
  await using space = await PushSpace.make();
  await space.hub.create("org/name");
  space.hub.fault({ method: "PUT", path: /^\/uploads\//, times: Infinity }, status(503));
  for (const createPullRequest of [false, true]) {
    const before = space.hub.seen.length;
    const error = await assertRejects(
      () => space.push({ createPullRequest }),
      TinygraftError,
      "PUT",
    );
    assertEquals(error.code, "hub-unavailable");
    const tries = space.hub.seen.slice(before).filter(({ method }) => method === "PUT");
    assertEquals(tries.length, 6);
  }
  assertEquals(space.commits, 1);
});

Deno.test("push() masks a token that the Hub repeats in an error", async () => {
  await using space = await PushSpace.make();
  const echo: Fault = () =>
    Promise.resolve(Response.json({ error: `Bad token ${WRITE_TOKEN}` }, { status: 403 }));
  space.hub.fault({ path: "/api/whoami-v2" }, echo);
  const error = await assertRejects(() => space.push(), TinygraftError, "Bad token hf_***");
  assert(!error.message.includes(WRITE_TOKEN));
});

Deno.test("push() keeps the token from servers that it is redirected to", async () => {
  await using space = await PushSpace.make();
  await using foreign = await PullSpace.make();
  await space.hub.create("org/name");
  const location = `${foreign.hub.url}/api/whoami-v2`;
  const headers = { location, "x-cache": "Miss from cloudfront" };
  space.hub.fault({ path: "/api/whoami-v2" }, status(302, headers));
  assertEquals(await space.codeOf(), "hub-unauthorized");
  assertEquals(foreign.hub.seen.map(({ token }) => token), [undefined]);
});

Deno.test("push() refuses addresses that are no repository before any request", async () => {
  await using space = await PushSpace.make();
  for (const location of ["hf://org/name/sub", "https://example.org/x", "hf://name"]) {
    await assertRejects(() => space.push({}, location), UsageError);
  }
  await assertRejects(() => space.push({ branch: "b" }, "hf://org/name@a"), UsageError);
  await Deno.mkdir(space.inner.at("empty"));
  const nothing = () =>
    push(space.inner.at("empty"), "hf://org/name", {
      ...space.inner.options,
      endpoint: space.hub.url,
    });
  assertEquals((await assertRejects(nothing, TinygraftError)).code, "not-found");
  assertEquals(space.hub.seen.length, 0);
});

Deno.test("push() stops when the signal aborts", async () => {
  await using space = await PushSpace.make();
  await space.hub.create("org/name");
  const controller = new AbortController();
  space.hub.fault({ method: "PUT", path: /^\/uploads\// }, (request, next) => {
    controller.abort();
    return next(request);
  });
  assertEquals(await space.codeOf({ signal: controller.signal }), "interrupted");
  assertEquals(space.commits, 1);
});
