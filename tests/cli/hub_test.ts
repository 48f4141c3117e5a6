import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { type Fault, type FaultRule, status, wrongBytes } from "../_fake_hub/faults.ts";
import { runCaptured, runJson } from "../_io.ts";
import { snapshot } from "../_workspace.ts";
import { Published } from "./_published.ts";

Deno.test("push, pull, and every command that takes a base, by hf:// alone", async () => {
  await using published = await Published.make();
  const { space, hub } = published;
  const pushed = await published.json("push", space.base, "hf://org/base", "--create");
  assertEquals([pushed.code, pushed.json.dryRun], [0, false]);
  assertEquals((await published.run("push", space.adapter, "hf://org/ad", "--create")).code, 0);
  const out = space.at("pulled");
  const pulled = await published.json("pull", "hf://org/base", out);
  assertEquals([pulled.code, pulled.json.commit], [0, pushed.json.commit]);
  const relative = (lines: string[], folder: string) =>
    lines.map((line) => line.replaceAll(folder, "."));
  assertEquals(
    relative(await snapshot(out), out),
    relative(await snapshot(space.base), space.base),
  );

  const base = "hf://org/base";
  const check = ["--data", space.data, "--device", "reference", "--task", "sst2"];
  const commands = [
    ["check", base, "--before", "hf://org/ad", "--after", space.adapter, ...check],
    ["predict", base, "--adapter", "hf://org/ad", "--device", "reference", "the cat"],
    ["inject", base, space.at("injected"), "--adapter", "hf://org/ad"],
    ["init", base, space.at("new"), "--labels", "a,b"],
    ["merge", "hf://org/ad", space.at("merged"), "--base", base, ...check],
  ];
  for (const argv of commands) {
    const { code, err } = await published.run(...argv);
    assertEquals(code, 0, `${argv[0]}: ${err}`);
  }
  // The cache's own files get no second name that changes could go through.
  const shard = ["inject", base, space.at("shard"), "--as", "shard", "--adapter", space.adapter];
  assertEquals((await published.run(...shard)).code, 0);
  for await (const { name } of Deno.readDir(space.at("shard"))) {
    assertEquals((await Deno.stat(space.at(`shard/${name}`))).nlink, 1, name);
  }
  const page = [`${hub.url}/org/base`, space.at("page"), "--labels", "a,b"];
  assertEquals((await published.run("init", ...page)).code, 0);
  const config = JSON.parse(await Deno.readTextFile(space.at("page/adapter_config.json")));
  assertEquals(config["base_model_name_or_path"], "org/base");
  const before = hub.seen.length;
  const offline = { env: { ...published.env, HF_HUB_OFFLINE: "1" } };
  const again = await runCaptured(commands[1]!, offline);
  assertEquals([again.code, hub.seen.length], [0, before], again.err);
  // Commands that else read by ranges find the cache, too.
  for (const command of ["inspect", "validate", "hash"]) {
    const { code, err } = await runCaptured([command, base], offline);
    assertEquals([code, hub.seen.length], [0, before], err);
  }
  assertEquals((await runCaptured(["diff", base, space.base], offline)).code, 0);
  assertEquals((await runCaptured(["hash", "hf://org/other"], offline)).code, 1);
});

