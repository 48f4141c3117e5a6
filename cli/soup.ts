/**
 * `tinygraft soup`: one adapter out of several of one base.
 *
 * @module
 */

import { type Adapter, adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import { UsageError } from "../lib/errors.ts";
import { MERGE_METHODS, type MergeMethod } from "../lib/merge/method_names.ts";
import type { Command } from "./command.ts";
import { WRITING_FLAGS } from "./flags.ts";
import { mergeJson, mergeText } from "./merge_text.ts";
import { placeOptions } from "./remote.ts";
import { carryOut } from "./writing.ts";

/** The command. */
export const soup: Command = {
  name: "soup",
  group: "Merge and check",
  summary: "merge several adapters of one base into one",
  description: "Writes one adapter that adds, layer by layer, the weighted mean of what several " +
    "adapters of one\nbase and task add. stack keeps all their heads: that mean exactly. The other " +
    "methods merge heads\nof different adapters in pairs: average by their places, which suits " +
    "adapters that started from\nthe same weights, aligned and product by likeness. Head counts " +
    "may differ. The classifier is the\nweighted mean of theirs.",
  positionals: [
    {
      name: "ADAPTER",
      help: "two adapter folders or more, or checkpoints from inject",
      many: true,
    },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: [
    {
      name: "method",
      kind: "string",
      value: "METHOD",
      choices: MERGE_METHODS,
      default: "stack",
      help: `how heads become one: ${MERGE_METHODS.join(", ")}`,
    },
    {
      name: "weights",
      kind: "string",
      value: "A,B,…",
      help: "one number above 0 an adapter; equal unless given",
    },
    ...WRITING_FLAGS,
  ],
  examples: [
    { does: "the exact mean of two", line: "tinygraft soup seed-1 seed-2 soup" },
    {
      does: "three, the first counting twice, without more heads than one of them",
      line: "tinygraft soup a b c soup --method product --weights 2,1,1",
    },
  ],
  async run(invocation) {
    const { flags } = invocation;
    const out = invocation.args.at(-1)!;
    const weights = parseWeights(flags.string("weights"));
    using opened = new DisposableStack();
    const adapters: Adapter[] = [];
    for (const location of invocation.args.slice(0, -1)) {
      adapters.push(
        opened.use(await openAdapter(location, placeOptions(invocation, location))),
      );
    }
    for (const warning of adapters.flatMap(adapterWarnings)) invocation.warn(warning);
    // Imported late, with the linear algebra: most commands need none.
    const { planSoup } = await import("../lib/merge/soup_adapters.ts");
    const merged = await planSoup(adapters, out, {
      method: flags.required("method") as MergeMethod,
      ...(weights === undefined ? {} : { weights }),
      force: flags.boolean("force"),
    });
    const [outcome] = await carryOut([merged.plan], invocation);
    const verdict = merged.exact
      ? "exactly the mean of what they add"
      : "not exactly the mean of what they add";
    invocation.print(
      mergeJson(merged, outcome!),
      () => mergeText(merged, outcome!, verdict),
    );
    return 0;
  },
};

function parseWeights(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const weights = text.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
  if (weights.every((weight) => weight > 0 && Number.isFinite(weight))) return weights;
  throw new UsageError(
    `Bad value "${text}" of --weights: expected numbers above 0 with commas between`,
  );
}
