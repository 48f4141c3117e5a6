/**
 * What a check found, for people and for `--json`.
 *
 * @module
 */

import type { CheckResult, CheckShardResult } from "../lib/eval/check.ts";
import { formatShard } from "../lib/eval/shards.ts";
import { comparisonLines, metricsTable, points } from "./comparison_text.ts";
import { formatCount, formatCountOf } from "./format.ts";

/** Where the outputs come from when it is not the adapters' classifiers. */
const HEAD_NAMES = {
  base: "the base's own, for sequence classification",
  cloze: "the base's, for masked tokens",
} as const;

/** A check's result as `--json` prints it. */
export function checkJson(result: CheckResult): Record<string, unknown> {
  const { rows: _rows, task: _task, before, after, ...document } = result;
  return { ...document, before: { metrics: before }, after: { metrics: after } };
}

/**
 * A check's result for people.
 *
 * @param result The result.
 * @param files The adapters as the user gave them; none where shards were combined.
 * @returns The text.
 */
export function checkText(
  result: CheckResult,
  files?: { readonly before: string; readonly after: string },
): string {
  const { maxDrop } = result;
  return [
    metricsTable(result),
    "",
    ...(files === undefined ? [] : [`before: ${files.before}`, `after:  ${files.after}`]),
    ...(result.head === "adapter" ? [] : [`head:   ${HEAD_NAMES[result.head]}`]),
    runLine(result),
    ...comparisonLines(result),
    ...(result.passed
      ? [`Passed: at most ${points(maxDrop)} points allowed`]
      : result.failures.map(({ code, message }) =>
        code === "max-drop"
          ? `Failed: at most ${points(maxDrop)} points allowed`
          : `Failed: ${message}`
      )),
  ].join("\n");
}

/** A shard's result as `--json` prints it. */
export function shardJson(result: CheckShardResult, predictions: string): Record<string, unknown> {
  return { ...result, predictions };
}

/** A shard's result for people. */
export function shardText(result: CheckShardResult, predictions: string): string {
  const { shard, rows } = result;
  return [
    `shard ${formatShard(shard)} of ${formatCountOf(rows, "row")}: ${predictions}`,
    runLine(result),
    "Judge all shards with tinygraft check --combine",
  ].join("\n");
}

function runLine(result: CheckResult | CheckShardResult): string {
  const { examples, tokens, device, deviceDescription, cached, timings } = result;
  const where = `${formatCountOf(examples, "row")}, ${formatCountOf(tokens, "token")} on ` +
    `${device} (${deviceDescription}), `;
  return where + (cached ? "cached: --no-cache runs it again" : `${timings.total.toFixed(1)} s`);
}

/** The lines of a report on what was run. */
export function runFacts({ examples, tokens }: CheckResult): [name: string, value: string][] {
  return [["rows", formatCount(examples)], ["tokens", formatCount(tokens)]];
}
