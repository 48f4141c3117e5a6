/**
 * `tinygraft merge`: the heads of one adapter.
 *
 * @module
 */

import { adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import { MERGE_METHODS, type MergeMethod } from "../lib/merge/method_names.ts";
import type { Command } from "./command.ts";
import { WRITING_FLAGS } from "./flags.ts";
import { mergeJson, mergeText } from "./merge_text.ts";
import { placeOptions } from "./remote.ts";
import { carryOut } from "./writing.ts";

/** The command. */
export const merge: Command = {
  name: "merge",
  group: "Merge and check",
  summary: "merge the heads of an adapter, and say what it costs",
  description: "Merges the heads of every layer.\n\n" +
    "  stack    keeps them side by side in one module: exact, and nearly free to run\n" +
    "  average  the mean of their weights, as in the paper: lossy unless the heads do the same\n" +
    "  aligned  the mean after bringing signs, scales and rotations to one form\n" +
    "  product  the mean of what query and key, value and output make together, cut to rank\n\n" +
    "aligned and product lose nothing when heads are equal as functions; heads that do different\n" +
    "things fit into one by no method. All but stack fold the LayerNorm into the weights. The " +
    "report\ncompares each layer's output before and after on seeded random inputs; use check for " +
    "the accuracy\non data.",
  positionals: [
    { name: "ADAPTER", help: "the adapter folder, or a checkpoint made by inject" },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: [
    {
      name: "method",
      kind: "string",
      value: "METHOD",
      choices: MERGE_METHODS,
      default: "stack",
      help: `how heads become fewer: ${MERGE_METHODS.join(", ")}`,
    },
    {
      name: "heads",
      kind: "integer",
      value: "R",
      min: 1,
      help: "heads left in each layer, 1 unless given",
    },
    {
      name: "fold",
      kind: "boolean",
      help: "with stack: fold the LayerNorm and two biases away; exact",
    },
    ...WRITING_FLAGS,
  ],
  examples: [
    {
      does: "the paper's plain average",
      line: "tinygraft merge adapter one-head --method average",
    },
    {
      does: "two heads, each for those that are most alike",
      line: "tinygraft merge adapter two-heads --method product --heads 2",
    },
    { does: "only the report", line: "tinygraft merge adapter out --method aligned --dry-run" },
  ],
  async run(invocation) {
    const [location, out] = invocation.args as [string, string];
    const { flags } = invocation;
    const heads = flags.number("heads");
    using adapter = await openAdapter(location, placeOptions(invocation, location));
    for (const warning of adapterWarnings(adapter)) invocation.warn(warning);
    // Imported late, with the linear algebra: most commands need none.
    const { planMerge } = await import("../lib/merge/merge_adapter.ts");
    const merged = await planMerge(adapter, out, {
      method: flags.required("method") as MergeMethod,
      ...(heads === undefined ? {} : { heads }),
      fold: flags.boolean("fold"),
    });
    const [outcome] = await carryOut([merged.plan], invocation);
    const verdict = merged.exact ? "exact" : "not exact: another function than before";
    invocation.print(
      mergeJson(merged, outcome!),
      () => mergeText(merged, outcome!, verdict),
    );
    return 0;
  },
};
