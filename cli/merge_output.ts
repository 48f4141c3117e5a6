/**
 * What `merge` and `soup` write: the adapter, and the report where one is asked for.
 *
 * @module
 */

import type { Adapter } from "../lib/adapter/open.ts";
import { planAdapter } from "../lib/adapter/plan.ts";
import { checkOutput } from "../lib/checkpoint/execute.ts";
import type { Plan } from "../lib/checkpoint/plan.ts";
import { headNotes } from "../lib/merge/head_notes.ts";
import type { MeasuredOutputs } from "../lib/eval/measured_merge.ts";
import { computeShare } from "../lib/merge/advice.ts";
import { isRemote } from "../lib/remote/address.ts";
import type { MergeMeasurements } from "../lib/report/merge_report.ts";
import { planReport } from "../lib/report/plan.ts";
import type { Command, Invocation } from "./command.ts";
import { distilledBy } from "./merge_distil.ts";
import { adviceOf, fittedTo, type MergeShown } from "./merge_text.ts";
import { points } from "./comparison_text.ts";
import { publish, pushOptions } from "./pushing.ts";
import { commandLine, reportEnvironment } from "./report.ts";
import { carryOut, type Outcome } from "./writing.ts";

/** A merge with what its report needs beside. */
export interface MergeResult extends MergeShown {
  /** Both adapters' outputs on labelled rows, if any. */
  readonly outputs?: MeasuredOutputs;
}

/** Where a merge goes, and what it reads. */
export interface MergePlace {
  /** The adapters that are merged. */
  readonly adapters: readonly Adapter[];
  /** The folder to write. */
  readonly out: string;
  /** Paths that are read beside the adapters. */
  readonly inputs: readonly string[];
}

/**
 * Refuses outputs that cannot be written before the work that may take minutes, not after.
 *
 * @param place Adapters, output and other inputs.
 * @param invocation The call, with `--force` and `--report`, and for an output on the Hub all that
 * pushing takes.
 */
export async function checkMergeOutputs(place: MergePlace, invocation: Invocation): Promise<void> {
  const { flags } = invocation;
  const force = flags.boolean("force");
  const inputs = allInputs(place);
  if (isRemote(place.out)) {
    const { openSession } = await import("../lib/hub/push_session.ts");
    openSession(place.out, pushOptions(invocation));
  } else {
    checkOutput(planAdapter(place.adapters[0]!.config, [], place.out, inputs), { force });
  }
  const report = flags.string("report");
  if (report !== undefined) checkOutput(planReport("", report, inputs), { force });
}

/**
 * Writes a merge and its report, or plans both on `--dry-run`.
 *
 * @param result The merge and what is known of it.
 * @param place Adapters, output and other inputs.
 * @param command The command, for the command line that a report names.
 * @param invocation The call.
 * @returns What became of the adapter's plan.
 */
export async function writeMerge(
  result: MergeResult,
  place: MergePlace,
  command: Pick<Command, "name" | "flags">,
  invocation: Invocation,
): Promise<Outcome> {
  invocation.progress.end();
  const inputs = allInputs(place);
  const plan: Plan = { ...result.merge.plan, inputs };
  const report = invocation.flags.string("report");
  const reports = report === undefined
    ? []
    : [planReport(await renderReport(result, place, command, invocation), report, inputs)];
  if (!isRemote(place.out)) return (await carryOut([plan, ...reports], invocation))[0]!;
  const outcome = await publish(plan, invocation);
  await carryOut(reports, invocation);
  return outcome;
}

function allInputs({ adapters, inputs }: MergePlace): string[] {
  return [...adapters.flatMap((adapter) => adapter.inputs), ...inputs];
}

async function renderReport(
  result: MergeResult,
  { out }: MergePlace,
  command: Pick<Command, "name" | "flags">,
  invocation: Invocation,
): Promise<string> {
  const { merge, measured, distillation, steps = [] } = result;
  // Imported late, with the library that draws.
  const { renderMergeReport } = await import("../lib/report/merge_report.ts");
  const device = measured && { name: measured.device, description: measured.deviceDescription };
  return await renderMergeReport({
    advice: adviceOf(result),
    sources: result.sources,
    ...(result.ingredients === undefined ? {} : { greedy: result.ingredients }),
    output: out,
    merge,
    compute: {
      before: computeShare({ ...merge.config, numHeads: merge.headsBefore }, measured?.base),
      after: computeShare(merge.config, measured?.base),
    },
    ...(measured === undefined ? {} : { measured: await measurements(result) }),
    notes: [
      ...steps.map(({ adapter, before, after, kept }) =>
        before === null
          ? `The soup began with ${adapter}, the best by itself, at ${points(after)}`
          : `${adapter} was ${kept ? "kept" : "left out"}: ${points(before)} without it, ` +
            `${points(after)} with it`
      ),
      ...(measured?.calibration === undefined
        ? []
        : [`Heads were ${fittedTo(measured.calibration)}, whose labels were not looked at`]),
      ...(distillation === undefined ? [] : [`From there they were ${distilledBy(distillation)}`]),
      ...headNotes(merge),
    ],
    command: commandLine(command, invocation),
    environment: reportEnvironment(device),
  });
}

async function measurements({ measured, outputs }: MergeResult): Promise<MergeMeasurements> {
  const { text, layers, data, comparison } = measured!;
  const shown = { text: text.path, layers, ...(data === undefined ? {} : { data: data.path }) };
  if (comparison === undefined || outputs === undefined) return shown;
  const { metricIntervals } = await import("../lib/report/intervals.ts");
  const { before, after, targets, options } = outputs;
  return {
    ...shown,
    comparison,
    intervals: {
      before: metricIntervals(before, targets, options),
      after: metricIntervals(after, targets, options),
    },
  };
}
