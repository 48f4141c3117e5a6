/**
 * Runs child processes, for the tools.
 *
 * @module
 */

import { ROOT } from "./files.ts";

/** How a child process ended. */
export interface Outcome {
  /** Exit code; 128 + the signal's number when a signal ended it, so 134 for an abort. */
  readonly code: number;
  /** What it printed on stdout, and on stderr where that was asked for. */
  readonly output: string;
}

/** How to run a child process. */
export interface ProcessOptions {
  /** Working folder; the checkout's root unless told otherwise. */
  readonly cwd?: string;
  /** Variables added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Takes stdout as it comes. Without it, nothing is shown and the output holds stdout, then
   * stderr.
   */
  readonly onOutput?: (chunk: Uint8Array) => void;
  /** Where stderr goes when `onOutput` takes stdout: this process's own, or nowhere. */
  readonly stderr?: "inherit" | "null";
}

/**
 * Runs a program to its end, without standard input.
 *
 * @param command The program and its arguments.
 * @param options Folder, environment and where the output goes.
 * @returns Its exit code and output; code 127 when there is no such program.
 */
export async function runProcess(
  command: readonly string[],
  { cwd = ROOT, env = {}, onOutput, stderr = "inherit" }: ProcessOptions = {},
): Promise<Outcome> {
  const [program = "", ...args] = command;
  const shared = { args, cwd, env: { ...colourEnv(), ...env }, stdin: "null" } as const;
  try {
    if (!onOutput) {
      const done = await new Deno.Command(program, shared).output();
      return { code: done.code, output: decode(done.stdout) + decode(done.stderr) };
    }
    const child = new Deno.Command(program, { ...shared, stdout: "piped", stderr }).spawn();
    const decoder = new TextDecoder();
    let output = "";
    for await (const chunk of child.stdout) {
      onOutput(chunk);
      output += decoder.decode(chunk, { stream: true });
    }
    return { code: (await child.status).code, output: output + decoder.decode() };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, output: `${program}: not found` };
  }
}

/** Children write to a pipe, so whether they may colour depends on this process's terminal. */
function colourEnv(): Record<string, string> {
  return Deno.noColor || !Deno.stdout.isTerminal() ? { NO_COLOR: "1" } : {};
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/**
 * Writes all of a chunk to this process's stdout.
 *
 * @param chunk The bytes; left unchanged.
 */
export function writeOut(chunk: Uint8Array): void {
  for (let done = 0; done < chunk.length;) done += Deno.stdout.writeSync(chunk.subarray(done));
}
