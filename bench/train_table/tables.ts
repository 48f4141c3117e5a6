// The tables of trained adapters, in Markdown.

import { markdownTable, mean, points, pointsWithInterval } from "../_statistics.ts";
import type { Judged, JudgedMerge, JudgedTask } from "./judge.ts";

/** Points that a plain average of mergeable heads may lose. */
const LARGEST_LOSS = 0.003;

const label = ({ task, metric }: JudgedTask): string => `${task.title}, ${metric}`;

/**
 * The metric of each seed beside PyTorch's.
 *
 * @param tasks What the dev sets say.
 * @param seeds The seeds, a column each.
 * @returns A table, and a line on how to read it.
 */
export function seedTable(tasks: readonly JudgedTask[], seeds: readonly number[]): string {
  const titles = [
    "task",
    ...seeds.map((seed) => `seed ${seed}`),
    ...["mean", "PyTorch", "its standard error", "difference", "within it", "MiB"],
  ];
  const rows = tasks.filter(({ plain }) => plain.length > 0).map((task) => {
    const { plain, golden } = task;
    const average = mean(plain.map(({ value }) => value));
    const difference = average - golden.value;
    const peaks = plain.flatMap(({ run: { peak } }) => peak === undefined ? [] : [peak]);
    return [
      label(task),
      ...seeds.map((seed) => seedCell(plain.find(({ run }) => run.seed === seed))),
      ...[average, golden.value, golden.error].map((value) => points(value)),
      `${difference >= 0 ? "+" : ""}${points(difference)}`,
      Math.abs(difference) <= golden.error ? "yes" : difference > 0 ? "no, better" : "no, worse",
      peaks.length === 0 ? "–" : Math.max(...peaks).toFixed(0),
    ];
  });
  return [
    markdownTable(titles, rows),
    "",
    "Four heads, plain recipe, whole dev sets. In brackets: the epoch of the best dev metric, whose " +
    "adapter is kept; PyTorch's is that of its last epoch, of one seed. Standard errors are " +
    "binomial for accuracy, else from 2,000 bootstrap resamples. MiB: most memory of any run.",
  ].join("\n");
}

function seedCell(judged: Judged | undefined): string {
  if (judged === undefined) return "–";
  const { run: { epoch, task }, value } = judged;
  return `${points(value)} (${Math.round(epoch)} of ${task.epochs})`;
}

/**
 * What making one head of mergeable ones costs, against themselves and against one head trained
 * directly.
 *
 * @param tasks What the dev sets say.
 * @returns A table, and a line on how to read it.
 */
export function mergeTable(tasks: readonly JudgedTask[]): string {
  const titles = ["task", "seed", "merged by", "stacked", "one head", "lost (95 %)", "≤ 0.3"];
  titles.push("one head, trained directly", "below it (95 %)", "not worse");
  const rows = tasks.flatMap((task) =>
    task.merges.map((merge) => [label(task), ...mergeCells(merge)])
  );
  return [
    markdownTable(titles, rows, 3),
    "",
    "Four heads, mergeable recipe, whole dev sets; the head trained directly is of the plain " +
    "recipe. Points lost have their paired bootstrap interval; a merged head is worse when its " +
    "whole interval below the one trained directly is above 0.",
  ].join("\n");
}

function mergeCells({ run, method, againstStack, againstSingle }: JudgedMerge): string[] {
  const { metric, before, after, drop, significance } = againstStack;
  return [
    `${run.seed}`,
    method,
    points(before[metric]),
    points(after[metric]),
    pointsWithInterval(drop, significance.interval),
    drop <= LARGEST_LOSS ? "yes" : "no",
    ...(againstSingle === undefined ? ["–", "–", "–"] : [
      points(againstSingle.before[metric]),
      pointsWithInterval(againstSingle.drop, againstSingle.significance.interval),
      againstSingle.significance.interval[0] <= 0 ? "yes" : "no",
    ]),
  ];
}
