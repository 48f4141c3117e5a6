import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { STRANGER_TOKEN, WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { before, editJson, type Fault, type FaultRule, status } from "../_fake_hub/faults.ts";
import type { Commit } from "../_fake_hub/repository.ts";
import { runCaptured, runJson } from "../_io.ts";
import { Published } from "./_published.ts";

/** A base whose weights are many times what is read of a file at least, and an adapter for it. */
async function makeGraftable(): Promise<Published> {
  const published = await Published.make({ vocab: 4000 });
  const { base } = published.space;
  assertEquals((await published.run("push", base, "hf://org/base", "--create")).code, 0);
  return published;
}

/** The command line of most tests. */
function inject({ space }: Published, output: string, ...flags: string[]): string[] {
  const adapter = ["--adapter", space.adapter];
  return ["inject", "hf://org/base", output, "--as", "shard", ...adapter, ...flags];
}

/** SHA-256 of every file of a commit, but of the Hub's own. */
function contents({ files }: Commit): Record<string, string> {
  const kept = [...files].filter(([path]) => path !== ".gitattributes");
  return Object.fromEntries(kept.map(([path, { sha256 }]) => [path, sha256]).sort());
}

/** SHA-256 of every file of a folder. */
async function localContents(folder: string): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${folder}/${name}`));
    found.push([name, new Uint8Array(digest).toHex()]);
  }
  return Object.fromEntries(found.sort());
}

/** Bytes of all large files that the storage has sent, and of those that came. */
function moved({ hub }: Published): { down: number; up: number } {
  let down = 0;
  for (const [path, bytes] of hub.sent) if (path.startsWith("/blobs/")) down += bytes;
  const up = hub.seen.filter(({ path }) => path.startsWith("/uploads/")).length;
  return { down, up };
}

/** What is said of an adapter that records a hash of its base's content. */
async function warningOf(published: Published): Promise<string> {
  const { space } = published;
  const init = ["init", space.base, space.at("hashed"), "--labels", "a,b"];
  assertEquals((await published.run(...init)).code, 0);
  const argv = ["inject", "hf://org/base", "hf://org/other", "--as", "shard", "--create"];
  const flags = ["--adapter", space.at("hashed"), "--dry-run"];
  return (await published.run(...argv, ...flags)).err;
}

function headOf({ hub }: Published, repository: string, ref = "main"): Commit {
  return hub.repositories.get(repository)!.resolve(ref);
}

Deno.test("inject from Hub to Hub pushes what a local inject makes, and moves no weights", async () => {
  await using published = await makeGraftable();
  const { space } = published;
  const local = space.at("local");
  const argv = ["inject", space.base, local, "--as", "shard", "--adapter", space.adapter];
  assertEquals((await runCaptured(argv)).code, 0);
  const start = moved(published);
  const target = "hf://org/grafted";
  const made = await published.json(...inject(published, target, "--create", "--private"));
  assertEquals([made.code, made.json.mode, made.json.why], [0, "shard", undefined], made.err);
  assertEquals(contents(headOf(published, "org/grafted")), await localContents(local));
  assert(published.hub.repositories.get("org/grafted")!.isPrivate);
  const after = moved(published);
  const weights = (await Deno.stat(`${space.base}/model.safetensors`)).size;
  assert(weights > 1_000_000);
  // The head of the weights, by which a file is opened; the new shard alone goes up.
  assertEquals([after.down - start.down, after.up - start.up], [128 * 1024, 1]);
  const { fetched, weights: told } = made.json.read as Record<string, number>;
  assertEquals(told, weights);
  assert(fetched! > 128 * 1024 && fetched! < weights / 4);
  // It runs from the Hub as the local one does.
  const predict = (model: string) =>
    published.run("predict", model, "--device", "reference", "the cat", "--json");
  const [remote, here] = [await predict(target), await predict(local)];
  const rows = (text: string) => JSON.parse(text).predictions as unknown[];
  assertEquals([remote.code, rows(remote.out)], [0, rows(here.out)], remote.err);
  assertEquals(rows(remote.out).length, 1);
  const again = await published.run(...inject(published, target));
  assertStringIncludes(again.out, "no commit was made");
});

Deno.test("inject into the base's own repository renames its weights on a branch or in a PR", async () => {
  await using published = await makeGraftable();
  const head = headOf(published, "org/base");
  published.hub.repositories.get("org/base")!.inXet = false; // nothing need be copied
  const branch = await published.json(...inject(published, "hf://org/base@grafted"));
  assertEquals([branch.code, branch.json.mode], [0, "shard"], branch.err);
  const { removed, copied, uploaded } = branch.json.pushed as Record<string, { path: string }[]>;
  assertEquals(removed as unknown, ["model.safetensors"]);
  assertEquals(copied!.map(({ path }) => path), ["model-00001-of-00002.safetensors"]);
  assertEquals(uploaded!.map(({ path }) => path), [
    "config.json",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ]);
  const grafted = headOf(published, "org/base", "grafted");
  assertEquals([grafted.parent, headOf(published, "org/base").id], [head.id, head.id]);
  assert(!grafted.files.has("model.safetensors"));
  const args = ["--create-pr", "-m", "Graft it"];
  const pr = await published.json(...inject(published, "hf://org/base", ...args));
  assertStringIncludes((pr.json.pushed as Record<string, string>).pullRequest!, "/discussions/1");
  const proposed = headOf(published, "org/base", "refs/pr/1");
  assertEquals([proposed.title, contents(proposed)], ["Graft it", contents(grafted)]);
  const direct = await published.run(...inject(published, "hf://org/base"));
  assertEquals(direct.code, 0, direct.err);
  const twice = await published.json(...inject(published, "hf://org/base"));
  assertEquals((twice.json.error as { code: string }).code, "adapter-present");
});

const DECLINED: [name: string, change: (published: Published) => void, why: string][] = [
  ["is not in Xet storage", ({ hub }) => {
    hub.repositories.get("org/base")!.inXet = false;
  }, "not kept in Xet storage"],
  ["lies in another region", ({ hub }) => {
    hub.repositories.get("org/base")!.region = "eu";
  }, "another storage region"],
  ["is on a Hub that copies nothing", ({ hub }) => {
    hub.fault({ path: /duplicate$/, times: Infinity }, status(404));
  }, "status 404"],
  ["fails to be copied", ({ hub }) => {
    const failed = [{ sha256: "0".repeat(64), error: `no room, says ${WRITE_TOKEN}` }];
    hub.fault({ path: /duplicate$/, times: Infinity }, editJson(() => ({ failed })));
  }, "no room, says hf_***"],
];

for (const [name, change, why] of DECLINED) {
  Deno.test(`inject pushes the adapter only, and says so, where the base ${name}`, async () => {
    await using published = await makeGraftable();
    change(published);
    const argv = inject(published, "hf://org/grafted", "--create");
    const made = await published.json(...argv);
    assertEquals([made.code, made.json.mode], [0, "adapter"], made.err);
    assertStringIncludes(made.json.why as string, why);
    assert(!`${JSON.stringify(made.json)}${made.err}`.includes(WRITE_TOKEN));
    const head = headOf(published, "org/grafted");
    const files = ["README.md", "adapter_config.json", "adapter_model.safetensors"];
    assertEquals(Object.keys(contents(head)), files);
    const config = await Deno.readFile(`${published.space.adapter}/adapter_config.json`);
    const pushed = await published.hub.content(head.files.get("adapter_config.json")!).bytes();
    assertEquals(pushed, config);
    const shown = await published.run(...argv);
    assertStringIncludes(shown.out, "The adapter only: ");
  });
}

Deno.test("inject on a dry run tells what it would read and push, and changes nothing", async () => {
  await using published = await makeGraftable();
  const argv = inject(published, "hf://org/grafted", "--create", "--dry-run");
  const dry = await published.json(...argv);
  assertEquals([dry.code, dry.json.mode, dry.json.dryRun], [0, "shard", true], dry.err);
  assertStringIncludes(dry.json.why as string, "the adapter only");
  assertEquals(published.hub.repositories.has("org/grafted"), false);
  const shown = await published.run(...argv);
  for (const part of ["Would push to hf://org/grafted", "by the Hub itself", "of weights"]) {
    assertStringIncludes(shown.out, part);
  }
  const made = await published.json(...inject(published, "hf://org/grafted", "--create"));
  assertStringIncludes(await warningOf(published), "is not compared with the base");
  const paths = (json: Record<string, unknown>, key: string) =>
    (json.pushed as Record<string, { path: string }[]>)[key]!.map(({ path }) => path);
  for (const key of ["uploaded", "copied"]) {
    assertEquals(paths(dry.json, key), paths(made.json, key));
  }
});

Deno.test("inject does not overwrite what somebody else pushed in between", async () => {
  await using published = await makeGraftable();
  const { hub } = published;
  await hub.create("org/grafted");
  const other = before(() => hub.commit("org/grafted", { "other.txt": "mine" }));
  hub.fault({ method: "POST", path: /grafted\/commit\// }, other);
  const made = await published.json(...inject(published, "hf://org/grafted"));
  assertEquals((made.json.error as { code: string }).code, "stale-parent");
  assertEquals(Object.keys(contents(headOf(published, "org/grafted"))), ["other.txt"]);
});

Deno.test("inject refuses a repository whose own weights would be loaded instead", async () => {
  await using published = await makeGraftable();
  await published.hub.commit("org/grafted", { "model.safetensors": "other weights" });
  const made = await published.json(...inject(published, "hf://org/grafted"));
  assertEquals((made.json.error as { code: string }).code, "foreign-files");
});

const FAULTS: [name: string, rule: FaultRule, fault: Fault, code: string | undefined][] = [
  ["a 503 of the copying", { path: /duplicate$/ }, status(503, { "retry-after": "0" }), undefined],
  ["a 401 of the copying", { path: /duplicate$/ }, status(401), "hub-unauthorized"],
  ["a 413 of the commit", { method: "POST", path: /\/commit\// }, status(413), "too-large"],
];

for (const [name, rule, fault, code] of FAULTS) {
  Deno.test(`inject ends ${code === undefined ? "well" : `with ${code}`} after ${name}`, async () => {
    await using published = await makeGraftable();
    published.hub.fault(rule, fault);
    const made = await published.json(...inject(published, "hf://org/grafted", "--create"));
    const error = made.json.error as { code: string } | undefined;
    assertEquals([error?.code, made.code], [code, code === undefined ? 0 : 1], made.err);
    assert(!`${JSON.stringify(made.json)}${made.err}`.includes(WRITE_TOKEN));
    const left = Object.keys(contents(headOf(published, "org/grafted"))).length;
    assertEquals(left > 0, code === undefined);
  });
}

Deno.test("inject says before any work what is missing or makes no sense", async () => {
  await using published = await makeGraftable();
  const seen = published.hub.seen.length;
  const { space } = published;
  const target = "hf://org/grafted";
  const wrong = [
    inject(published, space.at("out"), "--create"),
    ["inject", "hf://org/base", target, "--as", "shard", "--labels", "a,b"],
  ];
  const codes: number[] = [];
  for (const argv of wrong) codes.push((await published.run(...argv)).code);
  assertEquals(codes, [2, 2]);
  const argv = inject(published, target, "--create");
  const offline = await runJson(argv, { env: { ...published.env, HF_HUB_OFFLINE: "1" } });
  const stranger = await runJson(argv, { env: { ...published.env, HF_TOKEN: STRANGER_TOKEN } });
  const code = ({ json }: typeof offline) => (json.error as { code: string }).code;
  assertEquals([code(offline), code(stranger)], ["offline", "hub-forbidden"]);
  assert(
    published.hub.seen.slice(seen).every(({ method, path }) =>
      method === "GET" || path.endsWith("validate-yaml") || path === "/api/repos/create"
    ),
  );
});

Deno.test("inject of a base on this machine pushes it with the adapter", async () => {
  await using published = await makeGraftable();
  const { space } = published;
  const flags = ["--adapter", space.adapter, "--create"];
  const made = await published.json("inject", space.base, "hf://org/whole", ...flags);
  assertEquals([made.code, made.json.mode], [0, "checkpoint"], made.err);
  const found = await published.run("inspect", "hf://org/whole");
  assertStringIncludes(found.out, "tiny attention");
});

Deno.test("merge and soup go from the Hub to the Hub", async () => {
  await using published = await makeGraftable();
  const { space } = published;
  assertEquals((await published.run("push", space.adapter, "hf://org/ad", "--create")).code, 0);
  const local = space.at("merged");
  const argv = ["merge", "hf://org/ad", "hf://org/one", "--method", "product"];
  assertEquals((await published.run(...argv.with(2, local))).code, 0);
  const dry = await published.json(...argv, "--create", "--dry-run");
  assertEquals([dry.code, published.hub.repositories.has("org/one")], [0, false], dry.err);
  const report = ["--report", space.at("report.html")];
  const made = await published.json(...argv, "--create", "-m", "One head", ...report);
  assertEquals([made.code, made.json.headsAfter], [0, 1], made.err);
  const head = headOf(published, "org/one");
  assertEquals(head.title, "One head");
  const { "README.md": card, ...rest } = contents(head);
  assertEquals(rest, await localContents(local));
  assert(card !== undefined && (await Deno.stat(space.at("report.html"))).size > 0);
  assertStringIncludes((await published.run(...argv)).out, "no commit was made");
  const soup = ["soup", "hf://org/ad", "hf://org/one", "hf://org/soup", "--create"];
  assertEquals((await published.run(...soup)).code, 0);
  assert(headOf(published, "org/soup").files.has("adapter_model.safetensors"));
  const second = before(() => published.hub.commit("org/one", { "x.txt": "y" }));
  published.hub.fault({ method: "POST", path: /one\/commit\// }, second);
  const stale = await published.json(...argv.with(4, "average"));
  assertEquals((stale.json.error as { code: string }).code, "stale-parent");
});
