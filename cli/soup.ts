/**
 * `tinygraft soup`: one adapter out of several of one base.
 *
 * @module
 */

import { type Adapter, adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import { UsageError } from "../lib/errors.ts";
import { MERGE_METHODS, type MergeMethod } from "../lib/merge/method_names.ts";
import type { Command, Invocation } from "./command.ts";
import {
  BASE_FLAGS,
  EVIDENCE_RUN_FLAGS,
  type EvidenceRequest,
  evidenceRequest,
} from "./evidence_flags.ts";
import { checkMergeOutputs, type MergeResult, writeMerge } from "./merge_output.ts";
import { mergeSources } from "./merge_sources.ts";
import { mergeJson, mergeText } from "./merge_text.ts";
import { OUTPUT_PUSH_FLAGS, refusePushFlags } from "./pushing.ts";
import { placeOptions } from "./remote.ts";
import { REPORT_FLAG } from "./report.ts";

/** The method that chooses adapters; how their heads become one is another question. */
const GREEDY = "greedy";

const METHODS: readonly string[] = [...MERGE_METHODS, GREEDY];

/** The command. */
export const soup: Command = {
  name: "soup",
  group: "Merge and check",
  summary: "merge several adapters of one base into one",
  description: "Writes one adapter that adds, layer by layer, the weighted mean of what several " +
    "adapters of one\nbase and task add. stack keeps all their heads: that mean exactly. The other " +
    "methods merge heads\nof different adapters in pairs: average by their places, which suits " +
    "adapters that started from\nthe same weights, aligned and product by likeness. Head counts " +
    "may differ. The classifier is the\nweighted mean of theirs.\n\n" +
    "greedy chooses: it begins with the adapter that is best on the rows of --data, and adds the " +
    "others,\nbest first, each only if the metric does not drop; --ingredients says how their heads " +
    "become one.\nCheck its result on other rows than those. With --base and --data, every method " +
    "is measured\nbeside its adapters and their exact mean before anything is written.",
  positionals: [
    {
      name: "ADAPTER",
      help: "two adapter folders or more, or checkpoints from inject",
      many: true,
    },
    { name: "OUT", help: "the adapter folder to write, or hf://org/name[@branch] to push it to" },
  ],
  flags: [
    {
      name: "method",
      kind: "string",
      value: "METHOD",
      choices: METHODS,
      default: "stack",
      help: `how heads become one: ${METHODS.join(", ")}`,
    },
    {
      name: "ingredients",
      kind: "string",
      value: "METHOD",
      choices: MERGE_METHODS,
      default: "aligned",
      help: "with greedy: how heads become one, by any other method",
    },
    {
      name: "weights",
      kind: "string",
      value: "A,B,…",
      help: "one number above 0 an adapter; equal unless given",
    },
    ...BASE_FLAGS,
    REPORT_FLAG,
    ...EVIDENCE_RUN_FLAGS,
    ...OUTPUT_PUSH_FLAGS,
  ],
  examples: [
    { does: "the exact mean of two", line: "tinygraft soup seed-1 seed-2 soup" },
    {
      does: "three, the first counting twice, without more heads than one of them",
      line: "tinygraft soup a b c soup --method product --weights 2,1,1",
    },
    {
      does: "those of three that help on labelled rows",
      line: "tinygraft soup a b c soup --method greedy --base base --data dev.tsv",
    },
  ],
  async run(invocation) {
    const { flags } = invocation;
    const out = invocation.args.at(-1)!;
    const weights = parseWeights(flags.string("weights"));
    refusePushFlags(invocation, out);
    const request = await evidenceRequest(invocation);
    requireFitting(invocation, request);
    using opened = new DisposableStack();
    const adapters: Adapter[] = [];
    for (const location of invocation.args.slice(0, -1)) {
      adapters.push(
        opened.use(await openAdapter(location, placeOptions(invocation, location))),
      );
    }
    for (const warning of adapters.flatMap(adapterWarnings)) invocation.warn(warning);
    const place = { adapters, out, inputs: request?.inputs ?? [] };
    await checkMergeOutputs(place, invocation);
    const made = await makeSoup(adapters, out, weights, request, invocation);
    const result = { ...made, sources: await mergeSources(adapters, made) };
    const outcome = await writeMerge(result, place, soup, invocation);
    invocation.print(
      mergeJson(result, outcome),
      () => mergeText(result, outcome, verdictOf(result)),
    );
    return 0;
  },
};

function verdictOf({ merge }: MergeResult): string {
  if (merge.config.mergedFrom?.length === 1) return "one adapter as it was";
  return merge.exact
    ? "exactly the mean of what they add"
    : "not exactly the mean of what they add";
}

async function makeSoup(
  adapters: readonly Adapter[],
  out: string,
  weights: readonly number[] | undefined,
  request: EvidenceRequest | undefined,
  { flags }: Invocation,
): Promise<Omit<MergeResult, "sources">> {
  const method = flags.required("method");
  const given = weights === undefined ? {} : { weights };
  // Imported late, with linear algebra and runtime: most commands need none.
  if (request === undefined) {
    const { planSoup } = await import("../lib/merge/soup_adapters.ts");
    const options = { method: method as MergeMethod, force: flags.boolean("force"), ...given };
    return { merge: await planSoup(adapters, out, options) };
  }
  const { checkedSoup, greedySoup } = await import("../lib/eval/soup_check.ts");
  const options = { ...request.options, data: request.options.data ?? flags.required("data") };
  if (method !== GREEDY) {
    return await checkedSoup(adapters, out, {
      ...options,
      method: method as MergeMethod,
      ...given,
    });
  }
  const ingredients = flags.required("ingredients") as MergeMethod;
  return await greedySoup(adapters, out, { ...options, ingredients });
}

/** Refuses a greedy soup without rows or with weights, and ingredients without greedy. */
function requireFitting({ flags }: Invocation, request: EvidenceRequest | undefined): void {
  const greedy = flags.required("method") === GREEDY;
  if (greedy && request === undefined) {
    throw new UsageError(
      "Cannot make a greedy soup without rows: it adds what does not lower the metric, expected a " +
        "base and labelled rows: give --base and --data",
    );
  }
  if (greedy && flags.given("weights")) {
    throw new UsageError(
      "Cannot weigh a greedy soup: each adapter that it keeps counts the same, expected no " +
        "--weights: leave it out, or choose another method",
    );
  }
  if (!greedy && flags.given("ingredients")) {
    throw new UsageError(
      "Cannot use --ingredients here: it is how a greedy soup merges heads, expected --method " +
        "greedy with it: give both, or neither",
    );
  }
}

function parseWeights(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const weights = text.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
  if (weights.every((weight) => weight > 0 && Number.isFinite(weight))) return weights;
  throw new UsageError(
    `Bad value "${text}" of --weights: expected numbers above 0 with commas between`,
  );
}
