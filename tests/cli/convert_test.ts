import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCheckpoint, readFloats } from "../../lib/checkpoint/open.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import { runCaptured, runJson } from "../_io.ts";
import { FaultServer } from "../remote/_server.ts";
import { makeWorkspace, snapshot } from "../_workspace.ts";

/** A file with the F32 tensor "w". */
async function writeValues(path: string, values: readonly number[]): Promise<string> {
  const data = encodeFloats(Float32Array.from(values), "F32");
  await Deno.writeFile(
    path,
    serialize([{ name: "w", dtype: "F32", shape: [values.length], data }]),
  );
  return path;
}

Deno.test("convert casts, renames, selects, shards and edits metadata in one go", async () => {
  await using space = await makeWorkspace({ prefix: "bert.", positionIds: true });
  const { code, json } = await runJson([
    ...["convert", space.base, space.at("out"), "--dtype", "F16", "--keep", "*LayerNorm*"],
    ...["--rename", "^bert\\.=", "--rename", "(?=LayerNorm)=My", "--exclude", "*.pooler.*"],
    ...["--max-shard-size", "20kB", "--metadata", "note=a=b"],
  ]);
  assertEquals(code, 0);
  const written = json["written"] as { path: string; how: string }[];
  assert(written.filter(({ path }) => path.endsWith(".safetensors")).length > 2);
  using copy = await openCheckpoint(space.at("out"));
  assertEquals(copy.metadata.get("note"), "a=b");
  const dtypes = [...copy.tensors].map(([name, { dtype }]) => [name, dtype] as const);
  assert(dtypes.every(([name]) => !name.startsWith("bert.") && !name.startsWith("pooler")));
  const wanted = (name: string) => {
    if (name.endsWith("position_ids")) return "I64";
    return name.includes("MyLayerNorm.") ? "F32" : "F16";
  };
  assertEquals(dtypes, dtypes.map(([name]) => [name, wanted(name)] as const));
  const casts = json["casts"] as Record<string, unknown>[];
  assertEquals(casts.length, dtypes.filter(([, dtype]) => dtype === "F16").length);
  const { name, from, to, beyond } = casts[0]!;
  assertEquals([typeof name, from, to, beyond], ["string", "F32", "F16", 0]);
  assertEquals((json["renamed"] as unknown[]).length, dtypes.length);
  assertEquals(json["leftOut"], ["bert.pooler.dense.bias", "bert.pooler.dense.weight"]);
});

Deno.test("convert refuses values out of range with their count, and clamps when told to", async () => {
  await using space = await makeWorkspace();
  const path = await writeValues(space.at("w.safetensors"), [1, 1e6, 1e-9, -7e4]);
  const before = await snapshot(space.folder);
  const argv = ["convert", path, space.at("o.safetensors"), "--dtype", "F16"];
  const { code, json } = await runJson(argv);
  const { code: reason, tensor, message } = json["error"] as Record<string, string>;
  assertEquals([code, reason, tensor], [1, "value-out-of-range", "w"]);
  assertMatch(message!, /2 of 4 values/);
  assertEquals(await snapshot(space.folder), before);

  const clamped = await runCaptured([...argv, "--saturate"]);
  assertEquals(clamped.code, 0);
  assertMatch(clamped.out, /Tensors: 1 cast\n.*clamped +became 0\n +w +4 +2 +1\n/);
  using copy = await openCheckpoint(space.at("o.safetensors"));
  assertEquals([...await readFloats(copy.tensors.get("w")!)], [1, 65504, 0, -65504]);
});

Deno.test("convert keeps an adapter folder an adapter folder", async () => {
  await using space = await makeWorkspace();
  const argv = ["convert", space.adapter, space.at("half"), "--dtype", "BF16"];
  assertEquals((await runCaptured(argv)).code, 0);
  const { json } = await runJson(["inspect", space.at("half")]);
  assertEquals((json["adapter"] as Record<string, unknown>)["numHeads"], 4);
  const dtypes = (json["tensors"] as { dtype: string }[]).map(({ dtype }) => dtype);
  assertEquals(new Set(dtypes), new Set(["BF16"]));
});

Deno.test("convert plans without writing on --dry-run, and replaces only with --force", async () => {
  await using space = await makeWorkspace({ sharded: true });
  const before = await snapshot(space.folder);
  const argv = ["convert", space.base, space.at("out")];
  const dry = await runJson([...argv, "--dtype", "BF16", "--dry-run"]);
  assertEquals(await snapshot(space.folder), before);
  const files = (dry.json["plan"] as { files: { path: string }[] }).files;
  assertEquals(files[0]!.path, "model.safetensors");
  assertEquals(dry.json["written"], []);
  assert(!("elements" in (dry.json["casts"] as object[])[0]!)); // nothing has been counted yet
  const text = await runCaptured([...argv, "--dtype", "BF16", "--dry-run"]);
  assertStringIncludes(text.out, "cast from F32");

  assertEquals((await runCaptured(argv)).code, 0);
  const again = await runJson(argv);
  assertEquals((again.json["error"] as { code: string }).code, "output-exists");
  assertEquals((await runCaptured([...argv, "--dtype", "F16", "--force"])).code, 0);
});

Deno.test("convert reads a checkpoint from a server", async () => {
  await using space = await makeWorkspace({ sharded: true });
  await using server = new FaultServer();
  await server.serveFolder(space.base, "/m");
  const local = await runCaptured(["convert", space.base, space.at("a"), "--dtype", "BF16"]);
  const remote = await runCaptured([
    ...["convert", `${server.url}/m/model.safetensors.index.json`, space.at("b")],
    ...["--dtype", "BF16"],
  ]);
  assertEquals([local.code, remote.code, remote.err], [0, 0, ""]);
  assertEquals(
    await Deno.readFile(space.at("b/model.safetensors")),
    await Deno.readFile(space.at("a/model.safetensors")),
  );
});

for (
  const [what, flags, message] of [
    ["an unknown dtype", ["--dtype", "F12"], "expected one of F64, F32, F16"],
    ["--keep without --dtype", ["--keep", "*"], "Cannot use --keep without --dtype"],
    ["--saturate without --dtype", ["--saturate"], "Cannot use --saturate without --dtype"],
    ["a rename without replacement", ["--rename", "abc"], "expected PATTERN=REPLACEMENT"],
    ["a rename without pattern", ["--rename", "=a"], "expected PATTERN=REPLACEMENT"],
    ["a broken pattern", ["--rename", "(=a"], 'Bad pattern "("'],
    ["metadata without value", ["--metadata", "abc"], "expected KEY=VALUE"],
    ["a metadata key twice", ["--metadata", "a=1", "--metadata", "a=2"], "Repeated metadata key"],
    ["set and unset", ["--metadata", "a=1", "--unset-metadata", "a"], "Cannot both set and unset"],
    ["a bad shard size", ["--max-shard-size", "much"], "Cannot read the shard size"],
  ] as const
) {
  Deno.test(`convert refuses ${what} before any work`, async () => {
    const { code, err } = await runCaptured(["convert", "no/such", "out", ...flags]);
    assertEquals(code, 2);
    assertStringIncludes(err, message);
  });
}
