/**
 * A training run as a folder for PyTorch: for machines with GPUs, and for Hugging Face Jobs.
 *
 * @module
 */

import { basename } from "@std/path";
import { moduleSites } from "../../adapter/sites.ts";
import type { PlannedFile } from "../../checkpoint/plan.ts";
import { realPath } from "../../checkpoint/sources.ts";
import { UsageError } from "../../errors.ts";
import { chooseMaxLength } from "../../eval/session.ts";
import { stepsOfRun, stepsPerEpoch } from "../batches.ts";
import type { LabelledData } from "../data.ts";
import type { TrainOptions } from "../options.ts";
import { planOfRun, type PreparedRun, type TrainingPlan, withPreparedRun } from "../plan.ts";
import readme from "./README.md" with { type: "text" };
import script from "./train.py" with { type: "text" };

/**
 * Plans a folder that trains the same adapter with PyTorch: a script of transformers' own loop, the
 * adapter to start from, the rows with their labels as numbers, and the settings. The folder is
 * itself an adapter folder, that of the start; what the script writes is read like any other.
 *
 * The order of rows and the dropout are PyTorch's own: with the same seed the two runs are alike
 * and not the same.
 *
 * @param options The run, as for `train`; no device is opened.
 * @param folder The folder to be made.
 * @returns The plan and its numbers.
 * @throws {UsageError} when settings make no sense, and for a cloze question.
 * @throws {DataError} when rows cannot be read, all have one label, or a label is not known.
 *
 * @example A run for elsewhere
 * ```ts
 * import { planTorchExport } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const { plan, steps } = await planTorchExport({
 *   base: "fixtures/mini/encoder",
 *   output: "adapter",
 *   data: "fixtures/mini/data/train.tsv",
 *   limit: 64,
 *   epochs: 1,
 * }, "run");
 * assertEquals(steps, 2);
 * assertEquals(plan.files.some(({ path }) => path === "train.py"), true);
 * ```
 */
export async function planTorchExport(
  options: TrainOptions,
  folder: string,
): Promise<TrainingPlan> {
  if (options.head !== undefined) {
    throw new UsageError(
      "Cannot export a run on a cloze question: the script for PyTorch trains a classifier: train " +
        "it here, or export it without --cloze",
    );
  }
  return await withPreparedRun(options, (run) => {
    const planned = planOfRun(run, options, folder);
    const { train, eval: judged } = run.data;
    const files: PlannedFile[] = [
      ...planned.plan.files,
      textFile("options.json", `${JSON.stringify(describeRun(run, options), undefined, 2)}\n`),
      textFile("train.jsonl", rowLines(train)),
      ...(judged === undefined ? [] : [textFile("eval.jsonl", rowLines(judged))]),
      textFile("train.py", script),
      textFile("README.md", readme),
    ];
    return { ...planned, plan: { ...planned.plan, files } };
  });
}

/** What the script reads beside the adapter and the rows. */
function describeRun({ settings, base, data, adapter }: PreparedRun, options: TrainOptions) {
  const sites = moduleSites(adapter.config, base.model.architecture);
  const rows = data.train.rows.length;
  return {
    base: realPath(base.checkpoint.folder),
    output: basename(options.output),
    modules: sites,
    settings,
    steps: stepsOfRun(rows, settings),
    evalEvery: options.evalEvery ?? stepsPerEpoch(rows, settings.batch),
    patience: options.patience ?? null,
    maxLength: chooseMaxLength(options.maxLength, base),
    metric: data.metric,
    alsoReport: data.alsoReport,
  };
}

function rowLines({ rows, targets }: LabelledData): string {
  return rows.map(({ text, pair }, i) => {
    const row = { text, ...(pair === undefined ? {} : { pair }), label: targets[i] };
    return `${JSON.stringify(row)}\n`;
  }).join("");
}

function textFile(path: string, text: string): PlannedFile {
  return { kind: "bytes", path, bytes: new TextEncoder().encode(text), origin: "training run" };
}
