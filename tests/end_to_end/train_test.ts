// Training as a process that is killed: what is left, and what resuming makes of it.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { makeWorkspace, ROWS, type Workspace } from "../_workspace.ts";
import { finish, spawn } from "./_process.ts";

/** Enough steps to be stopped in the middle of. */
const EPOCHS = 25;

function training(space: Workspace, out: string): string[] {
  return [
    ...["train", space.base, space.at(out), "--data", space.data, "--eval", space.data],
    ...["--epochs", String(EPOCHS), "--batch", "2", "--device", "reference", "--save-every", "3"],
    ...["--metrics", space.at(`${out}.jsonl`), "--json"],
    ...["--placement", "s0", "--attention-dropout", "0.1"],
  ];
}

/** Waits until the metrics tell of some step. */
async function reached(step: number, path: string): Promise<void> {
  for (;;) {
    const text = await Deno.readTextFile(path).catch(() => "");
    if (text.includes(`"step":${step},`)) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

async function adapterBytes(folder: string): Promise<Uint8Array[]> {
  const files = ["adapter_config.json", "adapter_model.safetensors"];
  return await Promise.all(files.map((file) => Deno.readFile(join(folder, file))));
}

Deno.test("a run killed or interrupted and resumed ends as one that was left alone", async () => {
  await using space = await makeWorkspace();
  const whole = await finish(spawn(training(space, "whole")));
  assertEquals(whole.code, 0, whole.err);
  const result = JSON.parse(whole.out);
  assertEquals(result.steps, EPOCHS * ROWS.length / 2);

  const metrics = space.at("parts.jsonl");
  const killed = spawn(training(space, "parts"));
  await reached(10, metrics);
  killed.kill("SIGKILL");
  await finish(killed);
  const interrupted = spawn([...training(space, "parts"), "--resume"]);
  await reached(40, metrics);
  interrupted.kill("SIGINT");
  const { code, err } = await finish(interrupted);
  assertEquals(code, 130, err);
  assertStringIncludes(err, "--resume goes on from there");
  assertEquals(await exists(space.at("parts")), false);

  const last = await finish(spawn([...training(space, "parts"), "--resume"]));
  assertEquals(last.code, 0, last.err);
  const { steps, loss, eval: kept } = JSON.parse(last.out);
  assertEquals({ steps, loss, kept }, {
    steps: result.steps,
    loss: result.loss,
    kept: result.eval,
  });
  assertEquals(await adapterBytes(space.at("parts")), await adapterBytes(space.at("whole")));
});
