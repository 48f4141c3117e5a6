import { assert, assertEquals, assertThrows } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { UsageError } from "../../lib/errors.ts";
import { cloneHeads } from "../../lib/train/clone.ts";
import { runCaptured, runJson } from "../_io.ts";
import type { TinyAdapterOptions } from "../_tiny_model.ts";
import { makeWorkspace } from "../_workspace.ts";
import { readValues } from "../_values.ts";

const PREFIX = "encoder.layer.0.tiny_attn";

async function readTiny(options: TinyAdapterOptions) {
  await using workspace = await makeWorkspace({}, { hidden: 3, layers: 1, ...options });
  using adapter = await openAdapter(workspace.adapter);
  const arrays = await readValues(adapter);
  return { config: adapter.config, arrays };
}

Deno.test("cloneHeads() repeats heads, and divides outputs that are summed", async () => {
  for (const [combine, scale] of [["sum", 0.5], ["mean", 1]] as const) {
    const { config, arrays } = await readTiny({ numHeads: 2, combine });
    const before = (name: string) => [...arrays.get(`${PREFIX}.${name}`)!];
    const [larger, cloned] = cloneHeads(config, arrays, { copies: 2, noise: 0 }, 1);
    const after = (name: string) => [...cloned.get(`${PREFIX}.${name}`)!];
    assertEquals([larger.numHeads, larger.combine], [4, combine]);
    for (const part of ["query", "key", "value"]) {
      for (const name of [`${part}.weight`, `${part}.bias`]) {
        assertEquals(after(name), [...before(name), ...before(name)], name);
      }
    }
    const output = before("output.weight").map((value) => scale * value);
    const rows = [0, 1, 2].map((row) => output.slice(2 * row, 2 * row + 2));
    assertEquals(after("output.weight"), rows.flatMap((row) => [...row, ...row]));
    for (const name of ["norm.weight", "output.bias"]) assertEquals(after(name), before(name));
    assertEquals(cloned.get("classifier.weight"), arrays.get("classifier.weight"));
    assertEquals(arrays.get(`${PREFIX}.query.bias`)!.length, 2, "the source was changed");
  }
});

Deno.test("cloneHeads() sets the weights of all copies but the first apart, by the seed", async () => {
  const { config, arrays } = await readTiny({ numHeads: 1, hidden: 300 });
  const clone = { copies: 3, noise: 0.25 };
  const name = `${PREFIX}.key.weight`;
  const [, cloned] = cloneHeads(config, arrays, clone, 5);
  const [source, found] = [arrays.get(name)!, cloned.get(name)!];
  assertEquals(found.subarray(0, 300), source);
  const noise = found.slice(300).map((value, i) => value - source[i % 300]!);
  const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value ** 2, 0) / noise.length);
  assert(deviation > 0.22 && deviation < 0.28, `${deviation}`);
  assertEquals(cloneHeads(config, arrays, clone, 5)[1].get(name), found);
  assert(cloneHeads(config, arrays, clone, 6)[1].get(name)![300] !== found[300]);
  assertThrows(() => cloneHeads(config, arrays, { copies: 1, noise: 0 }, 0), UsageError, "copies");
  assertThrows(() => cloneHeads(config, arrays, { copies: 2, noise: NaN }, 0), UsageError, "noise");
});

Deno.test("train --clone starts with the function of one head, in several", async () => {
  await using space = await makeWorkspace({}, { numHeads: 1 });
  const { base, adapter: one, data } = space;
  const out = space.at("out");
  const argv = ["train", base, out, "--data", data, "--device", "reference", "--epochs", "1"];
  const clone = ["--from", one, "--clone", "4", "--lr", "1e-9"];
  const { code, json } = await runJson([...argv, ...clone]);
  assertEquals(code, 0, JSON.stringify(json));
  const check = ["check", base, "--before", one, "--after", out, "--data", data];
  const { json: checked } = await runJson([...check, "--device", "reference"]);
  assert((checked.maxLogitDifference as number) < 1e-4, `${checked.maxLogitDifference}`);
  using adapter = await openAdapter(out);
  assertEquals(adapter.config.numHeads, 4);
  for (const wrong of [["--clone", "4"], ["--from", one, "--clone-noise", "1"]]) {
    const { code, err } = await runCaptured([...argv, ...wrong, "--force"]);
    assertEquals(code, 2, err);
  }
});
