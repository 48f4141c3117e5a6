import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serialize } from "../../lib/safetensors/writer.ts";
import { TempFolder } from "../checkpoint/_disk.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";

/** Every kind of row that --stats prints. */
function mixed(): Uint8Array {
  const floats = new Uint8Array(Float32Array.of(0, 1, 2, 9, NaN, Infinity).buffer);
  const integers = new Uint8Array(BigInt64Array.of(1n, 2n ** 63n - 1n).buffer);
  return serialize([
    { name: "float", dtype: "F32", shape: [6], data: floats },
    { name: "complex", dtype: "C64", shape: [1], data: new Uint8Array(8) },
    { name: "integer", dtype: "I64", shape: [2], data: integers },
    { name: "none", dtype: "F16", shape: [0], data: new Uint8Array() },
  ]);
}

Deno.test("inspect --stats --json adds statistics with every digit of large integers", async () => {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", mixed());
  const { out, code } = await runCaptured(["inspect", path, "--stats", "--json"]);
  assertEquals(code, 0);
  assertStringIncludes(out, '"max": 9223372036854775807,');
  const { tensors } = JSON.parse(out) as { tensors: { name: string; stats: unknown }[] };
  const stats = Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor.stats]));
  const none = { min: null, max: null, mean: null, std: null, zeros: 0, nan: 0, inf: 0 };
  assertEquals([stats.complex, stats.none], [null, none]);
  const { std, ...rest } = stats.float as { std: number };
  assertEquals(rest as unknown, { min: 0, max: 9, mean: 3, zeros: 1, nan: 1, inf: 1 });
  assert(Math.abs(std - Math.sqrt(12.5)) < 1e-12);
});

Deno.test("inspect leaves statistics out unless asked, and takes those of the filter alone", async () => {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", mixed());
  const plain = await runJson(["inspect", path]);
  assert((plain.json.tensors as object[]).every((tensor) => !("stats" in tensor)));
  const filtered = await runJson(["inspect", path, "--stats", "--filter", "f*"]);
  assertEquals((filtered.json.tensors as { name: string }[]).map(({ name }) => name), ["float"]);
});

Deno.test("inspect --stats prints a histogram of 20 columns from min to max", async () => {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", mixed());
  const { out } = await runCaptured(["inspect", path, "--stats"]);
  const line = out.split("\n").find((row) => row.startsWith("float"))!;
  const cells = line.split(/ {2,}/);
  assertEquals(cells.slice(4, 11), ["0", "9", "3", "3.536", "1", "1", "1"]);
  // 0, 1, 2 and 9 of 9 lie at columns 0, 2, 4 and 19 of 20.
  assertStringIncludes(line, `|█ █ █${" ".repeat(14)}█|`);
  assert(out.includes("9223372036854775807"));
});

Deno.test("inspect --stats reads adapter folders", async () => {
  await using space = await makeWorkspace();
  const { json } = await runJson(["inspect", space.adapter, "--stats"]);
  const tensors = json.tensors as { name: string; stats: { nan: number } }[];
  assert(tensors.length > 0 && tensors.every(({ stats }) => stats.nan === 0));
});
