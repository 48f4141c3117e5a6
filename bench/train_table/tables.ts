// The tables of trained adapters, in Markdown.

import { markdownTable, mean, points, pointsWithInterval } from "../_statistics.ts";
import type { Judged, JudgedMerge, JudgedTask } from "./judge.ts";

/** Points that a plain average of mergeable heads may lose. */
const LARGEST_LOSS = 0.003;

const label = ({ task, metric }: JudgedTask): string => `${task.title}, ${metric}`;

/** Between what the kept adapter gives, of the best epoch, and what the last epoch gave. */
const OR_LAST = " / ";

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
    const best = mean(plain.map(({ value }) => value));
    const lasts = plain.flatMap(({ last }) => last === undefined ? [] : [last]);
    const means = lasts.length < plain.length ? [best] : [best, mean(lasts)];
    const differences = means.map((each) => each - golden.value);
    const peaks = plain.flatMap(({ run: { peak } }) => peak === undefined ? [] : [peak]);
    return [
      label(task),
      ...seeds.map((seed) => seedCell(plain.find(({ run }) => run.seed === seed))),
      means.map((each) => points(each)).join(OR_LAST),
      ...[golden.value, golden.error].map((value) => points(value)),
      differences.map((each) => `${each >= 0 ? "+" : ""}${points(each)}`).join(OR_LAST),
      differences.map((each) => withinError(each, golden.error)).join(OR_LAST),
      peaks.length === 0 ? "–" : Math.max(...peaks).toFixed(0),
    ];
  });
  return [
    markdownTable(titles, rows),
    "",
    "Four heads, plain recipe, whole dev sets: the kept adapter, of the epoch with the best dev " +
    "metric / the last epoch, which is what PyTorch's adapters are of, one seed. Standard errors " +
    "are binomial for accuracy, else from 2,000 bootstrap resamples. MiB: most memory of any run.",
  ].join("\n");
}

function seedCell(judged: Judged | undefined): string {
  if (judged === undefined) return "–";
  const { value, last } = judged;
  return [value, last].flatMap((each) => each === undefined ? [] : [points(each)]).join(OR_LAST);
}

function withinError(difference: number, error: number): string {
  if (Math.abs(difference) <= error) return "yes";
  return difference > 0 ? "no, better" : "no, worse";
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
