// The program as a process: streams, exit codes, and Ctrl-C in the middle of writing.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serialize } from "../../lib/safetensors/writer.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { makeWorkspace, snapshot } from "../_workspace.ts";
import { finish, MAIN, spawn } from "./_process.ts";

Deno.test("the program separates results from everything else and exits with the contract's codes", async () => {
  const version = await finish(spawn(["--version"]));
  assertEquals([version.code, version.err], [0, ""]);
  const failed = await finish(spawn(["inspect", "/no/such/place"]));
  assertEquals([failed.code, failed.out], [1, ""]);
  assertStringIncludes(failed.err, "Error: Cannot");
  const wrong = await finish(spawn(["merge", "--methud", "stack"]));
  assertEquals([wrong.code, wrong.out], [2, ""]);
});

Deno.test("the program ends quietly when its reader has seen enough", async () => {
  await using space = await makeWorkspace();
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      '"$0" run -A --no-check "$1" inspect "$2" | head -n 1; exit 0',
      Deno.execPath(),
      MAIN,
      space.base,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, out, err } = await finish(child);
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "tensor");
});

/** A base with a second shard large enough that writing it is noticed before it is over. */
async function writeLargeBase(folder: string): Promise<void> {
  await writeTinyBert(folder);
  const [first, second] = [1, 2].map((n) => `model-0000${n}-of-00002.safetensors`) as [
    string,
    string,
  ];
  await Deno.rename(`${folder}/model.safetensors`, `${folder}/${first}`);
  const data = new Uint8Array(256 * 2 ** 20);
  const large = { name: "extra.weight", dtype: "U8", shape: [data.length], data } as const;
  await Deno.writeFile(`${folder}/${second}`, serialize([large]));
  const names = await readNames(`${folder}/${first}`);
  const weightMap = Object.fromEntries(names.map((name) => [name, first]));
  await Deno.writeTextFile(
    `${folder}/model.safetensors.index.json`,
    JSON.stringify({ metadata: {}, weight_map: { ...weightMap, [large.name]: second } }),
  );
}

async function readNames(path: string): Promise<string[]> {
  const bytes = await Deno.readFile(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return Object.keys(header).filter((name) => name !== "__metadata__");
}

Deno.test("Ctrl-C in the middle of writing exits 130 and leaves nothing half-written", async () => {
  await using space = await makeWorkspace();
  await writeLargeBase(space.at("large"));
  const before = await snapshot(space.folder);
  const child = spawn(["inject", space.at("large"), space.at("out"), "--num-labels", "2"]);
  const finished = finish(child);
  let interrupted = false;
  for (let tries = 0; tries < 5000 && !interrupted; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    for await (const { name } of Deno.readDir(space.folder)) {
      // Only the staged output is new here: writing has begun.
      if (interrupted || !name.startsWith(".")) continue;
      child.kill("SIGINT");
      interrupted = true;
    }
  }
  const { code, out, err } = await finished;
  assert(interrupted, `the output was never seen in the making: ${err}`);
  assertEquals([code, out], [130, ""], err);
  assertStringIncludes(err, "Interrupted");
  assertEquals(await snapshot(space.folder), before);
});
