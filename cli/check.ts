/**
 * `tinygraft check`: what a merge cost, measured.
 *
 * @module
 */

import type { CheckResult } from "../lib/eval/check.ts";
import { planJsonLines } from "../lib/eval/predictions.ts";
import { checkOutput, execute } from "../lib/checkpoint/execute.ts";
import type { Metric } from "../lib/text/tasks.ts";
import type { Command, Invocation } from "./command.ts";
import { formatCount, formatTable } from "./format.ts";
import { DATA_FLAGS, RUN_FLAGS, runOptions } from "./run_flags.ts";

/** The command. */
export const check: Command = {
  name: "check",
  group: "Merge and check",
  summary: "compare accuracy before and after a merge on the same rows",
  description:
    "Runs two adapters over the same rows in one pass and compares their metric. Fails " +
    "(exit 1)\nwhen the metric drops by more than --max-drop. BASE may carry an adapter, and " +
    "--before and\n--after may be checkpoints made by inject.",
  positionals: [{ name: "BASE", help: "the base checkpoint" }],
  flags: [
    { name: "before", kind: "string", value: "ADAPTER", help: "the adapter before the merge" },
    { name: "after", kind: "string", value: "ADAPTER", help: "the adapter after the merge" },
    { name: "data", kind: "string", value: "FILE", help: "labelled rows: .tsv, .csv or .jsonl" },
    {
      name: "max-drop",
      kind: "number",
      min: 0,
      max: 1,
      default: 0.01,
      help: "largest drop of the metric that passes, as a fraction",
    },
    ...DATA_FLAGS,
    ...RUN_FLAGS,
    {
      name: "predictions",
      kind: "string",
      value: "FILE",
      help: "write every row's logits as JSON Lines",
    },
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
  ],
  run: runCheck,
};

async function runCheck(invocation: Invocation): Promise<number> {
  const { args, flags, io, progress } = invocation;
  const [base] = args as [string];
  const [before, after] = [flags.required("before"), flags.required("after")];
  const data = flags.required("data");
  const predictions = flags.string("predictions");
  const inputs = [base, before, after, data];
  const force = flags.boolean("force");
  // An output that cannot be written is found before minutes of work, not after.
  if (predictions !== undefined) checkOutput(planJsonLines([], predictions, inputs), { force });
  // Imported late: the runtime takes longer to load than most commands take to run.
  const { checkMerge, shownMetrics } = await import("../lib/eval/check.ts");
  const result = await checkMerge({
    ...runOptions(invocation, "Checking"),
    base,
    before,
    after,
    data,
    maxDrop: flags.number("max-drop")!,
  });
  progress.end();
  if (predictions !== undefined) {
    const plan = planJsonLines(result.predictions, predictions, inputs);
    await execute(plan, { force, signal: io.signal });
  }
  invocation.print(documentOf(result), () => {
    return textOf(result, shownMetrics(result), before, after);
  });
  return result.passed ? 0 : 1;
}

function documentOf(result: CheckResult): Record<string, unknown> {
  const { predictions: _, before, after, ...document } = result;
  return { ...document, before: { metrics: before }, after: { metrics: after } };
}

function textOf(
  result: CheckResult,
  metrics: readonly Metric[],
  before: string,
  after: string,
): string {
  const { metric, drop, significance, maxDrop, timings } = result;
  const rows = metrics.map((name) => [
    name,
    points(result.before[name]!),
    points(result.after[name]!),
    signed(result.after[name]! - result.before[name]!),
  ]);
  const [low, high] = significance.interval;
  const p = significance.mcnemar === undefined
    ? ""
    : `, McNemar p = ${significance.mcnemar.p.toPrecision(2)}`;
  return [
    formatTable(["metric", "before", "after", "change"], rows, ["left", "right", "right", "right"]),
    "",
    `before: ${before}`,
    `after:  ${after}`,
    `${formatCount(result.examples)} rows, ${formatCount(result.tokens)} tokens on ` +
    `${result.device} (${result.deviceDescription}), ${timings.total.toFixed(1)} s`,
    `agreement ${points(result.agreement)}, largest logit difference ` +
    `${result.maxLogitDifference.toPrecision(3)}`,
    `drop of ${metric}: ${points(drop)} points (95 % interval ${points(low)} to ` +
    `${points(high)}${p})`,
    result.passed
      ? `Passed: at most ${points(maxDrop)} points allowed`
      : `Failed: at most ${points(maxDrop)} points allowed`,
  ].join("\n");
}

/** Metrics are shown in hundredths, as papers do. */
function points(value: number): string {
  return (100 * value).toFixed(2);
}

function signed(value: number): string {
  const text = points(value);
  return value > 0 ? `+${text}` : text;
}
