/**
 * One check, or one shard of it.
 *
 * @module
 */

import { basename } from "@std/path";
import { checkOutput, execute } from "../lib/checkpoint/execute.ts";
import type { CheckResult, CheckShardResult } from "../lib/eval/check.ts";
import { planJsonLines } from "../lib/eval/predictions.ts";
import { parseShard } from "../lib/eval/shards.ts";
import type { CheckReportData } from "../lib/report/check_report.ts";
import { planReport } from "../lib/report/plan.ts";
import { checkCacheFolder } from "./check_cache.ts";
import { CHECK_FLAGS, checkLimits } from "./check_flags.ts";
import {
  checkOutcomeOutputs,
  failedOutcome,
  isOutcome,
  outcomeOf,
  tellOutcomes,
} from "./check_outcomes.ts";
import { checkJson, checkText, runFacts, shardJson, shardText } from "./check_text.ts";
import type { Invocation } from "./command.ts";
import { localData } from "./data_location.ts";
import { headChoice } from "./head_flags.ts";
import { localModels } from "./remote.ts";
import { commandLine, reportEnvironment } from "./report.ts";
import { runOptions } from "./run_flags.ts";

/** What is compared: as the user gave it, or where it lies on this machine. */
export interface CheckFiles {
  /** The base. */
  readonly base: string;
  /** The adapter before. */
  readonly before: string;
  /** The adapter after. */
  readonly after: string;
  /** The rows. */
  readonly data: string;
}

/** What a report calls its files, and how the layers of the adapters compare where that is known. */
type ReportedFiles = Omit<CheckFiles, "base"> & Pick<CheckReportData, "layers">;

/** The files of a call, as the user gave them. */
export function givenFiles({ args, flags }: Pick<Invocation, "args" | "flags">): CheckFiles {
  return {
    base: args[0]!,
    before: flags.required("before"),
    after: flags.required("after"),
    data: flags.required("data"),
  };
}

/** The files on this machine; what lies on the Hub is pulled first, or found in the cache. */
export async function localFiles(invocation: Invocation, given: CheckFiles): Promise<CheckFiles> {
  const local = await localModels(invocation, [given.base, given.before, given.after]);
  const [base, before, after] = local as [string, string, string];
  return { base, before, after, data: await localData(invocation, given.data, "validation") };
}

/**
 * Reads the flags of a run as the library's options.
 *
 * @param invocation The call.
 * @param label What progress calls it.
 * @returns The options, without files and limits.
 * @throws {UsageError} for values that do not go together.
 */
export function evaluationOptions(invocation: Invocation, label: string) {
  const { flags, io } = invocation;
  const cache = flags.boolean("no-cache") ? undefined : checkCacheFolder(io);
  return { ...runOptions(invocation, label, flags.string("data")), head: headChoice(flags), cache };
}

/** Runs one check: exit code 1 when it fails. */
export async function runOneCheck(invocation: Invocation): Promise<number> {
  const given = givenFiles(invocation);
  const options = evaluationOptions(invocation, "Checking");
  const limits = await checkLimits(invocation.flags);
  const names = { name: options.task ?? basename(given.data), ...given };
  const started = performance.now();
  let inputs: readonly string[] = [];
  let result: CheckResult;
  let layers: CheckReportData["layers"];
  try {
    const local = await localFiles(invocation, given);
    inputs = Object.values(local);
    // An output that cannot be written is found before minutes of work, not after.
    checkOutputs(invocation, inputs);
    // Imported late: the runtime takes longer to load than most commands take to run.
    const { checkMerge } = await import("../lib/eval/check.ts");
    result = await checkMerge({ ...options, ...local, ...limits });
    if (invocation.flags.string("report") !== undefined) layers = await layersOf(local);
  } catch (error) {
    invocation.progress.end();
    const seconds = (performance.now() - started) / 1000;
    const outcomes = [failedOutcome(names, error, { seconds })];
    if (isOutcome(error, invocation)) await tellOutcomes(outcomes, invocation, inputs);
    throw error;
  }
  invocation.progress.end();
  await writeResult(result, { ...given, layers }, invocation, inputs);
  await tellOutcomes([outcomeOf(names, result)], invocation, inputs);
  invocation.print(checkJson(result), () => checkText(result, given));
  return result.passed ? 0 : 1;
}

/** Runs one shard, which is not judged. */
export async function runShard(invocation: Invocation): Promise<number> {
  const { flags, io, progress } = invocation;
  const given = givenFiles(invocation);
  const shard = parseShard(flags.required("shard"));
  const predictions = flags.required("predictions");
  const options = evaluationOptions(invocation, "Checking");
  const local = await localFiles(invocation, given);
  const inputs = Object.values(local);
  checkOutputs(invocation, inputs);
  const { checkShard } = await import("../lib/eval/check.ts");
  const result: CheckShardResult = await checkShard({ ...options, ...local, shard });
  progress.end();
  const plan = planJsonLines(result.predictions, predictions, inputs);
  await execute(plan, { force: flags.boolean("force"), signal: io.signal });
  invocation.print(shardJson(result, predictions), () => shardText(result, predictions));
  return 0;
}

/**
 * Sees to it that every output can be written.
 *
 * @param invocation The call.
 * @param inputs Files that no output may replace, and folders that none may lie in.
 * @throws {TinygraftError} when one is there already or cannot be written.
 */
export function checkOutputs(invocation: Invocation, inputs: readonly string[]): void {
  const { flags } = invocation;
  const force = flags.boolean("force");
  const predictions = flags.string("predictions");
  const report = flags.string("report");
  if (predictions !== undefined) checkOutput(planJsonLines([], predictions, inputs), { force });
  if (report !== undefined) checkOutput(planReport("", report, inputs), { force });
  checkOutcomeOutputs(invocation, inputs);
}

/**
 * Writes what was asked for of `--predictions` and `--report`.
 *
 * @param result What the check found.
 * @param shown What the report calls adapters and data, and their layers, side by side.
 * @param invocation The call.
 * @param inputs Files that no output may replace, and folders that none may lie in.
 */
export async function writeResult(
  result: CheckResult,
  shown: ReportedFiles,
  invocation: Invocation,
  inputs: readonly string[],
): Promise<void> {
  const { flags, io: { signal } } = invocation;
  const force = flags.boolean("force");
  const predictions = flags.string("predictions");
  if (predictions !== undefined) {
    const plan = planJsonLines(result.predictions, predictions, inputs);
    await execute(plan, { force, signal });
  }
  const report = flags.string("report");
  if (report === undefined) return;
  const page = await reportOf(result, shown, invocation);
  await execute(planReport(page, report, inputs), { force, signal });
}

async function layersOf({ before, after }: CheckFiles): Promise<CheckReportData["layers"]> {
  const { compareLayers } = await import("../lib/report/check_layers.ts");
  return await compareLayers(before, after);
}

async function reportOf(
  result: CheckResult,
  { before, after, data, layers }: ReportedFiles,
  invocation: Invocation,
): Promise<string> {
  const { renderCheckReport } = await import("../lib/report/check_report.ts");
  const { device: name, deviceDescription: description, task, rows } = result;
  return await renderCheckReport({
    ...{ before, after, data, layers, result, task, rows },
    command: commandLine({ name: "check", flags: CHECK_FLAGS }, invocation),
    environment: [...reportEnvironment({ name, description }), ...runFacts(result)],
  });
}
