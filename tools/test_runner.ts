/**
 * Sorts test files into groups, runs each group as one process and adds up what they report.
 *
 * @module
 */

import { runProcess } from "./process.ts";

/** How many tests passed and failed. */
export interface Tally {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed, counting one for a process that died. */
  readonly failed: number;
}

/** What kind of process a test file belongs to. */
export type Kind = "main" | "compute" | "gpu" | "browser" | "interop" | "real";

/** Tests that run as one process. */
export interface Group {
  /** What it is called in the output. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Variables added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Whether an abort after a summary without failures is run once more: software GPU drivers die
   * so, about once in 250 runs, when their process ends.
   */
  readonly mayAbort: boolean;
}

const ABORTED = 134; // 128 + SIGABRT
// deno-lint-ignore no-control-regex -- the escape character begins a terminal's colour codes
const COLOUR = /\x1b\[[0-9;]*m/g;

/**
 * Tells what kind of process a test file needs.
 *
 * @param path The file, relative to the checkout's root.
 * @returns `gpu` for files that drive a GPU, `compute` for other tests of backends and of what runs
 * on them, which take as long as half of the rest, `browser` for those that drive Chromium, `interop` and
 * `real` for what needs more than this checkout, `main` for the rest.
 */
export function kindOf(path: string): Kind {
  if (path.startsWith("tests/real/")) return "real";
  if (path.startsWith("tests/interop/")) return "interop";
  if (path.startsWith("tests/browser/")) return "browser";
  const gpu = path.startsWith("tests/compute/webgpu/") || path.endsWith("_gpu_test.ts");
  if (gpu) return "gpu";
  return /^tests\/(compute|runtime|calibrate|eval)\//.test(path) ? "compute" : "main";
}

/** A command line of the test task, taken apart. */
export interface TestArguments {
  /** Files and folders to which the run is limited; none for all. */
  readonly paths: readonly string[];
  /** What goes on to `deno test`: flags, and words as a filter for test names. */
  readonly flags: readonly string[];
}

/**
 * Takes the test task's arguments apart.
 *
 * @param args Flags, paths and words.
 * @param isPath Tells whether an argument names a file or folder.
 * @returns Paths and flags; several words match tests whose names hold any of them.
 */
export function splitArguments(
  args: readonly string[],
  isPath: (arg: string) => boolean,
): TestArguments {
  const flags = args.filter((arg) => arg.startsWith("-") && arg !== "--filter");
  const rest = args.filter((arg) => !arg.startsWith("-"));
  const words = rest.filter((arg) => !isPath(arg));
  if (words.length === 1) flags.push(`--filter=${words[0]}`);
  if (words.length > 1) flags.push(`--filter=/${words.join("|")}/`);
  const paths = rest.filter(isPath).map((path) => path.replace(/^\.\//, "").replace(/\/+$/, ""));
  return { paths, flags };
}

/**
 * Narrows a list of files.
 *
 * @param files Files relative to the checkout's root.
 * @param paths Files and folders to keep; none keeps all.
 * @returns The files that are one of the paths or lie under one.
 */
export function narrow(files: readonly string[], paths: readonly string[]): string[] {
  const within = (file: string, path: string) => file === path || file.startsWith(`${path}/`);
  return files.filter((file) => paths.length === 0 || paths.some((path) => within(file, path)));
}

/**
 * Reads the summary line that `deno test` prints last.
 *
 * @param output What the process printed, coloured or not.
 * @returns Its counts, or `undefined` when there is no such line.
 */
export function parseSummary(output: string): Tally | undefined {
  const lines = output.replaceAll(COLOUR, "").split("\n");
  const summary = lines.findLast((line) => /^(?:ok|FAILED) \| \d+ passed/.test(line));
  const counts = summary?.match(/\| (\d+) passed.*\| (\d+) failed/);
  return counts ? { passed: Number(counts[1]), failed: Number(counts[2]) } : undefined;
}

/**
 * Runs one group, showing its output as it comes.
 *
 * @param group What to run.
 * @param show Takes the output and this function's own lines.
 * @param stderr Where the process's stderr goes.
 * @returns Its counts. A process that ends badly counts as a failure even when its summary is good
 * or missing.
 */
export async function runGroup(
  group: Group,
  show: (chunk: Uint8Array) => void,
  stderr: "inherit" | "null" = "inherit",
): Promise<Tally> {
  const say = (line: string) => show(new TextEncoder().encode(`${line}\n`));
  for (let attempt = 1;; attempt++) {
    const { code, output } = await runProcess(group.command, {
      onOutput: show,
      stderr,
      ...(group.env ? { env: group.env } : {}),
    });
    const tally = parseSummary(output);
    if (!tally) {
      say(`${group.name}: exit code ${code} and no summary, counted as a failure`);
      return { passed: 0, failed: 1 };
    }
    if (code === 0 || tally.failed > 0) return tally;
    if (code === ABORTED && group.mayAbort && attempt === 1) {
      say(`${group.name}: passed, then aborted while ending (exit code 134); run once more`);
      continue;
    }
    say(`${group.name}: exit code ${code} after a summary without failures, counted as a failure`);
    return { passed: tally.passed, failed: 1 };
  }
}

/**
 * Adds up tallies.
 *
 * @param tallies Any number of them.
 * @returns Their sum.
 */
export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (total, { passed, failed }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
    }),
    { passed: 0, failed: 0 },
  );
}
