/**
 * Merging the heads of an adapter with proof: fitted to text where there is some, measured on text
 * and on labelled rows, before anything is written.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { calibrateMerge } from "../calibrate/merge.ts";
import { UsageError } from "../errors.ts";
import type { LayerModule } from "../merge/layer.ts";
import {
  type AdapterArrays,
  type AdapterMerge,
  keepsEveryHead,
  planLayers,
  planMerge,
  readArrays,
  requireHeadCount,
} from "../merge/merge_adapter.ts";
import type { AnyMergeMethod } from "../merge/method_names.ts";
import {
  compareLogits,
  type EvidenceOptions,
  judgedBy,
  type MeasuredMerge,
  type MeasuredOutputs,
  measureLayers,
  readEvidence,
  runVariants,
} from "./measured_merge.ts";
import { openSession, type Session } from "./session.ts";
import type { TextSample } from "./text_rows.ts";

/** How {@linkcode checkedMerge} is to merge and measure. */
export interface CheckedMergeOptions extends EvidenceOptions {
  /** How heads become fewer. `distil` needs `calibrate`. */
  readonly method: AnyMergeMethod;
  /** How many heads are left where there are more; 1 by default, all of them with `stack`. */
  readonly heads?: number | undefined;
  /** Whether `stack` folds; the other methods always do. */
  readonly fold?: boolean | undefined;
  /** Seed of the random inputs at which the layers are measured without text; 0 by default. */
  readonly seed?: number | undefined;
  /** What goes on from the modules that were fitted to text, where heads were merged. */
  readonly refine?: RefineModules | undefined;
}

/** Modules that were fitted to text, and what more work on them needs. */
export interface FittedModules {
  /** The open session, whose base text runs through. */
  readonly session: Session;
  /** The adapter that is merged. */
  readonly adapter: Adapter;
  /** The adapter's values before. */
  readonly before: AdapterArrays;
  /** The fitted modules, one a layer, folded. */
  readonly modules: readonly LayerModule[];
}

/** Betters modules that were fitted to text: gives as many, of the same shapes. */
export type RefineModules = (fitted: FittedModules) => Promise<readonly LayerModule[]>;

/** How {@linkcode planOnText} is to merge. */
export type PlanOnTextOptions = Pick<
  CheckedMergeOptions,
  "method" | "heads" | "fold" | "seed" | "refine" | "signal" | "onProgress"
>;

/** A merge that is ready to be written, and what running it showed. */
export interface CheckedMerge {
  /** The plan and what the weights tell. */
  readonly merge: AdapterMerge;
  /** What running it on text and rows showed. */
  readonly measured: MeasuredMerge;
  /** Both adapters' outputs on the labelled rows, if any. */
  readonly outputs?: MeasuredOutputs;
}

/**
 * Plans the merge of an adapter's heads and measures it on the base, without writing anything:
 * layer by layer on text, and, where there are labelled rows, by the metric before and after. With
 * `calibrate`, heads are grouped by what they do on that text and methods are fitted to it: product
 * by the covariance of its states, `distil` in closed form.
 *
 * @param adapter An opened adapter; it must stay open until the plan is executed, and belongs to
 * the caller.
 * @param output The folder to write.
 * @param options Method, base, files and device; `data` or `calibrate` must be given.
 * @returns The plan and its measurement.
 * @throws {UsageError} when there is neither `data` nor `calibrate`, when `distil` has nothing to be
 * fitted to, or for a number of heads that makes no sense.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together.
 * @throws {InterruptedError} when the signal is aborted.
 *
 * @example What the plain average of four heads costs on eight rows
 * ```ts
 * import { checkedMerge, openAdapter } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const { merge, measured } = await checkedMerge(adapter, "one-head", {
 *   method: "average",
 *   base: "fixtures/mini/encoder",
 *   data: "fixtures/mini/data/dev.tsv",
 *   device: "reference",
 *   limit: 8,
 * });
 * assertEquals(merge.headsAfter, 1);
 * assertEquals(measured.comparison?.examples, 8);
 * ```
 */
export async function checkedMerge(
  adapter: Adapter,
  output: string,
  options: CheckedMergeOptions,
): Promise<CheckedMerge> {
  requireEvidence(options);
  requireHeadCount(adapter, options.heads);
  using session = await openSession({ ...options, adapters: [adapter] });
  const evidence = await readEvidence(session, options);
  const merge = await planOnText(session, adapter, output, evidence.text, options);
  const { labelled } = evidence;
  if (labelled === undefined) {
    return { merge, measured: await measureLayers(session, merge, evidence, options) };
  }
  const { before, after } = await runVariants(session, merge, labelled, options);
  const layers = await measureLayers(session, merge, evidence, options);
  const comparison = compareLogits(session, labelled, before, after);
  const { targets } = labelled;
  const outputs = { before, after, targets, options: judgedBy(session, labelled) };
  return { merge, measured: { ...layers, comparison }, outputs };
}

/**
 * Plans the merge of an adapter's heads, fitted to text where there is some.
 *
 * @param session The open session; its base is what text runs through.
 * @param adapter The adapter; it must stay open until the plan is executed.
 * @param output The folder to write.
 * @param text The text; `undefined` where merging goes by weights alone.
 * @param options Method, heads, seed, signal and progress.
 * @returns The plan and what the weights tell. Nothing is written yet.
 * @throws {UsageError} when `distil` has nothing to be fitted to, or as `planMerge`.
 * @throws {InterruptedError} when the signal is aborted.
 */
export async function planOnText(
  session: Session,
  adapter: Adapter,
  output: string,
  text: TextSample | undefined,
  { method, heads, fold = false, seed = 0, refine, signal, onProgress }: PlanOnTextOptions,
): Promise<AdapterMerge> {
  const count = heads === undefined ? {} : { heads };
  if (method === "stack") return await planMerge(adapter, output, { method, fold, seed, ...count });
  if (text === undefined) {
    if (method === "distil") throw nothingToFit();
    return await planMerge(adapter, output, { method, seed, ...count });
  }
  const { backend, weights } = session;
  const run = {
    backend,
    weights,
    encodings: text.encodings,
    signal,
    onProgress: (done: number, total: number) => onProgress?.(done, total, "Calibrating"),
  };
  const before = await readArrays(adapter);
  const { modules, groups } = await calibrateMerge(run, before.modules, {
    method,
    placement: before.placement,
    ...count,
  });
  const isMerged = !groups.every(keepsEveryHead);
  const refined = refine === undefined || !isMerged
    ? modules
    : await refine({ session, adapter, before, modules });
  const merged = refined.map((module, layer) => ({ module, groups: groups[layer]! }));
  return await planLayers(adapter, output, { method, before, merged, seed });
}

/** Refuses a call that has nothing to measure on, or `distil` without text. */
function requireEvidence({ method, data, calibrate }: CheckedMergeOptions): void {
  if (method === "distil" && calibrate === undefined) throw nothingToFit();
  if (data !== undefined || calibrate !== undefined) return;
  throw new UsageError(
    "Cannot measure the merge: there is nothing to run, expected labelled rows or text: give " +
      "--data or --calibrate",
  );
}

function nothingToFit(): UsageError {
  return new UsageError(
    "Cannot merge by distil: it is fitted to text and found none, expected a base and a file of " +
      "text: give --base and --calibrate",
  );
}
