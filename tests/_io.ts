// A command's outside world for tests: captured streams, no process.

import { run } from "../cli/run.ts";
import type { Io } from "../cli/io.ts";

/** What a command did. */
export interface Captured {
  /** The exit code. */
  readonly code: number;
  /** All of stdout. */
  readonly out: string;
  /** All of stderr. */
  readonly err: string;
}

/** What a test may set. */
export interface IoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly terminal?: boolean;
}

/** Runs a command line in this process and captures what it prints. */
export async function runCaptured(
  argv: readonly string[],
  options: IoOptions = {},
): Promise<Captured> {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (text) => void out.push(`${text}\n`),
    err: (text) => void err.push(`${text}\n`),
    status: (text) => void err.push(`\r${text}`),
    terminal: options.terminal ?? false,
    color: false,
    signal: options.signal ?? new AbortController().signal,
    prepareDevice: () => {},
    env: (name) => options.env?.[name],
  };
  const code = await run(argv, io);
  return { code, out: out.join(""), err: err.join("") };
}

/** Runs with `--json` and parses the one document on stdout. */
export async function runJson(
  argv: readonly string[],
  options: IoOptions = {},
): Promise<{ code: number; json: Record<string, unknown>; err: string }> {
  const { code, out, err } = await runCaptured([...argv, "--json"], options);
  return { code, json: JSON.parse(out) as Record<string, unknown>, err };
}
