// A check on several machines, one of which dies.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";
import { finish, spawn } from "./_process.ts";

/** Long enough for the program to be at work, far too short for the slow device to end. */
const KILL_AFTER_MS = 1500;

const CHECK = [
  ...["check", "fixtures/mini/encoder", "--data", "fixtures/mini/data/dev.tsv", "--limit", "300"],
  ...["--before", "fixtures/mini/adapter", "--after", "fixtures/mini/stacked"],
];

Deno.test("check --combine notices a shard that was killed, and takes it when it is run again", async () => {
  await using space = await makeWorkspace();
  const part = (i: number) => space.at(`part-${i}.jsonl`);
  const shard = (i: number) => [...CHECK, "--shard", `${i}/3`, "--predictions", part(i)];
  const killed = spawn([...shard(2), "--device", "reference"]);
  await new Promise((resolve) => setTimeout(resolve, KILL_AFTER_MS));
  killed.kill("SIGKILL");
  assert((await finish(killed)).code > 0);
  await assertRejects(() => Deno.stat(part(2)), Deno.errors.NotFound);
  for (const i of [1, 3]) {
    assertEquals((await runCaptured([...shard(i), "--device", "wasm"])).code, 0);
  }
  const missing = await runJson(["check", "--combine", part(1), part(3)]);
  const { code, message } = missing.json.error as { code: string; message: string };
  assertEquals([missing.code, code], [1, "missing-rows"]);
  assertStringIncludes(message, "100 of 300 rows are missing, rows 1, 4, 7, … of shard 2/3");

  assertEquals((await runCaptured([...shard(2), "--device", "wasm"])).code, 0);
  const whole = await runJson(["check", "--combine", part(3), part(1), part(2)]);
  assertEquals([whole.code, whole.json.examples, whole.json.passed], [0, 300, true]);
});
