/**
 * The program: the only file that touches the process.
 *
 * @module
 */

import { TinygraftError } from "../lib/errors.ts";
import type { Io } from "./io.ts";
import { run } from "./run.ts";
import { runtimeFolderEnv } from "./runtime_folder.ts";

const encoder = new TextEncoder();

/** A stream of the process as a function that takes text. */
function writerTo(stream: { writeSync(bytes: Uint8Array): number }, name: string) {
  let closed = false;
  return (text: string) => {
    const bytes = encoder.encode(text);
    try {
      for (let done = 0; done < bytes.length && !closed;) {
        done += stream.writeSync(bytes.subarray(done));
      }
    } catch (cause) {
      // A reader that has seen enough, as `head` has, changes nothing about the work's outcome.
      closed = true;
      if (cause instanceof Deno.errors.BrokenPipe) return;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TinygraftError(`Cannot write to ${name}: ${reason}: redirect it elsewhere`, {
        code: "unwritable-output",
        cause,
      });
    }
  };
}

function processIo(signal: AbortSignal): Io {
  const env = (name: string) => Deno.env.get(name) || undefined;
  const [stdout, stderr] = [writerTo(Deno.stdout, "stdout"), writerTo(Deno.stderr, "stderr")];
  return {
    out: (text) => stdout(`${text}\n`),
    err: (text) => stderr(`${text}\n`),
    status: (text) => stderr(`\r\x1b[K${text}`),
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
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", interrupt);
    // A file beyond the user's limit is then an error like a full disk, and not the end at once.
    Deno.addSignalListener("SIGXFSZ", () => {});
  }
  Deno.exit(await run(Deno.args, processIo(controller.signal)));
}
