/**
 * The program: the only file that touches the process.
 *
 * @module
 */

import type { Io } from "./io.ts";
import { run } from "./run.ts";
import { runtimeFolderEnv } from "./runtime_folder.ts";

const encoder = new TextEncoder();

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  } catch (error) {
    // The reader has seen enough, as in `tinygraft inspect base | head`.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}

function processIo(signal: AbortSignal): Io {
  const env = (name: string) => Deno.env.get(name) || undefined;
  return {
    out: (text) => writeAll(Deno.stdout, `${text}\n`),
    err: (text) => writeAll(Deno.stderr, `${text}\n`),
    status: (text) => writeAll(Deno.stderr, `\r\x1b[K${text}`),
    terminal: Deno.stderr.isTerminal(),
    color: Deno.stdout.isTerminal() && env("NO_COLOR") === undefined &&
      !Deno.args.includes("--no-color"),
    signal,
    prepareDevice: () => {
      for (const [name, value] of Object.entries(runtimeFolderEnv())) Deno.env.set(name, value);
    },
    env,
  };
}

if (import.meta.main) {
  const controller = new AbortController();
  // The work stops at its next step and cleans up; a second Ctrl-C ends the process at once.
  const interrupt = () => {
    if (controller.signal.aborted) Deno.exit(130);
    controller.abort();
  };
  Deno.addSignalListener("SIGINT", interrupt);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", interrupt);
  Deno.exit(await run(Deno.args, processIo(controller.signal)));
}
