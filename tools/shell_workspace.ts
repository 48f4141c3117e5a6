/**
 * A place to run a document's commands in, as on the machine of someone who has just cloned the
 * repository: an empty home, the checkout's files, `tinygraft` among the programs, and a Hub.
 *
 * @module
 */

import { join } from "@std/path";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { WRITE_TOKEN } from "../tests/_fake_hub/accounts.ts";
import { FakeHub } from "../tests/_fake_hub/hub.ts";
import { listFiles, ROOT } from "./files.ts";
import { runProcess } from "./process.ts";
import type { ShellBlock } from "./shell_blocks.ts";

/** What the commands of documents need of the checkout without changing it. */
const LINKED = ["bench", "cli", "deno.json", "deno.lock", "lib", "mod.ts", "tests", "tools"];
/** The longest that one block may take, in milliseconds: minutes, as machines of CI may be busy. */
const BLOCK_LIMIT_MS = 180_000;
/** What the Hub holds at first: repository to folder of the checkout. */
const REPOSITORIES = {
  "org/mini": "fixtures/mini/encoder",
  "org/intents": "fixtures/mini/adapter",
  "datasets/org/intents": "fixtures/mini/data",
  "sentence-transformers/all-MiniLM-L6-v2": "fixtures/mini/encoder",
} as const;

/** How one block ended. */
export interface BlockOutcome {
  /** Exit code of the shell; 124 when it took too long. */
  readonly code: number;
  /** What it printed, stdout and stderr as they came. */
  readonly output: string;
}

/** The folders of one document's commands; gone at the end of its scope. */
export class ShellWorkspace implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#env = env;
  }

  /**
   * Makes the folders.
   *
   * @param hub The Hub that the commands see.
   * @returns A workspace without a trace of another document's commands.
   */
  static async make(hub: FakeHub): Promise<ShellWorkspace> {
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-docs-" });
    for (const name of ["home", "bin", "checkout"]) await Deno.mkdir(join(folder, name));
    const checkout = join(folder, "checkout");
    for (const name of LINKED) await Deno.symlink(join(ROOT, name), join(checkout, name));
    for (const path of listFiles("fixtures", "")) {
      await Deno.mkdir(join(checkout, path, ".."), { recursive: true });
      await Deno.copyFile(join(ROOT, path), join(checkout, path));
    }
    await writePrograms(join(folder, "bin"));
    return new ShellWorkspace(folder, {
      ...runtimeFolderEnv(),
      ...inherited(["XDG_RUNTIME_DIR", "VK_DRIVER_FILES", "DENO_WEBGPU_BACKEND"]),
      PATH: `${join(folder, "bin")}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
      HOME: join(folder, "home"),
      DENO_DIR: await denoFolder(),
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      LANG: "C.UTF-8",
      // Documents run side by side, one on each core.
      TINYGRAFT_THREADS: "1",
      HF_ENDPOINT: hub.url,
      HF_TOKEN: WRITE_TOKEN,
    });
  }

  /**
   * Runs one block, stopping at its first command that fails.
   *
   * @param block The block.
   * @returns How it ended.
   */
  async run({ script }: ShellBlock): Promise<BlockOutcome> {
    const limit = AbortSignal.timeout(BLOCK_LIMIT_MS);
    const child = new Deno.Command("bash", {
      args: ["-c", `exec 2>&1\nset -euo pipefail\n${script}`],
      cwd: join(this.#folder, "checkout"),
      env: this.#env,
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: limit,
    }).spawn();
    const { code, stdout } = await child.output();
    const output = new TextDecoder().decode(stdout);
    return limit.aborted ? { code: 124, output } : { code, output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/**
 * Starts a Hub with the models and data that documents speak of.
 *
 * @returns The Hub; the caller stops it.
 */
export async function startDocumentHub(): Promise<FakeHub> {
  const hub = await FakeHub.start();
  for (const [repository, folder] of Object.entries(REPOSITORIES)) {
    const files: Record<string, Uint8Array> = {};
    for (const path of listFiles(folder, "")) {
      files[path.slice(folder.length + 1)] = await Deno.readFile(join(ROOT, path));
    }
    await hub.commit(repository, files);
  }
  return hub;
}

/** Puts this checkout's `tinygraft` among the programs, and `npx` for this Deno alone. */
async function writePrograms(folder: string): Promise<void> {
  const { deno: version } = Deno.version;
  const deno = Deno.execPath();
  const programs = {
    deno: `exec "${deno}" "$@"`,
    tinygraft: `exec "${deno}" run -A --config "${ROOT}/deno.json" "${ROOT}/cli/main.ts" "$@"`,
    npx: `if [ "$1 $2" != "-y deno@${version}" ]; then\n` +
      `  echo "npx: found $*, expected -y deno@${version} …" >&2\n  exit 64\nfi\n` +
      `shift 2\nexec "${deno}" "$@"`,
  };
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

/** Where this Deno keeps what it downloaded: an empty home would have it download all again. */
async function denoFolder(): Promise<string> {
  const { output } = await runProcess([Deno.execPath(), "info", "--json"]);
  return JSON.parse(output).denoDir;
}

function inherited(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
