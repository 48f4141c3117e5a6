/**
 * `check --config`: the checks of a tinygraft.yaml, one after the other.
 *
 * @module
 */

import { readTextFile } from "../lib/checkpoint/sources.ts";
import { TinygraftError, UsageError } from "../lib/errors.ts";
import type { GateOutcome } from "../lib/gate/outcome.ts";
import type { Suite, SuiteCheck } from "../lib/gate/suite.ts";
import { isRemote } from "../lib/remote/address.ts";
import { didYouMean } from "../lib/suggest.ts";
import { CHECK_FLAGS, checkLimits } from "./check_flags.ts";
import {
  annotateFaults,
  checkOutcomeOutputs,
  failedOutcome,
  isOutcome,
  type Locate,
  outcomeOf,
  tellOutcomes,
} from "./check_outcomes.ts";
import { evaluationOptions, givenFiles, localFiles } from "./check_one.ts";
import { checkJson } from "./check_text.ts";
import type { Invocation } from "./command.ts";
import { points } from "./comparison_text.ts";
import { type FlagValue, FlagValues } from "./flags.ts";
import { formatCountOf, formatTable, printable } from "./format.ts";

/** One check of the file and what came of it. */
interface Entry {
  readonly outcome: GateOutcome;
  readonly json: Record<string, unknown>;
}

/** Runs the checks of a file: exit code 1 when one of them fails; the others run all the same. */
export async function runConfig(invocation: Invocation): Promise<number> {
  const { flags, progress } = invocation;
  const path = flags.required("config");
  const suite = await suiteOf(path, invocation);
  const checks = chosen(suite, flags.strings("only"));
  const inputs = [
    path,
    ...checks.flatMap(({ values }) =>
      ["base", "before", "after", "data"].map((key) => String(values.get(key))).filter((location) =>
        !isRemote(location)
      )
    ),
  ];
  checkOutcomeOutputs(invocation, inputs);
  const entries: Entry[] = [];
  for (const check of checks) {
    entries.push(await runEntry(check, invocation));
    progress.end();
  }
  const outcomes = entries.map(({ outcome }) => outcome);
  await tellOutcomes(outcomes, invocation, inputs);
  const passed = outcomes.every(({ failures }) => failures.length === 0);
  invocation.print(
    { passed, checks: entries.map(({ json }) => json) },
    () => configText(outcomes),
  );
  return passed ? 0 : 1;
}

/** Reads the file; in a job of GitHub Actions each fault is shown where it stands. */
async function suiteOf(path: string, invocation: Invocation): Promise<Suite> {
  // Imported late, as the runtime is: most checks have no such file.
  const { readSuite, suiteError } = await import("../lib/gate/suite.ts");
  const { suite, faults } = await readSuite(await readTextFile(path), path);
  if (suite !== undefined) return suite;
  await annotateFaults(faults, invocation);
  throw suiteError(faults, path);
}

function chosen({ checks, path }: Suite, only: readonly string[]): readonly SuiteCheck[] {
  const names = checks.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `Unknown check "${unknown}" of --only: "${path}" has ${names.join(", ")}` +
        didYouMean(unknown, names),
    );
  }
  return only.length === 0 ? checks : checks.filter(({ name }) => only.includes(name));
}

async function runEntry(check: SuiteCheck, outer: Invocation): Promise<Entry> {
  const { name, values } = check;
  const text = (key: string) => String(values.get(key));
  const invocation = {
    ...outer,
    args: [text("base")],
    flags: entryFlags(check, outer.flags),
    warn: (message: string) => outer.warn(`${name}: ${message}`),
  };
  const given = givenFiles(invocation);
  const names = { name, ...given };
  const locate = locatorOf(check);
  const started = performance.now();
  try {
    const options = evaluationOptions(invocation, `Checking ${name}`);
    const limits = await checkLimits(invocation.flags, name);
    const local = await localFiles(invocation, given);
    const { checkMerge } = await import("../lib/eval/check.ts");
    const result = await checkMerge({ ...options, ...local, ...limits });
    return { outcome: outcomeOf(names, result, locate), json: { name, ...checkJson(result) } };
  } catch (error) {
    // A value that is wrong in the file is this entry's fault; the others can still be run.
    if (!isOutcome(error, outer) && !(error instanceof UsageError)) throw error;
    const seconds = (performance.now() - started) / 1000;
    const outcome = failedOutcome(names, error, { seconds, locate });
    const code = error instanceof TinygraftError ? error.code : "internal";
    const { message } = outcome.failures[0]!;
    return { outcome, json: { name, passed: false, error: { code, message } } };
  }
}

/** The flags that an entry stands for; those of the call that are left are for all entries. */
function entryFlags({ values }: SuiteCheck, outer: FlagValues): FlagValues {
  const all = new Map<string, FlagValue>(CHECK_FLAGS.map((flag) => {
    const value = values.get(flag.name);
    const isText = flag.kind === "string" && value !== undefined;
    return [flag.name, isText ? String(value) : value ?? flag.default];
  }));
  if (outer.given("device")) all.set("device", outer.string("device"));
  for (const name of ["force", "no-cache"]) if (outer.boolean(name)) all.set(name, true);
  return new FlagValues(all, new Set(values.keys()));
}

/** A broken limit is shown where it stands in the file, everything else at the entry. */
function locatorOf({ location, locations }: SuiteCheck): Locate {
  return (code) => locations.get(code) ?? location;
}

function configText(outcomes: readonly GateOutcome[]): string {
  const rows = outcomes.map(({ name, result, failures, cached, seconds }) => {
    const verdict = failures.length === 0 ? "passed" : result === undefined ? "not run" : "failed";
    const time = cached ? "cached" : `${seconds.toFixed(1)} s`;
    if (result === undefined) return [printable(name), "", "", "", "", "", verdict, time];
    const { metric, before, after, drop, significance: { interval } } = result;
    return [
      printable(name),
      metric,
      points(before[metric]!),
      points(after[metric]!),
      points(drop),
      `${points(interval[0])} to ${points(interval[1])}`,
      verdict,
      time,
    ];
  });
  const headings = ["check", "metric", "before", "after", "drop", "95 % interval", "", ""];
  const alignment = ["left", "left", "right", "right", "right", "right", "left", "right"] as const;
  const failed = outcomes.filter(({ failures }) => failures.length > 0);
  return [
    formatTable(headings, rows, alignment),
    "",
    ...failed.flatMap(({ name, failures }) =>
      failures.map(({ message }) => `${printable(name)}: ${printable(message)}`)
    ),
    failed.length === 0
      ? `Passed: ${formatCountOf(outcomes.length, "check")}`
      : `Failed: ${failed.length} of ${formatCountOf(outcomes.length, "check")}`,
  ].join("\n");
}
