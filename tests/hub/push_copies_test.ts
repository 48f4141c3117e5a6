import { assertEquals, assertRejects } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { push, type PushOptions } from "../../lib/hub/push.ts";
import type { LocalFile } from "../../lib/hub/push_files.ts";
import { editJson, loseAnswer } from "../_fake_hub/faults.ts";
import { xetHashOf } from "../_fake_hub/storage.ts";
import { PullSpace, weights } from "./_pull.ts";

/** A Hub with large files in one repository, and a folder to push to another. */
class CopySpace implements AsyncDisposable {
  private constructor(readonly inner: PullSpace, readonly onHub: readonly LocalFile[]) {}

  static async make(count: number): Promise<CopySpace> {
    const inner = await PullSpace.make();
    const names = Array.from({ length: count }, (_, i) => `part-${i}.safetensors`);
    await inner.hub.commit(
      "org/from",
      Object.fromEntries(names.map((name, i) => [name, weights(8, i)])),
    );
    const { files } = inner.hub.repositories.get("org/from")!.resolve("main");
    const onHub = names.map((path): LocalFile => {
      const { sha256, size: byteLength } = files.get(path)!;
      const content = { repository: "org/from", path, xetHash: xetHashOf(sha256) };
      return { path: `new-${path}`, byteLength, sha256, gitSha1: "", content };
    });
    await Deno.mkdir(inner.at("dir"));
    await Deno.writeTextFile(inner.at("dir/config.json"), "{}\n");
    return new CopySpace(inner, onHub);
  }

  push(options: Partial<PushOptions> = {}) {
    const { hub } = this.inner;
    return push(this.inner.at("dir"), "hf://org/to", {
      ...{ ...this.inner.options, endpoint: hub.url, create: true, onHub: this.onHub },
      ...options,
    });
  }

  /** How often the Hub was asked to copy. */
  get asked(): number {
    return this.inner.hub.seen.filter(({ path }) => path.endsWith("/duplicate")).length;
  }

  paths(): string[] {
    const { files } = this.inner.hub.repositories.get("org/to")!.resolve("main");
    return [...files.keys()].filter((path) => path !== ".gitattributes").sort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.inner[Symbol.asyncDispose]();
  }
}

Deno.test("push() has the Hub copy many files, each content once, and none a second time", async () => {
  await using space = await CopySpace.make(501);
  const [first] = space.onHub;
  const onHub = [...space.onHub, { ...first!, path: "again.safetensors" }];
  const { copied, uploaded } = await space.push({ onHub });
  assertEquals([copied.length, uploaded.map(({ path }) => path)], [502, ["config.json"]]);
  assertEquals(space.asked, 2);
  assertEquals(space.paths().length, 503);
  const renamed = onHub.map((file) => ({ ...file, path: `${file.path}.safetensors` }));
  assertEquals((await space.push({ onHub: renamed })).copied.length, 502);
  assertEquals(space.asked, 2); // the repository has them, whatever they are called
  const { hub } = space.inner;
  assertEquals(hub.seen.filter(({ path }) => path.startsWith("/blobs/")).length, 0);
});

Deno.test("push() makes one commit with copies and removals, though its answer is lost", async () => {
  await using space = await CopySpace.make(2);
  await space.push({ onHub: [] });
  const { hub } = space.inner;
  await hub.commit("org/to", { "old.txt": "old" });
  const commits = () => hub.repositories.get("org/to")!.commits.size;
  const before = commits();
  hub.fault({ method: "POST", path: /\/commit\// }, loseAnswer());
  const { removed } = await space.push({
    remove: (listed) => listed.has("old.txt") ? ["old.txt"] : [],
  });
  assertEquals([removed, commits()], [["old.txt"], before + 1]);
  assertEquals(space.paths(), ["config.json", ...space.onHub.map(({ path }) => path)]);
  const again = await space.push({ remove: () => [] });
  assertEquals([again.copied, commits()], [[], before + 1]);
});

Deno.test("push() notices that what it removed is still listed", async () => {
  await using space = await CopySpace.make(0);
  await space.push();
  const { hub } = space.inner;
  await hub.commit("org/to", { "old.txt": "old" });
  const pushing = () => space.push({ remove: () => ["old.txt"] });
  let listings = 0;
  const entry = { type: "file", path: "old.txt", size: 3, oid: "0".repeat(40) };
  const stale = editJson((json) => ++listings > 1 ? [...json as unknown[], entry] : json);
  hub.fault({ path: /\/tree\//, times: 2 }, stale);
  assertEquals((await assertRejects(pushing, TinygraftError)).code, "push-verify-failed");
});
