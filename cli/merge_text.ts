/**
 * A merge's report for people, shared by `merge` and `soup`.
 *
 * @module
 */

import { adviseMerge } from "../lib/merge/advice.ts";
import type { HeadGroups } from "../lib/merge/heads.ts";
import type { AdapterMerge } from "../lib/merge/merge_adapter.ts";
import { formatTable } from "./format.ts";
import { type Outcome, outcomeJson, outcomeText } from "./writing.ts";

/** The JSON document of a merge. */
export function mergeJson(merge: AdapterMerge, outcome: Outcome): Record<string, unknown> {
  const { method, headsBefore, headsAfter, layers, exact } = merge;
  const advice = adviseMerge(merge);
  return { method, headsBefore, headsAfter, exact, layers, advice, ...outcomeJson(outcome) };
}

/**
 * Sets a merge's report as text.
 *
 * @param merge The merge.
 * @param outcome What became of its plan.
 * @param verdict What follows the head counts in the first line.
 * @returns Lines: the head counts, a table of layers, the advice and the files.
 */
export function mergeText(merge: AdapterMerge, outcome: Outcome, verdict: string): string {
  const { method, headsBefore, headsAfter, layers } = merge;
  const grouped = layers.some(({ groups }) => groups.length > 1 && isReduced(groups));
  const rows = layers.map(({ layer, relativeError, similarity, spread, groups }) => [
    String(layer),
    relativeError.toFixed(3),
    spread.toFixed(3),
    similarityRange(similarity),
    ...(grouped ? [groups.map((group) => group.join("+")).join(" ")] : []),
  ]);
  const header = ["layer", "relative error", "spread", "head similarity"];
  if (grouped) header.push("merged heads");
  return [
    `${method}: ${headCount(headsBefore)} to ${headCount(headsAfter)} a layer, ${verdict}`,
    "",
    formatTable(header, rows, ["right", "right", "right", "left", "left"]),
    "",
    "relative error: of each layer's output on seeded random inputs; 1 is as bad as no heads",
    "spread: how far the heads' weights are apart after alignment, over their mean; 0 if equal",
    "head similarity: cosine of the heads' outputs, least to most over all pairs",
    "",
    adviseMerge(merge),
    "",
    outcomeText(outcome),
  ].join("\n");
}

function isReduced(groups: HeadGroups): boolean {
  return groups.some((group) => group.length > 1);
}

function headCount(heads: number | readonly number[]): string {
  if (typeof heads !== "number") return `${heads.join(", ")} heads`;
  return heads === 1 ? "1 head" : `${heads} heads`;
}

function similarityRange(matrix: readonly (readonly number[])[]): string {
  const pairs = matrix.flatMap((row, i) => row.slice(i + 1));
  if (pairs.length === 0) return "one head";
  return `${cosine(Math.min(...pairs))} to ${cosine(Math.max(...pairs))}`;
}

/** Two digits; a negative zero is a zero. */
function cosine(value: number): string {
  return (Math.round(100 * value) / 100 + 0).toFixed(2);
}
