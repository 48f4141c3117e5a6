import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { localModel } from "../../cli/remote.ts";
import { HEAD_BYTES } from "../../lib/remote/http_source.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { runCaptured, runJson } from "../_io.ts";
import { COMMIT, serveRepository } from "../remote/_hub.ts";
import { FaultServer, ignoreRange, status } from "../remote/_server.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";
import { clockedProgress } from "./_progress.ts";

/** A server with a checkpoint that carries an adapter, as a folder and as a repository. */
class Served implements AsyncDisposable {
  private constructor(
    readonly space: Workspace,
    readonly web: FaultServer,
    readonly storage: FaultServer,
  ) {}

  /** The checkpoint on this machine. */
  get local(): string {
    return this.space.at("injected");
  }

  get env(): Record<string, string> {
    return { HF_ENDPOINT: this.web.url, HF_HOME: this.space.at("none"), HF_TOKEN: "hf_secret" };
  }

  /** The same checkpoint behind three addresses; the last names the commit. */
  get addresses(): string[] {
    return [
      `${this.web.url}/files/m/x`,
      "hf://org/name",
      `${this.web.url}/org/name/tree/${COMMIT}`,
    ];
  }

  static async make(sharded: boolean): Promise<Served> {
    const space = await makeWorkspace({ sharded });
    const injected = space.at("injected");
    const argv = ["inject", space.base, injected, "--adapter", space.adapter];
    assertEquals((await runCaptured(argv)).code, 0);
    await Deno.writeTextFile(`${injected}/NOTES.md`, "kept");
    await Deno.mkdir(`${injected}/1_Pooling`);
    await Deno.writeTextFile(`${injected}/1_Pooling/config.json`, "{}");
    await Deno.mkdir(`${injected}/onnx`);
    await Deno.writeTextFile(`${injected}/onnx/model.onnx`, "left out");
    const served = new Served(space, new FaultServer(), new FaultServer());
    await served.web.serveFolder(injected, "/files/m/x");
    const files: Record<string, Uint8Array> = {};
    for (const folder of ["", "1_Pooling/", "onnx/"]) {
      for await (const { name, isFile } of Deno.readDir(`${injected}/${folder}`)) {
        if (isFile) files[folder + name] = await Deno.readFile(`${injected}/${folder}${name}`);
      }
    }
    serveRepository(served.web, served.storage, { id: "org/name", files });
    return served;
  }

  /** Requests for the data of each weights file since the last call. */
  weightRequests(): number[] {
    const counts = Object.entries(this.storage.counts())
      .concat(Object.entries(this.web.counts()).filter(([path]) => path.startsWith("/files/")))
      .filter(([path]) => path.endsWith(".safetensors") && this.serves(path));
    this.web.seen.length = 0;
    this.storage.seen.length = 0;
    return counts.map(([, count]) => count);
  }

