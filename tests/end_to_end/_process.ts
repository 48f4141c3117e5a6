// The program as its own process.

import { fromFileUrl } from "@std/path";

/** The program's entry point. */
export const MAIN = fromFileUrl(new URL("../../cli/main.ts", import.meta.url));

/** Starts the program; its outputs are collected. */
export function spawn(argv: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MAIN, ...argv],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for the end: the exit code and what was printed. */
export async function finish(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}
