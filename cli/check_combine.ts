/**
 * `check --combine`: the shards of a check, judged as one.
 *
 * @module
 */

import { readTextFile } from "../lib/checkpoint/sources.ts";
import type { CheckResult } from "../lib/eval/check.ts";
import { checkLimits } from "./check_flags.ts";
import {
  type CheckNames,
  failedOutcome,
  isOutcome,
  outcomeOf,
  tellOutcomes,
} from "./check_outcomes.ts";
import { checkOutputs, writeResult } from "./check_one.ts";
import { checkJson, checkText } from "./check_text.ts";
import type { Invocation } from "./command.ts";
import { localData } from "./data_location.ts";

/** Judges shards: exit code 1 when the check fails. */
export async function runCombine(invocation: Invocation): Promise<number> {
  const { args, flags, warn } = invocation;
  const paths = [...flags.strings("combine"), ...args];
  const limits = await checkLimits(flags);
  const given = flags.string("data");
  const data = given === undefined ? undefined : await localData(invocation, given, "validation");
  const inputs = data === undefined ? paths : [...paths, data];
  checkOutputs(invocation, inputs);
  const { combineChecks } = await import("../lib/eval/check.ts");
  const task = flags.string("task");
  const started = performance.now();
  let result: CheckResult;
  try {
    const files = [];
    for (const path of paths) files.push({ path, text: await readTextFile(path) });
    result = await combineChecks(files, { ...limits, task, data, onWarning: warn });
  } catch (error) {
    const seconds = (performance.now() - started) / 1000;
    const names = { name: task ?? "check", ...unknownFiles(given) };
    const outcomes = [failedOutcome(names, error, { seconds })];
    if (isOutcome(error, invocation)) await tellOutcomes(outcomes, invocation, inputs);
    throw error;
  }
  const names = namesOf(result, given);
  await writeResult(result, names, invocation, inputs);
  await tellOutcomes([outcomeOf(names, result)], invocation, inputs);
  invocation.print(checkJson(result), () => checkText(result));
  return result.passed ? 0 : 1;
}

/** Predictions know their inputs by content only. */
function namesOf({ inputs, settings }: CheckResult, data: string | undefined): CheckNames {
  const content = (hash: string) => `content ${hash.slice(0, 16)}`;
  return {
    name: settings.task ?? "check",
    base: content(inputs.base),
    before: content(inputs.before),
    after: content(inputs.after),
    data: data ?? content(inputs.data),
  };
}

function unknownFiles(data: string | undefined): Omit<CheckNames, "name"> {
  const unknown = "unknown: the predictions could not be combined";
  return { base: unknown, before: unknown, after: unknown, data: data ?? unknown };
}
