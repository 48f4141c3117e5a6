/**
 * Soups with proof: measured beside the adapters they are made of, and chosen by the metric where
 * that is asked for.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { UsageError } from "../errors.ts";
import { type AdapterArrays, type AdapterMerge, planMerge } from "../merge/merge_adapter.ts";
import type { MergeMethod } from "../merge/method_names.ts";
import { planSoup, requireMixable, type SoupOptions } from "../merge/soup_adapters.ts";
import type { Logits } from "../runtime/classify.ts";
import { placeAdapter } from "../runtime/place.ts";
import type { Comparison, MetricValues } from "./compare.ts";
import {
  compareLogits,
  type Evidence,
  type EvidenceOptions,
  judgedBy,
  type MeasuredMerge,
  type MeasuredOutputs,
  measureLayers,
  metricsOf,
  readEvidence,
  runAdapters,
  runVariants,
} from "./measured_merge.ts";
import type { LabelledRows } from "./run.ts";
import { openSession, type Session } from "./session.ts";

/** How soups are measured: always on labelled rows. */
export interface SoupEvidenceOptions extends Omit<EvidenceOptions, "calibrate"> {
  /** A file of labelled rows. */
  readonly data: string;
}

/** How {@linkcode checkedSoup} is to merge and measure. */
export interface CheckedSoupOptions extends SoupEvidenceOptions, Omit<SoupOptions, "force"> {}

/** How {@linkcode greedySoup} is to choose and merge. */
export interface GreedySoupOptions extends SoupEvidenceOptions {
  /** How heads of different adapters become one; see `mergeParts`. */
  readonly ingredients: MergeMethod;
  /** Seed of the random inputs at which the layers are measured without text; 0 by default. */
  readonly seed?: number | undefined;
}

/** One adapter of a soup by itself. */
export interface Ingredient {
  /** Where it was opened. */
  readonly adapter: string;
  /** Its metrics on the labelled rows. */
  readonly metrics: MetricValues;
}

/** What running a soup showed. */
export interface MeasuredSoup extends MeasuredMerge {
  /** The metric of the exact weighted mean, before, and of the soup, after. */
  readonly comparison: Comparison;
  /** Every adapter by itself, in the order given. */
  readonly ingredients: readonly Ingredient[];
  /** The soup, after, against the best adapter by itself, before; of equal ones the first. */
  readonly best: { readonly adapter: string; readonly comparison: Comparison };
}

/** A soup that is ready to be written, and what running it showed. */
export interface CheckedSoup {
  /** The plan and what the weights tell. */
  readonly merge: AdapterMerge;
  /** What running it showed. */
  readonly measured: MeasuredSoup;
  /** The outputs of the exact mean and of the soup on the labelled rows. */
  readonly outputs: MeasuredOutputs;
}

/** One adapter tried for a greedy soup. */
export interface GreedyStep {
  /** Where it was opened. */
  readonly adapter: string;
  /** Its metric by itself. */
  readonly metric: number;
  /** The metric of the soup without it; `null` for the first, with which the soup begins. */
  readonly before: number | null;
  /** The metric of the soup with it. */
  readonly after: number;
  /** Whether it stayed in: its metric did not drop. */
  readonly kept: boolean;
}

/** A soup whose adapters were chosen. */
export interface GreedySoup extends CheckedSoup {
  /** How heads of different adapters were merged. */
  readonly ingredients: MergeMethod;
  /** The adapters in the order tried, best by itself first. */
  readonly steps: readonly GreedyStep[];
}

/**
 * Plans a soup and measures it on labelled rows beside its adapters and their exact mean, in one
 * pass and without writing anything.
 *
 * @param adapters Two opened adapters or more; they must stay open until the plan is executed, and
 * belong to the caller.
 * @param output The folder to write.
 * @param options Method, weights, base, rows and device.
 * @returns The plan and its measurement.
 * @throws {TinygraftError} as `planSoup` and `checkMerge`.
 * @throws {InterruptedError} when the signal is aborted.
 *
 * @example An adapter and a copy of it do as well as the adapter
 * ```ts
 * import { checkedSoup, openAdapter } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const { measured } = await checkedSoup([adapter, adapter], "soup", {
 *   method: "product",
 *   base: "fixtures/mini/encoder",
 *   data: "fixtures/mini/data/dev.tsv",
 *   device: "reference",
 *   limit: 8,
 * });
 * assertEquals(measured.best.comparison.drop, 0);
 * ```
 */
export async function checkedSoup(
  adapters: readonly Adapter[],
  output: string,
  options: CheckedSoupOptions,
): Promise<CheckedSoup> {
  const { method, weights, force = false, seed } = options;
  const merge = await planSoup(adapters, output, {
    method,
    force,
    ...(weights === undefined ? {} : { weights }),
    ...(seed === undefined ? {} : { seed }),
  });
  using session = await openSession({ ...options, adapters });
  const evidence = await readEvidence(session, options);
  const labelled = evidence.labelled!;
  const { before, after, others: alone } = await runVariants(
    session,
    merge,
    labelled,
    options,
    session.variants,
  );
  return await describeSoup(session, merge, evidence, { before, after, alone }, options);
}

