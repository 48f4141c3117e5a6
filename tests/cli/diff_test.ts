import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { serialize } from "../../lib/safetensors/writer.ts";
import { TempFolder } from "../checkpoint/_disk.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";

function file(values: readonly number[], extra: Record<string, string> = {}): Uint8Array {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return serialize(
    [{ name: "w", dtype: "F32", shape: [values.length], data }],
    new Map(Object.entries(extra)),
  );
}

interface Changed {
  readonly name: string;
  readonly differs: readonly string[];
  readonly values: { readonly maxAbs: number; readonly maxUlps: number; readonly outside: number };
}

Deno.test("diff exits 0 and says equal for a checkpoint in one file and in shards", async () => {
  await using one = await makeWorkspace();
  await using many = await makeWorkspace({ sharded: true });
  const { code, json } = await runJson(["diff", one.base, many.base, "--values"]);
  assertEquals([code, json.equal, json.valuesCompared, json.changed], [0, true, true, []]);
  const text = await runCaptured(["diff", one.base, many.base]);
  assertEquals(text.code, 0);
  assertStringIncludes(text.out, "Equal: ");
  assertStringIncludes(text.out, "values were not compared (--values)");
});

Deno.test("diff exits 1 for a change of one value, and only --values sees it", async () => {
  using folder = new TempFolder();
  const a = folder.write("a.safetensors", file([3, 4]));
  const b = folder.write("b.safetensors", file([3, 4.5]));
  assertEquals((await runJson(["diff", a, b])).code, 0);
  const { code, json } = await runJson(["diff", a, b, "--values"]);
  const [change] = json.changed as Changed[];
  assertEquals([code, json.equal, change?.name, change?.differs], [1, false, "w", ["values"]]);
  assertEquals([change?.values.maxAbs, change?.values.maxUlps], [0.5, 2 ** 20]);
  const text = await runCaptured(["diff", a, b, "--values"]);
  assertEquals(text.code, 1);
  // The cosine is 27 / (5 * sqrt(29.25)).
  const row = text.out.split("\n").find((line) => line.startsWith("w "))!;
  assertEquals(row.split(/ +/), ["w", "1", "0", "0.5", "0.1", "0.998460353", "1048576"]);
});

Deno.test("diff takes --rtol and --atol for --values, and exits 0 within them", async () => {
  using folder = new TempFolder();
  const a = folder.write("a.safetensors", file([3, 4]));
  const b = folder.write("b.safetensors", file([3, 4.5]));
  const within = await runJson(["diff", a, b, "--rtol", "0.125"]);
  assertEquals([within.code, within.json.withinTolerance], [0, 1]);
  const beyond = await runJson(["diff", a, b, "--rtol", "0.1", "--atol", "0.05"]);
  assertEquals([beyond.code, (beyond.json.changed as Changed[])[0]?.values.outside], [1, 1]);
  assertStringIncludes((await runCaptured(["diff", a, b, "--atol", "0"])).out, "outside");
  assertEquals((await runCaptured(["diff", a, b, "--rtol", "-1"])).code, 2);
});

Deno.test("diff shows names, dtypes, shapes and metadata for people", async () => {
  using folder = new TempFolder();
  const data = new Uint8Array(4);
  const a = folder.write(
    "a.safetensors",
    serialize([
      { name: "gone", dtype: "U8", shape: [4], data },
      { name: "w", dtype: "F32", shape: [1], data },
    ], new Map([["k", "1"], ["old", "x"]])),
  );
  const b = folder.write(
    "b.safetensors",
    serialize([
      { name: "come\u001b[2J", dtype: "U8", shape: [4], data },
      { name: "w", dtype: "F16", shape: [1, 2], data },
    ], new Map([["k", "2"]])),
  );
  const { code, out } = await runCaptured(["diff", a, b, "--values"]);
  assertEquals(code, 1);
  for (
    const line of [
      "w       F32 → F16  [1] → [1, 2]",
      "Only in A: gone",
      "Only in B: come\\u001b[2J",
      "Metadata only in A: old",
      "Metadata k: 1 → 2",
      "Different: 1 common tensors, 1 changed, 1 only in A, 1 only in B",
    ]
  ) assertStringIncludes(out, line);
});

Deno.test("diff compares adapter folders by their weights", async () => {
  await using space = await makeWorkspace();
  const copy = space.at("copy");
  assertEquals((await runCaptured(["merge", space.adapter, copy])).code, 0);
  const same = await runJson(["diff", space.adapter, copy, "--values"]);
  assertEquals([same.json.onlyInA, same.json.onlyInB, same.json.changed], [[], [], []]);
  assert(same.json.common as number > 0);
  const weights = join(copy, "adapter_model.safetensors");
  assertEquals((await runJson(["diff", weights, copy, "--values"])).code, 0);
});

Deno.test("diff is called wrongly with one location, and fails on a missing one", async () => {
  assertEquals((await runCaptured(["diff", "a"])).code, 2);
  const { code, json } = await runJson(["diff", "no-such-a", "no-such-b"]);
  assertEquals([code, (json.error as { code: string }).code], [1, "not-found"]);
});

Deno.test("diff exits 130 when interrupted", async () => {
  using folder = new TempFolder();
  const path = folder.write("a.safetensors", file([1]));
  const { code } = await runCaptured(["diff", path, path, "--values"], {
    signal: AbortSignal.abort(),
  });
  assertEquals(code, 130);
});
