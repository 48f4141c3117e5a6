// Python's `hf` against the fake Hub, and against us: what one pushes, the other pulls.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { FakeHub } from "../_fake_hub/hub.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, type Workspace } from "../_workspace.ts";

/** A fake Hub with Python's client and ours side by side, in one cache. */
class Peers implements AsyncDisposable {
  private constructor(readonly hub: FakeHub, readonly space: Workspace) {}

  static async make(): Promise<Peers> {
    return new Peers(await FakeHub.start({ pageSize: 3 }), await makeWorkspace());
  }

  get env(): Record<string, string> {
    return { HF_ENDPOINT: this.hub.url, HF_HOME: this.space.at("hf"), HF_TOKEN: WRITE_TOKEN };
  }

  /** Runs `hf`; fails when it does, unless a failure is expected. */
  async hf(argv: readonly string[], env: Record<string, string> = {}, code = 0): Promise<string> {
    const python = Deno.env.get("TINYGRAFT_PYTHON");
    assert(python, "no Python environment: run these tests with deno task test:real");
    const output = await new Deno.Command(`${dirname(python)}/hf`, {
      args: [...argv],
      env: {
        ...this.env,
        HF_HUB_DISABLE_XET: "1",
        HF_HUB_DISABLE_UPDATE_CHECK: "1",
        HF_HUB_DISABLE_PROGRESS_BARS: "1",
        NO_COLOR: "1",
        ...env,
      },
    }).output();
    const decoder = new TextDecoder();
    const text = decoder.decode(output.stdout) + decoder.decode(output.stderr);
    assertEquals(output.code, code, text);
    return text;
  }

  async ours(...argv: string[]): Promise<Record<string, unknown>> {
    const { code, json, err } = await runJson(argv, { env: this.env });
    assertEquals(code, 0, err);
    return json;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await this.space[Symbol.asyncDispose]();
  }
}

async function assertSameFiles(one: string, other: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(one)) {
    if (!isFile) continue;
    assertEquals(await Deno.readFile(`${other}/${name}`), await Deno.readFile(`${one}/${name}`));
  }
}

Deno.test("hf works on the fake Hub as on the real one", async () => {
  await using peers = await Peers.make();
  const { space } = peers;
  assertStringIncludes(await peers.hf(["auth", "whoami"]), "tester");
  await peers.hf(["repos", "create", "org/theirs", "--private"]);
  await peers.hf(["upload", "org/theirs", space.base, ".", "--commit-message", "one"]);
  const again = await peers.hf(["upload", "org/theirs", space.base, "."]);
  assertStringIncludes(again, "No files have been modified");
  await peers.hf(["upload", "org/theirs", space.adapter, "ad", "--revision", "dev"]);
  await peers.hf(["upload", "org/theirs", space.data, "dev.tsv", "--create-pr"]);
  const { refs } = peers.hub.repositories.get("org/theirs")!;
  assertEquals([...refs.keys()], ["main", "dev", "refs/pr/1"]);
  await peers.hf(["download", "org/theirs"]);
  await peers.hf(["cache", "verify", "org/theirs"]);
  await peers.hf(["download", "org/theirs"], { HF_HUB_OFFLINE: "1" });
  await peers.hf(["download", "org/theirs", "config.json", "--revision", "refs/pr/1"]);
  const bad = await peers.hf(["auth", "whoami"], { HF_TOKEN: "hf_bad" }, 1);
  assertStringIncludes(bad, "Invalid user token");
  await peers.hf(["download", "org/gone"], {}, 1);
});

Deno.test("what push uploads, hf downloads byte for byte", async () => {
  await using peers = await Peers.make();
  const { space } = peers;
  const { commit } = await peers.ours("push", space.base, "hf://org/ours", "--create");
  await peers.hf(["download", "org/ours", "--local-dir", space.at("theirs")]);
  await assertSameFiles(space.base, space.at("theirs"));
  assertEquals(peers.hub.repositories.get("org/ours")!.resolve("main").id, commit);
  const unchanged = await peers.hf(["upload", "org/ours", space.base, "."]);
  assertStringIncludes(unchanged, "No files have been modified");
});

/** What transformers computes with models that it finds by folder or by repository. */
async function statesOf(peers: Peers, models: readonly string[]): Promise<unknown[]> {
  const python = Deno.env.get("TINYGRAFT_PYTHON")!;
  const child = new Deno.Command(python, {
    args: [fromFileUrl(new URL("transformers_peer.py", import.meta.url))],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { ...peers.env, HF_HUB_DISABLE_XET: "1" },
  }).spawn();
  const job = { folders: models, "input_ids": [[2, 5, 7, 3]], "token_type_ids": [[0, 0, 0, 0]] };
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(job)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const found = JSON.parse(new TextDecoder().decode(stdout)) as { states: unknown }[];
  return found.map(({ states }) => states);
}