/**
 * Chooses the adapters of a soup by the metric on labelled rows: begins with the best one and adds
 * the others, best first, each only if the soup's metric does not drop. Every candidate is measured
 * as it would be stored.
 *
 * @param adapters Two opened adapters or more; they must stay open until the plan is executed, and
 * belong to the caller.
 * @param output The folder to write.
 * @param options How heads are merged, base, rows and device.
 * @returns The plan, its measurement and what was tried. Where no other adapter helps the plan is
 * that of the best one alone.
 * @throws {TinygraftError} as `planSoup` and `checkMerge`.
 * @throws {UsageError} for fewer than two adapters.
 * @throws {InterruptedError} when the signal is aborted.
 * @see M. Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves
 * accuracy without increasing inference time", 2022, arXiv 2203.05482, recipe 1
 *
 * @example A copy of an adapter never makes it worse
 * ```ts
 * import { greedySoup, openAdapter } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const { steps } = await greedySoup([adapter, adapter], "soup", {
 *   ingredients: "aligned",
 *   base: "fixtures/mini/encoder",
 *   data: "fixtures/mini/data/dev.tsv",
 *   device: "reference",
 *   limit: 8,
 * });
 * assertEquals(steps.map(({ kept }) => kept), [true, true]);
 * ```
 */
export async function greedySoup(
  adapters: readonly Adapter[],
  output: string,
  options: GreedySoupOptions,
): Promise<GreedySoup> {
  const { ingredients: method, force = false, seed = 0 } = options;
  if (adapters.length < 2) throw tooFew(adapters.length);
  requireMixable(adapters, force);
  using session = await openSession({ ...options, adapters });
  const evidence = await readEvidence(session, options);
  const labelled = evidence.labelled!;
  const measure = (logits: Logits) => metricsOf(session, labelled, logits)[labelled.data.metric]!;
  const alone = await runAdapters(session, session.variants, labelled, options, "Ranking");
  const ranked = adapters
    .map((adapter, i) => ({ adapter, logits: alone[i]!, metric: measure(alone[i]!) }))
    .sort((a, b) => b.metric - a.metric);
  const first = ranked[0]!;
  let kept = [first.adapter];
  let merge = await planMerge(first.adapter, output, { method: "stack", seed });
  let best = { logits: first.logits, metric: first.metric };
  const { location } = first.adapter;
  const steps: GreedyStep[] = [
    { adapter: location, metric: best.metric, before: null, after: best.metric, kept: true },
  ];
  for (const [i, { adapter, metric }] of ranked.slice(1).entries()) {
    const soup = await planSoup([...kept, adapter], output, { method, force, seed });
    const label = `Trying ${i + 1} of ${ranked.length - 1}`;
    const logits = await runOne(session, soup.after, labelled, options, label);
    const after = measure(logits);
    const keeps = after >= best.metric;
    steps.push({ adapter: adapter.location, metric, before: best.metric, after, kept: keeps });
    if (!keeps) continue;
    kept = [...kept, adapter];
    merge = soup;
    best = { logits, metric: after };
  }
  // What was run already is not run again: a single adapter is its own mean.
  const before = kept.length === 1
    ? best.logits
    : await runOne(session, merge.before, labelled, options, "Checking");
  const logits = { before, after: best.logits, alone };
  const checked = await describeSoup(session, merge, evidence, logits, options);
  return { ...checked, ingredients: method, steps };
}

async function runOne(
  session: Session,
  adapter: AdapterArrays,
  labelled: LabelledRows,
  options: SoupEvidenceOptions,
  label: string,
): Promise<Logits> {
  const weights = [placeAdapter(adapter, session.backend)];
  const [logits] = await runAdapters(session, weights, labelled, options, label);
  return logits!;
}

/** Logits of the exact mean, of the soup, and of each adapter by itself in the session's order. */
interface SoupLogits {
  readonly before: Logits;
  readonly after: Logits;
  readonly alone: readonly Logits[];
}

async function describeSoup(
  session: Session,
  merge: AdapterMerge,
  evidence: Evidence,
  { before, after, alone }: SoupLogits,
  options: SoupEvidenceOptions,
): Promise<CheckedSoup> {
  const labelled = evidence.labelled!;
  const layers = await measureLayers(session, merge, evidence, options);
  const measured: MeasuredSoup = {
    ...layers,
    comparison: compareLogits(session, labelled, before, after),
    ...besideIngredients(session, labelled, after, alone),
  };
  const judged = judgedBy(session, labelled);
  return {
    merge,
    measured,
    outputs: { before, after, targets: labelled.targets, options: judged },
  };
}

function besideIngredients(
  session: Session,
  labelled: LabelledRows,
  soup: Logits,
  alone: readonly Logits[],
): Pick<MeasuredSoup, "ingredients" | "best"> {
  const ingredients = alone.map((logits, i) => ({
    adapter: session.adapters[i]!.location,
    metrics: metricsOf(session, labelled, logits),
  }));
  const metric = (i: number) => ingredients[i]!.metrics[labelled.data.metric]!;
  const best = alone.reduce((best, _, i) => metric(i) > metric(best) ? i : best, 0);
  const comparison = compareLogits(session, labelled, alone[best]!, soup);
  return { ingredients, best: { adapter: ingredients[best]!.adapter, comparison } };
}

function tooFew(count: number): UsageError {
  return new UsageError(
    `Cannot make a soup: found ${count} adapter, expected two or more: merge the heads of one ` +
      "with merge",
  );
}