Deno.test("push says what goes up, what is there, and that nothing changed", async () => {
  await using published = await Published.make();
  const { space } = published;
  const dry = await published.json("push", space.adapter, "hf://org/ad", "--create", "--dry-run");
  const names = (json: Record<string, unknown>, key: string) =>
    (json[key] as { path: string }[]).map(({ path }) => path);
  const files = ["README.md", "adapter_config.json", "adapter_model.safetensors"];
  assertEquals(names(dry.json, "uploaded"), files);
  assertEquals(published.hub.repositories.size, 0);
  const first = await published.run("push", space.adapter, "hf://org/ad", "--create");
  assertStringIncludes(first.out, "checked: ");
  const head = published.hub.repositories.get("org/ad")!.resolve("main");
  const card = await published.hub.content(head.files.get("README.md")!).bytes();
  assertStringIncludes(new TextDecoder().decode(card), "tinygraft pull hf://org/ad ad\n");
  const second = await published.run("push", space.adapter, "hf://org/ad");
  assertStringIncludes(second.out, "no commit was made");
  const pr = await published.json("push", space.base, "hf://org/ad", "--create-pr", "-m", "Try");
  assertStringIncludes(pr.json.pullRequest as string, "/org/ad/discussions/1");
  assert(!`${first.out}${first.err}${second.err}${JSON.stringify(dry)}`.includes(WRITE_TOKEN));
});

Deno.test("push warns of a token that others can read", async () => {
  await using published = await Published.make();
  const { space } = published;
  await Deno.writeTextFile(space.at("token"), WRITE_TOKEN, { mode: 0o644 });
  const env = { ...published.env, HF_TOKEN: "", HF_TOKEN_PATH: space.at("token") };
  const argv = ["push", space.adapter, "hf://org/ad", "--create"];
  const { code, err } = await runCaptured(argv, { env });
  assertEquals(code, 0);
  if (Deno.build.os !== "windows") assertStringIncludes(err, "others can read the token");
  assert(!err.includes(WRITE_TOKEN));
});

Deno.test("push refuses a folder that nobody could load", async () => {
  await using published = await Published.make();
  const { space } = published;
  await Deno.writeTextFile(`${space.adapter}/adapter_model.safetensors`, "no tensors");
  const { code, json } = await published.json("push", space.adapter, "hf://org/ad", "--create");
  assertEquals(code, 1);
  assertStringIncludes((json.error as { message: string }).message, "Cannot push");
  assertEquals(published.hub.seen.length, 0);
});

Deno.test("pull is told where to put the files, or fails as called wrongly", async () => {
  await using published = await Published.make();
  await published.hub.commit("org/base", { "config.json": "{}" });
  for (
    const argv of [["hf://org/base"], ["hf://org/base", "out", "--cache"], ["hf://nothing", "out"]]
  ) {
    assertEquals((await published.run("pull", ...argv)).code, 2);
  }
  assertEquals(published.hub.seen.length, 0);
  const { code, out } = await published.run("pull", "hf://org/base", "--cache");
  assertEquals(code, 0);
  assertStringIncludes(out, "1 files");
});

Deno.test("pull fetches a hostile pickle as bytes, and nothing runs it", async () => {
  await using published = await Published.make();
  const { hub, space } = published;
  const pickle = "\x80\x02cos\nsystem\n(S'touch owned'\ntR.";
  const bytes = Uint8Array.from(pickle, (character) => character.charCodeAt(0));
  await hub.commit("org/evil", { "config.json": "{}", "pytorch_model.bin": bytes });
  assertEquals((await published.run("pull", "hf://org/evil", space.at("evil"))).code, 0);
  const { code, json } = await published.json("convert", space.at("evil"), space.at("out"));
  assertEquals([code, (json.error as { code: string }).code], [1, "unsafe-pickle"]);
});

