// Processes measured from outside: how long they take and how much memory they hold at most.

/** What one run of a process took. */
export interface Usage {
  /** From start to end, in seconds. */
  readonly seconds: number;
  /** Most resident memory, in MiB; 0 where the system does not tell. */
  readonly peak: number;
}

/** A run of a process, and what it said. */
export interface Run extends Usage {
  /** What it wrote on stdout. */
  readonly output: string;
}

/**
 * Runs a program to its end.
 *
 * @param command The program and its arguments.
 * @param allowed Exit codes that are no failure.
 * @param env Environment variables to add.
 * @returns What it took.
 */
export async function measure(
  command: readonly string[],
  allowed: readonly number[] = [0],
  env: Record<string, string> = {},
): Promise<Run> {
  const [program, ...args] = command as [string, ...string[]];
  const start = performance.now();
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
  let peak = 0;
  const timer = setInterval(() => peak = Math.max(peak, peakOf(child.pid)), 5);
  const { code, stdout, stderr } = await child.output();
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  if (!allowed.includes(code)) {
    throw new Error(`${command.join(" ")}: exit code ${code}\n${new TextDecoder().decode(stderr)}`);
  }
  return { seconds, peak, output: new TextDecoder().decode(stdout) };
}

/** The system keeps the maximum itself, so that only growth at the very end can be missed. */
function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0; // it has ended
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