  private serves(path: string): boolean {
    return this.web.files.has(path) || this.storage.files.has(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.web[Symbol.asyncDispose]();
    await this.storage[Symbol.asyncDispose]();
    await this.space[Symbol.asyncDispose]();
  }
}

/** A document with every path below one root told from there. */
function relative(json: unknown, root: string): string {
  return JSON.stringify(json).replaceAll(`${root}/`, "").replaceAll(root, ".");
}

/** What an address is called in results. */
function shown(address: string): string {
  return address.includes("/tree/") ? `hf://org/name@${COMMIT}` : address;
}

for (const sharded of [false, true]) {
  Deno.test(`inspect and validate read addresses as folders, sharded ${sharded}`, async () => {
    await using served = await Served.make(sharded);
    const { env, local } = served;
    for (const command of ["inspect", "validate"]) {
      const want = await runJson([command, local]);
      assertEquals(want.code, 0);
      for (const address of served.addresses) {
        const { code, json } = await runJson([command, address], { env });
        assertEquals(code, 0);
        assertEquals(relative(json, shown(address)), relative(want.json, local));
        assertEquals(served.weightRequests(), sharded ? [1, 1, 1] : [1]);
      }
    }
  });

  Deno.test(`extract takes an adapter out of an address, sharded ${sharded}`, async () => {
    await using served = await Served.make(sharded);
    const { env, local, space } = served;
    await runCaptured(["extract", local, space.at("a"), "--strip", space.at("b")]);
    const want = await snapshot(space.at("b"));
    for (const [i, address] of served.addresses.slice(0, 2).entries()) {
      const [adapter, base] = [space.at(`a${i}`), space.at(`b${i}`)];
      const argv = ["extract", address, adapter, "--strip", base];
      const { code, err } = await runCaptured(argv, { env });
      assertEquals([code, err], [0, ""]);
      assertEquals(
        relative(await snapshot(adapter), adapter),
        relative(await snapshot(space.at("a")), space.at("a")),
      );
      const found = relative(await snapshot(base), base);
      // A plain server lists nothing, so of the files beside the weights only config.json is known.
      const known = i === 0
        ? want.filter((line) => /safetensors|(?<!1_Pooling)\/config\.json/.test(line))
        : want;
      assertEquals(found, relative(known, space.at("b")));
    }
  });
}

Deno.test("an adapter's own folder is read from an address", async () => {
  await using served = await Served.make(false);
  const { web, space } = served;
  await web.serveFolder(space.adapter, "/a");
  for (const location of [`${web.url}/a`, `${web.url}/a/adapter_model.safetensors`]) {
    const want = await runJson(["inspect", space.adapter]);
    const { json } = await runJson(["inspect", location]);
    assertEquals(relative(json, `${web.url}/a`), relative(want.json, space.adapter));
    const valid = await runJson(["validate", location]);
    assertEquals(valid.code, 0);
  }
  const merged = ["merge", `${web.url}/a`, space.at("merged"), "--method", "average"];
  assertEquals((await runCaptured(merged)).code, 0);
});

Deno.test("a header longer than the first request takes one more", async () => {
  await using web = new FaultServer();
  const tensors = Array.from({ length: 3000 }, (_, i) => ({
    name: `tensor.${i}.weight`,
    dtype: "U8" as const,
    shape: [200],
    data: new Uint8Array(200),
  }));
  web.serve("/model.safetensors", serialize(tensors));
  const { code, json } = await runJson(["inspect", `${web.url}/model.safetensors`]);
  assertEquals([code, json.parameters], [0, 600_000]);
  assertEquals(web.counts(), { "/model.safetensors": 2, "/config.json": 1 });
  assertEquals(web.seen[0]!.range, `bytes=0-${HEAD_BYTES - 1}`);
});

Deno.test("validate lists what is wrong on a server", async () => {
  await using served = await Served.make(true);
  const { web } = served;
  const shard = "/files/m/x/model-00002-of-00003.safetensors";
  const bytes = web.files.get(shard)!;
  web.serve(shard, bytes.subarray(0, bytes.length - 1));
  web.files.delete("/files/m/x/model-00003-of-00003.safetensors");
  const { code, json } = await runJson(["validate", `${web.url}/files/m/x`]);
  assertEquals(code, 1);
  const codes = (json.files as { faults: { code: string }[] }[])
    .flatMap(({ faults }) => faults.map(({ code }) => code));
  assert(
    codes.includes("metadata-incomplete-buffer") && codes.includes("missing-shard"),
    `${codes}`,
  );
});

Deno.test("a server that cannot send ranges is named, and nothing is downloaded", async () => {
  await using web = new FaultServer();
  web.serve("/model.safetensors", new Uint8Array(1000));
  web.failAlways("/model.safetensors", ignoreRange);
  const { code, json } = await runJson(["inspect", `${web.url}/model.safetensors?sig=secret`]);
  const error = json.error as Record<string, string>;
  assertEquals([code, error.code], [1, "range-ignored"]);
  assertEquals(error.path, `${web.url}/model.safetensors`);
  assert(!JSON.stringify(json).includes("secret"));
});

Deno.test("what is no checkpoint is named on servers too", async () => {
  await using web = new FaultServer();
  const code = async (location: string) => {
    const { json } = await runJson(["inspect", location]);
    return (json.error as Record<string, string>).code;
  };
  assertEquals(await code(`${web.url}/m`), "not-a-checkpoint");
  assertEquals(await code(`${web.url}/m/model.safetensors`), "file-not-found");
  web.serve(
    "/lfs.safetensors",
    "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
  );
  assertEquals(await code(`${web.url}/lfs.safetensors`), "header-too-large");
  web.failAlways("/m/model.safetensors", status(401));
  assertEquals(await code(`${web.url}/m`), "hub-unauthorized");
});

Deno.test("malformed addresses, outputs and bases on servers are wrong calls", async () => {
  await using space = await makeWorkspace();
  const calls = [
    ["inspect", "hf://name"],
    ["validate", "s3://bucket/key"],
    ["extract", "hf://org/-x", space.at("out")],
    ["extract", "fixtures/mini/encoder", "hf://org/name"],
    ["inject", "hf://org/name", space.at("out")],
    ["merge", space.adapter, "https://h.example/x", "--method", "stack"],
  ];
  for (const argv of calls) {
    const { code, err } = await runCaptured(argv);
    assertEquals(code, argv[0] === "extract" && argv[1]!.startsWith("fix") ? 1 : 2, err);
  }
  const offline = { HF_HUB_OFFLINE: "1" };
  const { code, err } = await runCaptured(["inspect", "hf://org/name"], { env: offline });
  assertEquals(code, 1);
  assertStringIncludes(err, "HF_HUB_OFFLINE");
});

Deno.test("diff and hash read addresses to the last byte", async () => {
  await using served = await Served.make(true);
  const { env, local, storage, web } = served;
  for (const address of served.addresses) {
    const { code, json } = await runJson(["diff", local, address, "--values"], { env });
    assertEquals([code, json.equal], [0, true]);
    const want = await runJson(["hash", local]);
    const found = await runJson(["hash", address], { env });
    assertEquals(relative(found.json, shown(address)), relative(want.json, local));
  }
  assert(storage.seen.every(({ token }) => token === undefined));
  const shard = "/files/m/x/model-00002-of-00003.safetensors";
  const bytes = web.files.get(shard)!.slice();
  bytes[bytes.length - 1]! ^= 1;
  web.serve(shard, bytes);
  const argv = ["diff", local, served.addresses[0]!, "--values"];
  assertEquals((await runJson(argv, { env })).code, 1);
});

Deno.test("a wait for a server is announced, unless --quiet", async () => {
  await using web = new FaultServer();
  const busy = status(503, { "retry-after": "0" });
  for (const flags of [[], ["--quiet"]]) {
    web.serve("/m.safetensors", new Uint8Array(3));
    web.fail("/m.safetensors", busy, busy);
    const { code, err } = await runCaptured(["inspect", `${web.url}/m.safetensors`, ...flags]);
    assertEquals(code, 1);
    const warnings = err.split("\n").filter((line) => line.includes("trying again in"));
    assertEquals(warnings.length, flags.length === 0 ? 2 : 0);
    assert(warnings.every((line) => line.startsWith("Warning: ") && line.includes("503")), err);
  }
});

Deno.test("localModel() reads neither variables nor token for a path", async () => {
  const asked: string[] = [];
  const { io, progress } = clockedProgress(false);
  const env = (name: string) => {
    asked.push(name);
    return undefined;
  };
  const call = { io: { ...io, env }, warn: () => {}, progress };
  assertEquals(await localModel(call, "some/folder"), "some/folder");
  assertEquals(asked, []);
});