Deno.test("--json stays one document when the Hub fails", async () => {
  await using published = await Published.make();
  const { hub, space } = published;
  await hub.commit("org/base", { "config.json": "{}" });
  const busy = status(503, { "retry-after": "0" });
  hub.fault({ path: /^\//, times: Infinity }, busy);
  const pull = await published.json("pull", "hf://org/base", space.at("out"));
  assertEquals([pull.code, (pull.json.error as { code: string }).code], [1, "hub-unavailable"]);
  const push = await published.json("push", space.adapter, "hf://org/base");
  assertEquals([push.code, (push.json.error as { code: string }).code], [1, "hub-unavailable"]);
  assertStringIncludes(push.err, "trying again in");
  assert(!push.err.includes(WRITE_TOKEN));
});

const JSON_FAULTS: [name: string, code: string, rule: FaultRule, fault: Fault][] = [
  ["a 429", "rate-limited", { path: /^\// }, status(429, { "retry-after": "0" })],
  ["a 401", "hub-unauthorized", { path: /revision/ }, status(401)],
  ["a gate", "gated-repo", { path: /tree/ }, status(403, { "x-error-code": "GatedRepo" })],
  ["no repository", "repo-not-found", { path: /revision/ }, status(404)],
  ["no file", "file-not-found", { path: /resolve/ }, status(404)],
  ["wrong bytes", "checksum-mismatch", { path: /blobs/ }, wrongBytes],
  ["hostile names", "unsafe-file-name", { path: /tree/ }, () => {
    const lfs = { oid: "0".repeat(64), size: 1, pointerSize: 1 };
    return Promise.resolve(
      Response.json([{ type: "file", path: "a/../../model.safetensors", size: 1, lfs }]),
    );
  }],
];

for (const [name, code, rule, fault] of JSON_FAULTS) {
  Deno.test(`--json stays one document after ${name}, with a code and no output`, async () => {
    await using published = await Published.make();
    const { hub, space } = published;
    await hub.commit("org/base", { "config.json": "{}", "model.safetensors": "weights" });
    hub.fault({ ...rule, times: Infinity }, fault);
    const out = space.at("out");
    const argv = ["pull", "hf://org/base", out, "--include", "*model.safetensors"];
    const { json, code: exit } = await published.json(...argv);
    assertEquals([exit, (json.error as { code: string }).code], [1, code]);
    assertEquals(await Deno.stat(out).catch(() => undefined), undefined);
  });
}

Deno.test("card writes README.md, keeps the user's text, and prints it on a dry run", async () => {
  await using published = await Published.make();
  const { space } = published;
  const path = `${space.adapter}/README.md`;
  const dry = await published.run("card", space.adapter, "--dry-run");
  assertStringIncludes(dry.out, "library_name: tinygraft");
  const checked = await published.run(
    ...["check", space.base, "--before", space.adapter, "--after", space.adapter],
    ...["--data", space.data, "--device", "reference", "--task", "sst2", "--json"],
  );
  await Deno.writeTextFile(space.at("check.json"), checked.out);
  const argv = ["card", space.adapter, "--check", space.at("check.json"), "--base", "org/base"];
  const first = await published.json(...argv, "--license", "mit");
  assertEquals([first.code, first.json.path, first.json.new], [0, path, true]);
  const text = await Deno.readTextFile(path);
  assertStringIncludes(text, "base_model: org/base\n");
  assertStringIncludes(text, "license: mit\n");
  assertStringIncludes(text, "95 % interval");
  await Deno.writeTextFile(path, `${text}\nMy words.\n`);
  assertEquals((await published.json(...argv)).json.new, false);
  assertEquals(await Deno.readTextFile(path), `${text}\nMy words.\n`);
  const pushed = await published.run("push", space.adapter, "hf://org/ad", "--create");
  assertEquals(pushed.code, 0, pushed.err);
  for (const wrong of [["--base", "bert"], ["--check", space.data]]) {
    assert((await published.run("card", space.adapter, ...wrong)).code > 0);
  }
});

Deno.test("push --with-python adds code, and changes config.json on the Hub alone", async () => {
  await using published = await Published.make();
  const { space, hub } = published;
  const grafted = space.at("grafted");
  assertEquals(
    (await runCaptured(["inject", space.base, grafted, "--adapter", space.adapter])).code,
    0,
  );
  const before = await snapshot(grafted);
  const argv = ["push", grafted, "hf://org/model", "--create", "--with-python"];
  assertEquals((await published.run(...argv)).code, 0);
  assertEquals(await snapshot(grafted), before);
  const { files } = hub.repositories.get("org/model")!.resolve("main");
  assert(files.has("modeling_tiny_attention.py"));
  const pushed = await hub.content(files.get("config.json")!).bytes();
  const config = JSON.parse(new TextDecoder().decode(pushed));
  const own = JSON.parse(await Deno.readTextFile(`${grafted}/config.json`));
  assertEquals({ ...config, ...own }, config);
  assertEquals(config.auto_map, {
    AutoModelForSequenceClassification:
      "modeling_tiny_attention.TinyAttentionForSequenceClassification",
  });
  assertStringIncludes((await published.run(...argv)).out, "no commit was made");
  const adapter = ["push", space.adapter, "hf://org/ad", "--create", "--with-python"];
  assertStringIncludes((await published.run(...adapter)).err, "PEFT");
  const names = [...hub.repositories.get("org/ad")!.resolve("main").files.keys()];
  assert(names.includes("config.json") && names.includes("modeling_tiny_attention.py"));
  const card = hub.repositories.get("org/ad")!.resolve("main").files.get("README.md")!;
  const text = new TextDecoder().decode(await hub.content(card).bytes());
  assertStringIncludes(text, '    "org/ad", trust_remote_code=True\n');
});

Deno.test("every command with rows takes a data set of the Hub, and the cache's while offline", async () => {
  await using published = await Published.make();
  const { space, hub } = published;
  const parquet = (name: string) => Deno.readFileSync(`fixtures/parquet/${name}.parquet`);
  await hub.commit("datasets/nyu-mll/glue", {
    "sst2/train-00000-of-00002.parquet": parquet("zstd"),
    "sst2/train-00001-of-00002.parquet": parquet("snappy"),
    "sst2/validation-00000-of-00001.parquet": parquet("snappy"),
  });
  const glue = "hf://datasets/nyu-mll/glue/sst2";
  const sides = ["--before", space.adapter, "--after", space.adapter];
  const device = ["--device", "reference", "--task", "sst2"];
  const check = ["check", space.base, ...sides, "--data", glue, ...device];
  const rows = async (argv: string[], env = published.env) => {
    const { code, json, err } = await runJson(argv, { env });
    assertEquals(code, 0, err);
    return json.examples;
  };
  assertEquals(await rows(check), 8);
  assertEquals(await rows([...check, "--limit", "3"]), 3);
  assertEquals(await rows(check.with(7, `${glue}:train`)), 16);
  const merge = ["merge", space.adapter, space.at("merged"), "--base", space.base, "--method"];
  const merged = await published.run(
    ...[...merge, "product", "--data", glue, "--calibrate", glue, ...device],
  );
  assertEquals(merged.code, 0, merged.err);
  const soup = ["soup", space.adapter, space.adapter, space.at("soup"), "--base", space.base];
  const souped = await published.run(...soup, "--method", "greedy", "--data", glue, ...device);
  assertEquals(souped.code, 0, souped.err);
  const unnamed = await runCaptured(check.slice(0, -2), { env: published.env });
  assertEquals([unnamed.code, unnamed.err.match(/^Task sst2 .*$/m)?.length], [0, 1], unnamed.err);
  const quiet = await runCaptured([...check.slice(0, -2), "-q"], { env: published.env });
  assertEquals([quiet.code, quiet.err], [0, ""]);
  const train = ["train", space.base, space.at("new"), "--data", glue, "--eval", glue, ...device];
  const trained = await published.run(...train, "--epochs", "1");
  assertEquals(trained.code, 0, trained.err);
  const predict = ["predict", space.base, "--adapter", space.adapter, "--data", glue, ...device];
  assertEquals((await published.run(...predict)).code, 0);
  const before = hub.seen.length;
  assertEquals(await rows(check, { ...published.env, HF_HUB_OFFLINE: "1" }), 8);
  assertEquals(hub.seen.length, before);
  const model = await published.run(...check.with(7, "hf://org/base"));
  assertEquals(model.code, 2);
  assertStringIncludes(model.err, "hf://datasets/org/name");
});
