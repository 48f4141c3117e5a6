/**
 * Outcomes of checks for continuous integration: JUnit, a summary, annotations.
 *
 * @module
 */

import { relative, resolve } from "@std/path";
import { checkOutput, execute } from "../lib/checkpoint/execute.ts";
import type { CheckResult } from "../lib/eval/check.ts";
import { InterruptedError, UsageError } from "../lib/errors.ts";
import type { GateLocation, GateOutcome } from "../lib/gate/outcome.ts";
import { planTextFile } from "../lib/gate/plan.ts";
import type { SuiteFault } from "../lib/gate/suite.ts";
import type { Invocation } from "./command.ts";

/** What was checked, as the user gave it. */
export type CheckNames = Pick<GateOutcome, "name" | "base" | "before" | "after" | "data">;

/** Where to look for why a check failed, by the code of the failure and for all others. */
export type Locate = (code: GateOutcome["failures"][number]["code"]) => GateLocation | undefined;

/** The outcome of a check that was run. */
export function outcomeOf(names: CheckNames, result: CheckResult, locate?: Locate): GateOutcome {
  const failures = result.failures.map(({ code, message }) => located(code, message, locate));
  const { cached, timings: { total: seconds } } = result;
  return { ...names, result, failures, cached, seconds };
}

/** The outcome of a check that could not be run. */
export function failedOutcome(
  names: CheckNames,
  error: unknown,
  { seconds, locate }: { readonly seconds: number; readonly locate?: Locate | undefined },
): GateOutcome {
  const message = error instanceof Error ? error.message : String(error);
  const failures = [located("error", message, locate)];
  return { ...names, result: undefined, failures, cached: false, seconds };
}

function located(
  code: GateOutcome["failures"][number]["code"],
  message: string,
  locate: Locate | undefined,
) {
  const location = locate?.(code);
  return { code, message, ...(location ? { location } : {}) };
}

/** Whether an error is the outcome of a check, and not of how it was called or stopped. */
export function isOutcome(error: unknown, { io }: Pick<Invocation, "io">): boolean {
  return !(error instanceof UsageError || error instanceof InterruptedError || io.signal.aborted);
}

/**
 * Sees to it that outcomes can be written, before any work.
 *
 * @param invocation The call, with `--junit`, `--summary` and `--force`.
 * @param inputs Files that no output may replace, and folders that none may lie in.
 * @throws {TinygraftError} when an output is there already or cannot be written.
 */
export function checkOutcomeOutputs({ flags }: Invocation, inputs: readonly string[]): void {
  const force = flags.boolean("force");
  for (const origin of ["junit", "summary"]) {
    const output = flags.string(origin);
    if (output !== undefined) checkOutput(planTextFile("", output, { inputs, origin }), { force });
  }
}

/**
 * Tells outcomes: as `--junit` and `--summary`, and in a job of GitHub Actions as its summary and
 * as annotations, which go to stderr so that stdout stays one document.
 *
 * @param outcomes The outcomes, in the order to show them.
 * @param invocation The call.
 * @param inputs Files that no output may replace, and folders that none may lie in.
 */
export async function tellOutcomes(
  outcomes: readonly GateOutcome[],
  { flags, io, warn }: Invocation,
  inputs: readonly string[],
): Promise<void> {
  const force = flags.boolean("force");
  const write = async (name: string, render: () => Promise<string>) => {
    const output = flags.string(name);
    if (output === undefined) return;
    const plan = planTextFile(await render(), output, { inputs, origin: name });
    await execute(plan, { force, signal: io.signal });
  };
  const summary = async () => (await import("../lib/gate/summary.ts")).renderSummary(outcomes);
  await write("junit", async () => (await import("../lib/gate/junit.ts")).renderJunit(outcomes));
  await write("summary", summary);
  if (io.env("GITHUB_ACTIONS") !== "true") return;
  const { renderAnnotations } = await import("../lib/gate/annotations.ts");
  const shown = outcomes.map((outcome) => ({
    ...outcome,
    failures: outcome.failures.map((failure) => inWorkspace(failure, io)),
  }));
  for (const line of renderAnnotations(shown)) io.err(line);
  const step = io.env("GITHUB_STEP_SUMMARY");
  if (step === undefined) return;
  try {
    await Deno.writeTextFile(step, `${await summary()}\n`, { append: true });
  } catch (error) {
    warn(`cannot add to the job's summary "${step}": ${(error as Error).message}`);
  }
}

/**
 * Shows the faults of a suite where they stand, in a job of GitHub Actions.
 *
 * @param faults The faults.
 * @param invocation The call.
 */
export async function annotateFaults(
  faults: readonly SuiteFault[],
  { io }: Pick<Invocation, "io">,
): Promise<void> {
  if (io.env("GITHUB_ACTIONS") !== "true") return;
  const { annotate } = await import("../lib/gate/annotations.ts");
  for (const fault of faults) io.err(annotate("tinygraft check", inWorkspace(fault, io)));
}

/** GitHub looks for files from the top of the workspace, wherever a step runs. */
function inWorkspace<T extends { readonly location?: GateLocation }>(
  placed: T,
  { env }: Pick<Invocation["io"], "env">,
): T {
  const workspace = env("GITHUB_WORKSPACE");
  if (workspace === undefined || placed.location === undefined) return placed;
  const file = relative(workspace, resolve(placed.location.file)).replaceAll("\\", "/");
  return file.startsWith("../") ? placed : { ...placed, location: { ...placed.location, file } };
}