Deno.test("transformers loads what push and inject put on the Hub, by its name, as it was", async () => {
  await using peers = await Peers.make();
  const { base, adapter } = peers.space;
  await peers.ours("push", base, "hf://org/ours", "--create");
  const flags = ["--as", "shard", "--adapter", adapter, "--create"];
  const { mode } = await peers.ours("inject", "hf://org/ours", "hf://org/grafted", ...flags);
  assertEquals(mode, "shard");
  const [local, pushed, grafted] = await statesOf(peers, [base, "org/ours", "org/grafted"]);
  assertEquals([pushed, grafted], [local, local]); // it ignores the added tensors
  await peers.hf(["cache", "verify", "org/grafted"]);
});

/** Copies a large file between repositories as Python's library does, by the Hub itself. */
const COPY_IN_PYTHON = `
from huggingface_hub import CommitOperationCopy, HfApi
copy = CommitOperationCopy(
    src_path_in_repo="model.safetensors", path_in_repo="copied/model.safetensors",
    src_repo_id="org/base", src_repo_type="model",
)
HfApi().create_commit("org/copy", [copy], commit_message="Copy")
`;

Deno.test("Python's library has the fake Hub copy a large file, by the request that we make", async () => {
  await using peers = await Peers.make();
  const { base, adapter } = peers.space;
  await peers.ours("push", base, "hf://org/base", "--create");
  const flags = ["--as", "shard", "--adapter", adapter, "--create"];
  await peers.ours("inject", "hf://org/base", "hf://org/grafted", ...flags);
  await peers.hf(["repos", "create", "org/copy"]);
  const command = new Deno.Command(Deno.env.get("TINYGRAFT_PYTHON")!, {
    args: ["-c", COPY_IN_PYTHON],
    env: { ...peers.env, HF_HUB_DISABLE_XET: "1" },
  });
  const { code, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const contentOf = (id: string, path: string) =>
    peers.hub.repositories.get(id)!.resolve("main").files.get(path)?.sha256;
  const weights = contentOf("org/base", "model.safetensors");
  assertEquals(contentOf("org/copy", "copied/model.safetensors"), weights);
  assertEquals(contentOf("org/grafted", "model-00001-of-00002.safetensors"), weights);
  const asked = peers.hub.seen.filter(({ path }) => path.endsWith("/lfs-files/duplicate"));
  const request = "POST /api/models/org/base/lfs-files/duplicate";
  assertEquals(asked.map(({ method, path }) => `${method} ${path}`), [request, request]);
});

Deno.test("what hf uploads, pull fetches, and push finds unchanged", async () => {
  await using peers = await Peers.make();
  const { space } = peers;
  await peers.hf(["upload", "org/theirs", space.base, "."]);
  await peers.ours("pull", "hf://org/theirs", space.at("ours"));
  await assertSameFiles(space.at("ours"), space.base);
  const { uploaded } = await peers.ours("push", space.base, "hf://org/theirs");
  assertEquals(uploaded, []);
});

Deno.test("what is read of a data set lies in the cache where hf finds it", async () => {
  await using peers = await Peers.make();
  const { space, hub } = peers;
  const file = "sst2/validation-00000-of-00001.parquet";
  await hub.commit("datasets/nyu-mll/glue", {
    [file]: await Deno.readFile("fixtures/parquet/snappy.parquet"),
  });
  const argv = ["check", space.base, "--before", space.adapter, "--after", space.adapter];
  const data = ["--data", "hf://datasets/nyu-mll/glue/sst2", "--device", "reference"];
  const { examples } = await peers.ours(...argv, ...data, "--task", "sst2");
  assertEquals(examples, 8);
  const download = ["download", "nyu-mll/glue", file, "--repo-type", "dataset"];
  const path = (await peers.hf(download, { HF_HUB_OFFLINE: "1" })).trim();
  assertStringIncludes(path, `${space.at("hf")}/hub/datasets--nyu-mll--glue/snapshots/`);
  assertEquals((await peers.hf(download)).trim(), path);
  await peers.hf(["cache", "verify", "nyu-mll/glue", "--repo-type", "dataset"]);
});

Deno.test("what pull puts into the cache, hf finds there, and the other way round", async () => {
  await using peers = await Peers.make();
  const { space, hub } = peers;
  await peers.ours("push", space.base, "hf://org/one", "--create");
  const { folder } = await peers.ours("pull", "hf://org/one", "--cache");
  const offline = { HF_HUB_OFFLINE: "1" };
  for (const file of ["config.json", "model.safetensors"]) {
    const path = await peers.hf(["download", "org/one", file], offline);
    assertStringIncludes(path, `${folder}/${file}`);
  }
  await peers.hf(["cache", "verify", "org/one"]);
  await peers.hf(["upload", "org/two", space.base, "."]);
  await peers.hf(["download", "org/two"]);
  const before = hub.seen.length;
  const argv = ["pull", "hf://org/two", space.at("two"), "--json"];
  const { code, err } = await runCaptured(argv, { env: { ...peers.env, ...offline } });
  assertEquals([code, hub.seen.length], [0, before], err);
  await assertSameFiles(space.at("two"), space.base);
});
