/**
 * `tinygraft merge`: the heads of one adapter.
 *
 * @module
 */

import { adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import {
  type AdapterMerge,
  MERGE_METHODS,
  type MergeMethod,
  planMerge,
} from "../lib/merge/merge_adapter.ts";
import type { Command, Invocation } from "./command.ts";
import { WRITING_FLAGS } from "./flags.ts";
import { formatTable } from "./format.ts";
import { placeOptions } from "./remote.ts";
import { carryOut, type Outcome, outcomeJson, outcomeText } from "./writing.ts";

/** The command. */
export const merge: Command = {
  name: "merge",
  group: "Merge and check",
  summary: "merge the heads of an adapter, and say what it costs",
  description: "Merges the heads of every layer. stack keeps them side by side in one module: " +
    "exact, and\nnearly free to run. average takes the mean of their weights, as the paper does: " +
    "one head, which\nloses accuracy unless the heads do the same. The report compares each " +
    "layer's output before and\nafter on seeded random inputs; use check for the accuracy on data.",
  positionals: [
    { name: "ADAPTER", help: "the adapter folder, or a checkpoint made by inject" },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: [
    {
      name: "method",
      kind: "string",
      choices: MERGE_METHODS,
      default: "stack",
      help: "how heads become fewer",
    },
    ...WRITING_FLAGS,
  ],
  examples: [
    {
      does: "the paper's plain average",
      line: "tinygraft merge adapter one-head --method average",
    },
    { does: "only the report", line: "tinygraft merge adapter out --method average --dry-run" },
  ],
  async run(invocation: Invocation) {
    const [location, out] = invocation.args as [string, string];
    const method = invocation.flags.required("method") as MergeMethod;
    using adapter = await openAdapter(location, placeOptions(invocation, location));
    for (const warning of adapterWarnings(adapter)) invocation.warn(warning);
    const merged = await planMerge(adapter, out, { method });
    const [outcome] = await carryOut([merged.plan], invocation);
    const { headsBefore, headsAfter, layers, exact } = merged;
    const report = { method, headsBefore, headsAfter, layers, exact };
    invocation.print(
      { ...report, ...outcomeJson(outcome!) },
      () => textOf(method, merged, outcome!),
    );
    return 0;
  },
};

function textOf(method: MergeMethod, merged: AdapterMerge, outcome: Outcome): string {
  const { headsBefore, headsAfter, layers, exact } = merged;
  const rows = layers.map(({ layer, relativeError, similarity }) => [
    String(layer),
    relativeError.toFixed(3),
    similarityRange(similarity),
  ]);
  const header = ["layer", "relative error", "head similarity"];
  return [
    `${method}: ${headCount(headsBefore)} to ${headCount(headsAfter)} a layer, ` +
    (exact ? "exact" : "not exact: another function than before"),
    "",
    formatTable(header, rows, ["right", "right", "left"]),
    "",
    "relative error: of each layer's output on seeded random inputs; 1 is as bad as no heads",
    "head similarity: cosine of the heads' outputs, least to most over all pairs",
    "",
    outcomeText(outcome),
  ].join("\n");
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
