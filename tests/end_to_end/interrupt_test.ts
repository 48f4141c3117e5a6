// Ctrl-C in every command, as a signal to a real process at a moment when it works; and the end of
// the one command whose result depends on the machine.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../cli/commands.ts";
import { runCaptured } from "../_io.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";
import { finish, MAIN } from "./_process.ts";

/** Processes at a time: two cores start no more of them sooner. */
const AT_ONCE = 3;
/** Milliseconds after which a process that neither asks nor ends is killed. */
const PATIENCE = 60_000;
/** Commands that wait for nothing outside; `completions` is over before anybody could stop it. */
const NOT_HERE = ["card", "completions", "doctor"];

/** A Hub that never answers; whoever asks is at work. */
class SilentHub implements AsyncDisposable {
  readonly #asked = new Map<string, () => void>();
  readonly #stop = new AbortController();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: this.#stop.signal, onListen() {} },
    (request) => {
      for (const [name, tell] of this.#asked) if (request.url.includes(name)) tell();
      return new Promise<Response>((resolve) => {
        this.#stop.signal.addEventListener("abort", () => resolve(new Response()));
      });
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Resolves with the first request whose address holds a text. */
  asked(text: string): Promise<void> {
    return new Promise((resolve) => this.#asked.set(text, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }
}

/** What each command is called with, for it to ask the Hub for `hf`. */
function callsOf({ base, adapter, data, at }: Workspace, hf: string): Record<string, string[]> {
  const [out, rows] = [at("out"), ["--data", data]];
  return {
    inspect: [hf],
    validate: [hf],
    diff: [base, hf, "--values"],
    hash: [hf],
    convert: [hf, out],
    init: [hf, out, "--labels", "a,b"],
    inject: [base, out, "--adapter", hf],
    extract: [hf, out],
    import: [hf, out],
    export: [hf, out, "--layout", "nemo"],
    train: [hf, out, ...rows],
    merge: [adapter, out, "--base", hf, ...rows],
    soup: [adapter, hf, out],
    check: [hf, "--before", adapter, "--after", adapter, ...rows],
    predict: [base, "the cat", "--adapter", hf],
    pull: [hf, out],
    push: [adapter, hf],
  };
}

/** Starts the program with variables of its own. */
function start(argv: readonly string[], env: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, ...argv],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("every command that works exits 130 on Ctrl-C and leaves nothing half-written", async () => {
  await using space = await makeWorkspace();
  await using hub = new SilentHub();
  const env = { HF_ENDPOINT: hub.url, HF_HOME: space.at("hf"), HF_TOKEN: "hf_test" };
  const names = COMMANDS.map(({ name }) => name).filter((name) => !NOT_HERE.includes(name));
  assertEquals(Object.keys(callsOf(space, "")).sort(), names.toSorted());
  const before = await snapshot(space.folder);
  const interrupt = async (name: string) => {
    const repository = `org/never-${name}`;
    // Who pushes asks first whether the token may.
    const working = hub.asked(name === "push" ? "/api/whoami-v2" : repository);
    const child = start([name, ...callsOf(space, `hf://${repository}`)[name]!], env);
    const stuck = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    const ended = finish(child);
    await Promise.race([working, ended]);
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended already, which its exit code and messages tell below.
    }
    const { code, out, err } = await ended;
    clearTimeout(stuck);
    assertEquals([name, code, out], [name, 130, ""], err);
    assertStringIncludes(err, "Interrupted", name);
  };
  const waiting = [...names];
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await interrupt(name);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  assertEquals(await snapshot(space.folder), before);
});

Deno.test("commands that wait for nothing exit 130 all the same, and write nothing", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  const controller = new AbortController();
  controller.abort();
  for (const argv of [["card", space.adapter], ["doctor"]]) {
    const { code, out } = await runCaptured(argv, { signal: controller.signal });
    assertEquals([argv[0], code, out], [argv[0], 130, ""]);
  }
  assertEquals(await snapshot(space.folder), before);
});

Deno.test("doctor exits 0 without a graphics driver", async () => {
  const noDriver = { DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: "/nonexistent" };
  const { code, out, err } = await finish(start(["doctor", "--json"], noDriver));
  assertEquals(code, 0, err);
  const { checks } = JSON.parse(out) as { checks: { name: string; ok: boolean }[] };
  const found = Object.fromEntries(checks.map(({ name, ok }) => [name, ok]));
  assertEquals([found.webgpu, found.wasm, found.reference], [false, true, true]);
  assert(!out.includes("hf_"));
});
