// Pulling by the program itself: killed in the middle, and on a disk that is full.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { stallAfter } from "../_fake_hub/faults.ts";
import { PullSpace, weights } from "./_pull.ts";

const MAIN = fromFileUrl(new URL("../../cli/main.ts", import.meta.url));
const BYTES = weights(5_000_000);
const isWindows = Deno.build.os === "windows";

/** Runs a shell line in which `$0` is Deno and `$1` the program. */
function spawn(space: PullSpace, line: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", line, Deno.execPath(), MAIN, ...args],
    stdout: "piped",
    stderr: "piped",
    env: { HF_ENDPOINT: space.hub.url, HF_HOME: space.at("hf"), HF_TOKEN: "hf_test" },
  }).spawn();
}

const PULL = 'exec "$0" run -A --no-check "$1" pull hf://org/name "$2" --json';

/** Waits until some file below a folder has so many bytes. */
async function waitForBytes(folder: string, name: RegExp, byteLength: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    try {
      for await (const entry of Deno.readDir(folder)) {
        const { size } = await Deno.stat(`${folder}/${entry.name}`);
        if (name.test(entry.name) && size >= byteLength) return;
      }
    } catch {
      // Not there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nothing came into ${folder}`);
}

Deno.test({
  name: "pull goes on where a killed pull stopped, and leaves no output in between",
  ignore: isWindows,
  fn: async () => {
    await using space = await PullSpace.make();
    const { id } = await space.hub.commit("org/name", { "model.safetensors": BYTES });
    space.hub.fault({ path: /^\/blobs\// }, stallAfter(2_000_000, 60_000));
    const killed = spawn(space, PULL, space.at("out"));
    await waitForBytes(space.at(`.out.tinygraft-pull/parts-${id}`), /safetensors/, 2_000_000);
    killed.kill("SIGKILL");
    assertEquals((await killed.output()).code, 137);
    assertEquals(space.left().filter((name) => name !== "hf"), [".out.tinygraft-pull"]);
    const { code, stdout } = await spawn(space, PULL, space.at("out")).output();
    assertEquals([code, JSON.parse(new TextDecoder().decode(stdout)).commit], [0, id]);
    assertEquals(await Deno.readFile(space.at("out/model.safetensors")), BYTES);
    assertEquals(space.left().filter((name) => name !== "hf"), ["out"]);
    const ranges = space.hub.seen.filter(({ server }) => server === "storage");
    assertEquals(ranges.map(({ range }) => range), [undefined, "bytes=2000000-"]);
  },
});

Deno.test({
  name: "pull says that the disk is full, and goes on when there is room",
  ignore: isWindows,
  fn: async () => {
    await using space = await PullSpace.make();
    await space.hub.commit("org/name", { "model.safetensors": BYTES });
    const limited = spawn(space, `ulimit -f 4096; ${PULL}`, space.at("out"));
    const { code, stdout, stderr } = await limited.output();
    const { error } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([code, error.code], [1, "unwritable-output"], new TextDecoder().decode(stderr));
    assertStringIncludes(error.message, "Cannot write");
    assert(!space.left().includes("out"));
    assertEquals((await spawn(space, PULL, space.at("out")).output()).code, 0);
    assertEquals(await Deno.readFile(space.at("out/model.safetensors")), BYTES);
  },
});
