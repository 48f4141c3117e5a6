// Processes measured from outside: how long they take and how much memory they hold.

import { fromFileUrl } from "@std/path";

/** The command line's program, for processes that run it. */
export const MAIN = fromFileUrl(new URL("../cli/main.ts", import.meta.url));

/** What one run of a process took. */
export interface Usage {
  /** From start to end, in seconds. */
  readonly seconds: number;
  /** Most resident memory, in MiB; 0 where the system does not tell. */
  readonly peak: number;
}

/** A run of a process, and what it said. */
export interface Run extends Usage {
  /** Seconds of processors, of all threads; 0 where the system does not tell. */
  readonly processor: number;
  /** What it wrote on stdout. */
  readonly output: string;
}

/** Who looks on while a process runs; times are in seconds since its start. */
export interface Observer {
  /** Told every now and then what is resident, in MiB. */
  readonly onMemory?: (resident: number, seconds: number) => void;
  /** Told each line of stderr. */
  readonly onLine?: (line: string, seconds: number) => void;
}

/** Milliseconds from one look at a process's memory to the next. */
const LOOKS_MS = 5;

/**
 * Runs a program to its end.
 *
 * @param command The program and its arguments.
 * @param allowed Exit codes that are no failure.
 * @param env Environment variables to add.
 * @param observer Who looks on.
 * @returns What it took.
 */
export async function measure(
  command: readonly string[],
  allowed: readonly number[] = [0],
  env: Record<string, string> = {},
  observer: Observer = {},
): Promise<Run> {
  const [program, ...args] = command as [string, ...string[]];
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
  let [peak, processor] = [0, 0];
  const timer = setInterval(() => {
    const memory = memoryOf(child.pid);
    if (memory === undefined) return;
    peak = Math.max(peak, memory.peak);
    processor = processorOf(child.pid) ?? processor;
    observer.onMemory?.(memory.resident, elapsed());
  }, LOOKS_MS);
  const [output, errors, { code }] = await Promise.all([
    readLines(child.stdout),
    readLines(child.stderr, (line) => observer.onLine?.(line, elapsed())),
    child.status,
  ]);
  const seconds = elapsed();
  clearInterval(timer);
  if (!allowed.includes(code)) {
    throw new Error(`${command.join(" ")}: exit code ${code}\n${errors}`);
  }
  return { seconds, peak, processor, output };
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void = () => {},
): Promise<string> {
  let [all, line] = ["", ""];
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    all += text;
    const lines = (line + text).split("\n");
    line = lines.pop()!;
    lines.forEach(onLine);
  }
  return all;
}

/**
 * Resident memory in MiB, now and at most so far; undefined when the process has ended or the
 * system does not tell. The system keeps the maximum itself, so that only growth at the very end
 * can be missed.
 */
function memoryOf(pid: number): { readonly resident: number; readonly peak: number } | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const mebibytes = (key: string) =>
      Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
    const peak = mebibytes("VmHWM");
    return peak === 0 ? undefined : { resident: mebibytes("VmRSS"), peak };
  } catch {
    return undefined;
  }
}

/** The system counts a process's time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** Seconds of processors that a process has taken so far, by itself and for the system's calls. */
function processorOf(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The second field is the program's name in brackets, and may hold spaces.
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

/**
 * Runs something several times.
 *
 * @param rounds How often.
 * @param work Does it once.
 * @param clear Removes what it wrote.
 * @returns The least time and the most memory of all rounds.
 */
export async function best(
  rounds: number,
  work: () => Promise<Usage>,
  clear: () => Promise<void> = () => Promise.resolve(),
): Promise<Usage> {
  let [seconds, peak] = [Infinity, 0];
  for (let round = 0; round < rounds; round++) {
    const usage = await work();
    seconds = Math.min(seconds, usage.seconds);
    peak = Math.max(peak, usage.peak);
    await clear();
  }
  return { seconds, peak };
}
