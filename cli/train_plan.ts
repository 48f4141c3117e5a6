/**
 * `train` without training: `--dry-run` and `--export-torch`.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import { describeClasses } from "../lib/train/labels.ts";
import type { TrainOptions } from "../lib/train/options.ts";
import type { TrainingPlan } from "../lib/train/plan.ts";
import type { Invocation } from "./command.ts";
import { formatCount, formatShare, printable } from "./format.ts";
import { carryOut, outcomeJson, outcomeText } from "./writing.ts";

/** Flags of what happens during training. */
const COURSE_ONLY = ["metrics", "report", "resume"];

/**
 * Says what a run would do, or writes it as a folder for PyTorch.
 *
 * @param options The run.
 * @param invocation The call, with `--export-torch` or `--dry-run`.
 * @returns The exit code.
 * @throws {UsageError} for flags of what happens during training.
 */
export async function planOnly(options: TrainOptions, invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  const folder = flags.string("export-torch");
  const unused = COURSE_ONLY.find((name) => flags.given(name));
  if (unused !== undefined) {
    throw new UsageError(
      `Cannot use --${unused} with --${folder === undefined ? "dry-run" : "export-torch"}: ` +
        "nothing is trained here: leave one of them out",
    );
  }
  const planned = await planOf(options, folder);
  const [outcome] = await carryOut([planned.plan], invocation);
  const { plan: _, ...numbers } = planned;
  invocation.print(
    { ...outcomeJson(outcome!), ...numbers },
    () => [outcomeText(outcome!), ...numberLines(planned)].join("\n"),
  );
  return 0;
}

async function planOf(options: TrainOptions, folder: string | undefined): Promise<TrainingPlan> {
  // Imported late: reading models and rows takes longer to load than most commands take to run.
  if (folder === undefined) {
    const { planTraining } = await import("../lib/train/plan.ts");
    return await planTraining(options);
  }
  const { planTorchExport } = await import("../lib/train/torch/export.ts");
  return await planTorchExport(options, folder);
}

function numberLines(planned: TrainingPlan): string[] {
  const { steps, rows, evalRows, classes, inferred, parameters, share } = planned;
  return [
    ...(classes.length === 0 ? [] : [printable(describeClasses(classes, inferred))]),
    `${formatCount(steps)} steps on ${formatCount(rows)} rows, judged by ` +
    `${formatCount(evalRows)} rows`,
    `${formatCount(parameters)} parameters, ${formatShare(share)} of the base`,
  ];
}
