/**
 * `tinygraft check`: what a merge cost, measured.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { CheckResult } from "../lib/eval/check.ts";
import { planJsonLines } from "../lib/eval/predictions.ts";
import { checkOutput, execute } from "../lib/checkpoint/execute.ts";
import type { CheckReportData } from "../lib/report/check_report.ts";
import { planReport } from "../lib/report/plan.ts";
import { quote } from "../lib/tensor/quote.ts";
import type { Command, Invocation } from "./command.ts";
import { comparisonLines, metricsTable, points } from "./comparison_text.ts";
import { formatCount, formatCountOf } from "./format.ts";
import { HEAD_FLAGS, headChoice } from "./head_flags.ts";
import { commandLine, REPORT_FLAG, reportEnvironment } from "./report.ts";
import { localData } from "./data_location.ts";
import { localModels } from "./remote.ts";
import { DATA_FLAGS, RUN_FLAGS, runOptions } from "./run_flags.ts";

/** The command. */
export const check: Command = {
  name: "check",
  group: "Merge and check",
  summary: "compare accuracy before and after a merge on the same rows",
  description:
    "Runs two adapters over the same rows in one pass and compares their metric. Fails " +
    "(exit 1)\nwhen the metric drops by more than --max-drop. BASE may carry an adapter, and " +
    "--before and\n--after may be checkpoints made by inject.\n\nThe outputs are those of the " +
    "adapters' classifiers. --head base takes the head that BASE was\nfine-tuned with; --cloze and " +
    "--verbalizer ask its head for masked tokens for a word at [MASK],\nas PET does. Long texts are " +
    "shortened to fit, the pattern never.",
  positionals: [{ name: "BASE", help: "the base checkpoint, or hf://org/name" }],
  flags: [
    { name: "before", kind: "string", value: "ADAPTER", help: "the adapter before the merge" },
    { name: "after", kind: "string", value: "ADAPTER", help: "the adapter after the merge" },
    {
      name: "data",
      kind: "string",
      value: "FILE",
      help: "labelled rows: .tsv, .csv, .jsonl, .parquet, or hf://datasets/org/name/config:split",
    },
    {
      name: "max-drop",
      kind: "number",
      min: 0,
      max: 1,
      default: 0.01,
      help: "largest drop of the metric that passes, as a fraction",
    },
    ...DATA_FLAGS,
    ...HEAD_FLAGS,
    ...RUN_FLAGS,
    {
      name: "predictions",
      kind: "string",
      value: "FILE",
      help: "write every row's logits as JSON Lines",
    },
    REPORT_FLAG,
  ],
  examples: [
    {
      does: "fail when averaging the heads costs more than one point",
      line: "tinygraft check mini/encoder --before mini/adapter --after merged --data dev.tsv",
    },
    {
      does: "GLUE's own file and metric, half a point",
      line: "tinygraft check base --before a --after b --data CoLA/dev.tsv --task cola " +
        "--max-drop 0.005",
    },
    {
      does: "a page with intervals, confusion, confidence and flipped examples",
      line: "tinygraft check base --before a --after b --data dev.tsv --report check.html",
    },
    {
      does: "FewGLUE's CB as a cloze question, on a base with a head for masked tokens",
      line: "tinygraft check base --before a --after b --data CB/val.jsonl --task cb " +
        "\\\n      --cloze '{text}? || [MASK], {pair}' --verbalizer yes,no,maybe",
    },
  ],
  run: runCheck,
};

async function runCheck(invocation: Invocation): Promise<number> {
  const { args, flags, io, progress } = invocation;
  const [location] = args as [string];
  const adapters = [flags.required("before"), flags.required("after")] as const;
  const predictions = flags.string("predictions");
  const report = flags.string("report");
  const force = flags.boolean("force");
  const head = headChoice(flags);
  if (report !== undefined && report === predictions) {
    throw new UsageError(
      `Cannot write ${quote(report)} twice: --report and --predictions name the same file`,
    );
  }
  const options = runOptions(invocation, "Checking");
  const local = await localModels(invocation, [location, ...adapters]);
  const [base, before, after] = local as [string, string, string];
  const data = await localData(invocation, flags.required("data"), "validation");
  const inputs = [base, before, after, data];
  // An output that cannot be written is found before minutes of work, not after.
  if (predictions !== undefined) checkOutput(planJsonLines([], predictions, inputs), { force });
  if (report !== undefined) checkOutput(planReport("", report, inputs), { force });
  // Imported late: the runtime takes longer to load than most commands take to run.
  const { checkMerge } = await import("../lib/eval/check.ts");
  const result = await checkMerge({
    ...options,
    base,
    before,
    after,
    data,
    head,
    maxDrop: flags.number("max-drop")!,
  });
  progress.end();
  if (predictions !== undefined) {
    const plan = planJsonLines(result.predictions, predictions, inputs);
    await execute(plan, { force, signal: io.signal });
  }
  if (report !== undefined) {
    const page = await reportOf(
      result,
      { before: adapters[0], after: adapters[1], data: flags.required("data") },
      await layersOf(before, after),
      invocation,
    );
    await execute(planReport(page, report, inputs), { force, signal: io.signal });
  }
  invocation.print(documentOf(result), () => textOf(result, ...adapters));
  return result.passed ? 0 : 1;
}

async function layersOf(before: string, after: string): Promise<CheckReportData["layers"]> {
  const { compareLayers } = await import("../lib/report/check_layers.ts");
  return await compareLayers(before, after);
}

async function reportOf(
  result: CheckResult,
  files: { readonly before: string; readonly after: string; readonly data: string },
  layers: CheckReportData["layers"],
  invocation: Invocation,
): Promise<string> {
  const { renderCheckReport } = await import("../lib/report/check_report.ts");
  const { device: name, deviceDescription: description, tokens, task, rows } = result;
  return await renderCheckReport({
    ...files,
    ...{ result, task, rows, layers },
    command: commandLine(check, invocation),
    environment: [
      ...reportEnvironment({ name, description }),
      ["rows", formatCount(result.examples)],
      ["tokens", formatCount(tokens)],
    ],
  });
}

function documentOf(result: CheckResult): Record<string, unknown> {
  const { rows: _rows, task: _task, before, after, ...document } = result;
  return { ...document, before: { metrics: before }, after: { metrics: after } };
}

/** Where the outputs come from when it is not the adapters' classifiers. */
const HEAD_NAMES = {
  base: "the base's own, for sequence classification",
  cloze: "the base's, for masked tokens",
} as const;

function textOf(result: CheckResult, before: string, after: string): string {
  const { maxDrop, timings } = result;
  return [
    metricsTable(result),
    "",
    `before: ${before}`,
    `after:  ${after}`,
    ...(result.head === "adapter" ? [] : [`head:   ${HEAD_NAMES[result.head]}`]),
    `${formatCountOf(result.examples, "row")}, ${formatCountOf(result.tokens, "token")} on ` +
    `${result.device} (${result.deviceDescription}), ${timings.total.toFixed(1)} s`,
    ...comparisonLines(result),
    result.passed
      ? `Passed: at most ${points(maxDrop)} points allowed`
      : `Failed: at most ${points(maxDrop)} points allowed`,
  ].join("\n");
}
