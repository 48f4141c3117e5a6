// The ways in which tinygraft is installed, each from a folder that knows nothing of the checkout.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { VERSION } from "../../lib/version.ts";
import { ROOT } from "../../tools/files.ts";
import { runProcess } from "../../tools/process.ts";

const MINI = join(ROOT, "fixtures/mini");
const ON_WASM = ["--data", `${MINI}/data/dev.tsv`, "--device", "wasm", "--limit", "20"];

/** Merges and checks from a folder that has no deno.json in it or above. */
async function useProgram(command: readonly string[], folder: string): Promise<void> {
  const options = { cwd: folder, env: { PATH: pathWithDeno() } };
  const run = async (...argv: string[]) => {
    const { code, output } = await runProcess([...command, ...argv], options);
    assertEquals(code, 0, `${argv.join(" ")}: ${output}`);
    return output;
  };
  assertEquals(await run("--version"), `${VERSION}\n`);
  const base = [`${MINI}/encoder`, "--before", `${MINI}/adapter`];
  const evidence = ["--base", `${MINI}/encoder`, ...ON_WASM, "--report", "merge.html"];
  await run("merge", `${MINI}/adapter`, "stacked", ...evidence);
  // What is read from files of the checkout elsewhere must be in the program here.
  assertStringIncludes(await Deno.readTextFile(join(folder, "merge.html")), "<style");
  assertStringIncludes(await run("check", ...base, "--after", "stacked", ...ON_WASM), "Passed");
  await run("export", "stacked", "python", "--layout", "python", "--base", "org/base");
  assert((await Deno.stat(join(folder, "python/modeling_tiny_attention.py"))).size > 1000);
}

function pathWithDeno(): string {
  return `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`;
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("deno install puts a program into the path that runs from anywhere", () =>
  inFolder(async (folder) => {
    const install = [
      ...[Deno.execPath(), "install", "--global", "--allow-all", "--config", "deno.json"],
      ...["--name", "tinygraft", "cli/main.ts"],
    ];
    const { code, output } = await runProcess(install, { env: { DENO_INSTALL_ROOT: folder } });
    assertEquals(code, 0, output);
    await useProgram([join(folder, "bin/tinygraft")], folder);
  }));

Deno.test("deno bundle makes one file that runs without the checkout", () =>
  inFolder(async (folder) => {
    const bundle = join(folder, "tinygraft.js");
    const make = [Deno.execPath(), "bundle", "--quiet", "-o", bundle, "cli/main.ts"];
    const { code, output } = await runProcess(make);
    assertEquals(code, 0, output);
    const text = await Deno.readTextFile(bundle);
    assert(!text.includes(ROOT), "the bundle names the checkout");
    await useProgram([Deno.execPath(), "run", "--allow-all", "--no-config", bundle], folder);
  }));

Deno.test("deno publish accepts the package, which holds no test and no tool", async () => {
  const publish = [Deno.execPath(), "publish", "--dry-run", "--allow-dirty", "--no-check"];
  const { code, output } = await runProcess(publish);
  assertEquals(code, 0, output);
  const paths = [...output.matchAll(/file:\S+/g)].map(([url]) =>
    url.slice(`file://${ROOT}/`.length)
  );
  assert(paths.includes("mod.ts") && paths.includes("cli/main.ts"), output);
  assertEquals(paths.filter((path) => /^(?:tests|tools|bench|fixtures|\.)/.test(path)), []);
});
