/**
 * `deno task ok`: every check in order, stopping at the first that fails.
 *
 * With `--no-tests` it leaves the tests out.
 *
 * @module
 */

import { runProcess, writeOut } from "./process.ts";

/** One check. */
interface Step {
  readonly name: string;
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  /** Whether its output is shown as it comes, not only when it fails. */
  readonly live?: boolean;
}

const STEPS: readonly Step[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "--doc", "."] },
  { name: "layers", args: ["task", "layers"] },
  { name: "docs", args: ["task", "docs"] },
  { name: "fixtures", args: ["task", "fixtures", "--check"] },
  { name: "tests", args: ["task", "test"], live: true },
];

/** Runs one check and prints how it went; tells whether it passed. */
async function runStep({ name, args, live = false }: Step): Promise<boolean> {
  const start = performance.now();
  const command = [Deno.execPath(), ...args];
  const { code, output } = await runProcess(command, live ? { onOutput: writeOut } : {});
  if (code !== 0 && !live) console.log(output.trimEnd());
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${code === 0 ? "✓" : "✗"} ${name} ${seconds} s`);
  return code === 0;
}

if (import.meta.main) {
  const steps = STEPS.filter(({ name }) => name !== "tests" || !Deno.args.includes("--no-tests"));
  for (const step of steps) if (!await runStep(step)) Deno.exit(1);
}
