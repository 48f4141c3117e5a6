/**
 * `tinygraft merge`: the heads of one adapter.
 *
 * @module
 */

import { resolve } from "@std/path";
import { type Adapter, adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import { UsageError } from "../lib/errors.ts";
import {
  type AnyMergeMethod,
  MERGE_METHODS,
  type MergeMethod,
  TEXT_METHODS,
} from "../lib/merge/method_names.ts";
import type { Command, Invocation } from "./command.ts";
import {
  BASE_FLAGS,
  CALIBRATION_FLAGS,
  EVIDENCE_RUN_FLAGS,
  type EvidenceRequest,
  evidenceRequest,
} from "./evidence_flags.ts";
import { DISTIL_FLAGS, type DistilRequest, distilRequest } from "./merge_distil.ts";
import { checkMergeOutputs, type MergeResult, writeMerge } from "./merge_output.ts";
import { mergeSources } from "./merge_sources.ts";
import { mergeJson, mergeText } from "./merge_text.ts";
import { OUTPUT_PUSH_FLAGS, refusePushFlags } from "./pushing.ts";
import { placeOptions } from "./remote.ts";
import { REPORT_FLAG } from "./report.ts";

const METHODS: readonly string[] = [...MERGE_METHODS, ...TEXT_METHODS];

/** The command. */
export const merge: Command = {
  name: "merge",
  group: "Merge and check",
  summary: "merge the heads of an adapter, and say what it costs",
  description: "Merges the heads of every layer.\n\n" +
    "  stack    keeps them side by side in one module: exact, and nearly free to run\n" +
    "  average  the mean of their weights, as in the paper: lossy unless the heads do the same\n" +
    "  aligned  the mean after bringing signs, scales and rotations to one form\n" +
    "  product  the mean of what query and key, value and output make together, cut to rank\n" +
    "  distil   heads fitted in closed form to what all of them add on text; --distil-steps goes\n" +
    "           on from there by training them to give what all of them give\n\n" +
    "aligned and product lose nothing when heads are equal as functions; heads that do different\n" +
    "things fit into one by no method. All but stack fold the LayerNorm into the weights.\n\n" +
    "The report compares each layer's output before and after on seeded random inputs. With --base " +
    "and\n--data it adds what the merge costs on labelled rows: layers, heads and the task's metric, " +
    "before\nanything is written. Nothing is fitted to these rows. With --base and --calibrate, " +
    "merging is fitted\nto text whose labels are not looked at: take rows that you do not judge by. " +
    "--task, --text and\n--text-pair name the columns of both files.",
  positionals: [
    { name: "ADAPTER", help: "the adapter folder, or a checkpoint made by inject" },
    { name: "OUT", help: "the adapter folder to write, or hf://org/name[@branch] to push it to" },
  ],
  flags: [
    {
      name: "method",
      kind: "string",
      value: "METHOD",
      choices: METHODS,
      default: "stack",
      help: `how heads become fewer: ${METHODS.join(", ")}`,
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
    ...BASE_FLAGS,
    ...CALIBRATION_FLAGS,
    ...DISTIL_FLAGS,
    REPORT_FLAG,
    ...EVIDENCE_RUN_FLAGS,
    ...OUTPUT_PUSH_FLAGS,
  ],
  examples: [
    {
      does: "the paper's plain average, and what it costs on labelled rows",
      line: "tinygraft merge adapter one-head --method average --base base --data dev.tsv",
    },
    {
      does: "two heads, each for those that are most alike",
      line: "tinygraft merge adapter two-heads --method product --heads 2",
    },
    {
      does: "one head fitted to unlabelled text",
      line: "tinygraft merge adapter out --method distil --base base --calibrate text.tsv",
    },
    {
      does: "the same, then trained on 8,000 rows of it: minutes, for outputs closer to all heads'",
      line: "tinygraft merge adapter out --method distil --base base --calibrate text.tsv " +
        "--distil-steps 250",
    },
    {
      does: "from the Hub to the Hub",
      line: "tinygraft merge hf://org/adapter hf://org/one-head --method product --create",
    },
    { does: "only the report", line: "tinygraft merge adapter out --method aligned --dry-run" },
  ],
  async run(invocation) {
    const [location, out] = invocation.args as [string, string];
    refusePushFlags(invocation, out);
    const request = await evidenceRequest(invocation);
    requireText(invocation, request);
    const distil = distilRequest(invocation.flags);
    warnOfOneFile(request, invocation);
    using adapter = await openAdapter(location, {
      ...placeOptions(invocation, location),
      withoutClassifier: request === undefined, // measuring runs it
    });
    for (const warning of adapterWarnings(adapter)) invocation.warn(warning);
    const place = { adapters: [adapter], out, inputs: request?.inputs ?? [] };
    await checkMergeOutputs(place, invocation);
    const merged = await mergeHeads(adapter, out, { request, distil }, invocation);
    const result = { ...merged, sources: await mergeSources([adapter], merged) };
    const outcome = await writeMerge(result, place, merge, invocation);
    const verdict = result.merge.exact ? "exact" : "not exact: another function than before";
    invocation.print(
      mergeJson(result, outcome),
      () => mergeText(result, outcome, verdict),
    );
    return 0;
  },
};

async function mergeHeads(
  adapter: Adapter,
  out: string,
  { request, distil }: {
    readonly request: EvidenceRequest | undefined;
    readonly distil: DistilRequest | undefined;
  },
  { flags }: Invocation,
): Promise<Omit<MergeResult, "sources">> {
  const heads = flags.number("heads");
  const options = { fold: flags.boolean("fold"), ...(heads === undefined ? {} : { heads }) };
  // Imported late, with linear algebra and runtime: most commands need none.
  const calibrate = request?.options.calibrate;
  if (request !== undefined && calibrate !== undefined && distil !== undefined) {
    const { distilledMerge } = await import("../lib/train/distilled_merge.ts");
    return await distilledMerge(adapter, out, {
      ...request.options,
      ...options,
      calibrate,
      distilSteps: distil.steps,
      distil: { seed: distil.seed },
    });
  }
  if (request !== undefined) {
    const { checkedMerge } = await import("../lib/eval/merge_check.ts");
    const method = flags.required("method") as AnyMergeMethod;
    return await checkedMerge(adapter, out, { ...request.options, method, ...options });
  }
  const method = flags.required("method") as MergeMethod;
  const { planMerge } = await import("../lib/merge/merge_adapter.ts");
  return { merge: await planMerge(adapter, out, { method, ...options }) };
}

/** A metric on rows that a merge was fitted to flatters it, with labels or without. */
function warnOfOneFile(
  request: EvidenceRequest | undefined,
  { warn }: Pick<Invocation, "warn">,
): void {
  const { data, calibrate } = request?.options ?? {};
  if (data === undefined || calibrate === undefined || resolve(data) !== resolve(calibrate)) return;
  warn("--calibrate and --data name one file: rows that a merge is fitted to flatter it");
}

/** Refuses a method that is fitted to text where there is none. */
function requireText({ flags }: Invocation, request: EvidenceRequest | undefined): void {
  const method = flags.required("method");
  const needed = TEXT_METHODS.some((name) => name === method);
  if (!needed || request?.options.calibrate !== undefined) return;
  throw new UsageError(
    `Cannot merge by ${method} without text: heads are fitted to what they add on it, expected a ` +
      "base and a file of text: give --base and --calibrate",
  );
}
