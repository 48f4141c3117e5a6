/**
 * Merging the heads of one adapter: from an opened adapter to a plan and a report.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import type { Placement } from "../adapter/placement.ts";
import { planAdapter } from "../adapter/plan.ts";
import { CLASSIFIER_TENSORS, moduleCount } from "../adapter/tensors.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import { VERSION } from "../version.ts";
import { gaussianInputs } from "./compare.ts";
import type { HeadGroups } from "./heads.ts";
import { type LayerModule, readFinite, readLayer, tensorEntry } from "./layer.ts";
import type { AnyMergeMethod } from "./method_names.ts";
import { type LayerMerge, mergeLayer, type MergeLayerOptions } from "./methods.ts";
import { type LayerReport, reportLayer } from "./report.ts";
import { TensorStore } from "./store.ts";

/** A merge that is ready to be written, and what it costs. */
export interface AdapterMerge {
  /** Writes the merged adapter. */
  readonly plan: Plan;
  /** The merged adapter's config. */
  readonly config: AdapterConfig;
  /** How it was merged. */
  readonly method: AnyMergeMethod;
  /** Heads before: of every layer, or one number a layer. */
  readonly headsBefore: number | readonly number[];
  /** Heads after. */
  readonly headsAfter: number | readonly number[];
  /** One report a layer. */
  readonly layers: readonly LayerReport[];
  /** Whether the merged adapter computes the same, but for rounding, on every input. */
  readonly exact: boolean;
  /** What it was merged from, in memory; of a soup the exact weighted mean. */
  readonly before: AdapterArrays;
  /** What its files will hold, rounded as they are. */
  readonly after: AdapterArrays;
}

/** An adapter's values in memory. */
export interface AdapterArrays {
  /** One module a layer. */
  readonly modules: readonly LayerModule[];
  /** Where in their layers the modules stand. */
  readonly placement: Placement;
  /** The classifier's weight, f64 [labels, D], row-major; empty where there is none. */
  readonly classifierWeight: Float64Array;
  /** The classifier's bias, f64 [labels]; empty where there is none. */
  readonly classifierBias: Float64Array;
}

/** How {@linkcode planMerge} is to merge. */
export interface MergeOptions extends MergeLayerOptions {
  /** Seed of the random inputs at which the layers are measured; 0 by default. */
  readonly seed?: number;
}

/**
 * Plans the merge of the heads of one adapter. `stack` copies every tensor byte for byte: heads of
 * one adapter stand side by side already, so it changes nothing; with `fold` it writes the same
 * function with the LayerNorm's weights and the biases of key and value folded away. The other
 * methods leave `heads` heads in each layer that has more, folded, in the dtype of each tensor,
 * rounded once. The classifier is copied. What it came from is recorded in `merged_from`.
 *
 * @param adapter An opened adapter; it must stay open until the plan is executed, and belongs to
 * the caller.
 * @param output The folder to write.
 * @param options The method, how many heads are left, and the seed of the report; see
 * {@linkcode MergeOptions}.
 * @returns The plan, the new config and a report of each layer. Nothing is written yet.
 * @throws {TinygraftError} with code `non-finite` when a tensor holds NaN or infinity, or a merged
 * one leaves the range of its dtype.
 * @throws {UsageError} when more heads are asked for than any layer has, or fewer of `stack`.
 *
 * @example What averaging the heads of the adapter that the repository ships would cost
 * ```ts
 * import { openAdapter, planMerge } from "tinygraft";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const merge = await planMerge(adapter, "one-head", { method: "average" });
 * assertEquals([merge.headsBefore, merge.headsAfter, merge.exact], [4, 1, false]);
 * assert(merge.layers.every(({ relativeError }) => relativeError > 0));
 * ```
 */
export async function planMerge(
  adapter: Adapter,
  output: string,
  { seed = 0, ...options }: MergeOptions,
): Promise<AdapterMerge> {
  requireHeadCount(adapter, options.heads);
  const before = await readArrays(adapter);
  const merged = before.modules.map((module) => mergeLayer(module, options));
  return planLayers(adapter, output, { method: options.method, before, merged, seed });
}

/** What {@linkcode planLayers} is to write. */
export interface MergedLayers {
  /** How the layers were merged. */
  readonly method: AnyMergeMethod;
  /** The adapter before, from {@linkcode readArrays}. */
  readonly before: AdapterArrays;
  /** The layers after, one for each before; all of one `headDim` and way to combine. */
  readonly merged: readonly LayerMerge[];
  /** Seed of the random inputs at which the layers are measured; 0 by default. */
  readonly seed?: number;
}

/**
 * Plans an adapter whose layers are merged already, by whatever method.
 *
 * @param adapter The adapter they were merged from; it must stay open until the plan is executed,
 * and belongs to the caller.
 * @param output The folder to write.
 * @param layers The layers; see {@linkcode MergedLayers}.
 * @returns The plan, the new config and a report of each layer. Nothing is written yet.
 * @throws {TinygraftError} with code `non-finite` when a merged tensor leaves the range of its
 * dtype.
 */
export async function planLayers(
  adapter: Adapter,
  output: string,
  { method, before, merged, seed = 0 }: MergedLayers,
): Promise<AdapterMerge> {
  const { hiddenSize, numHeads } = adapter.config;
  const inputs = gaussianInputs(hiddenSize, seed);
  const store = new TensorStore(adapter.location, (name) => tensorEntry(adapter, name).dtype);
  const stored = merged.map(({ module }, layer) =>
    module === before.modules[layer] ? module : store.putLayer(adapter.config, layer, module)
  );
  const layers = stored.map((module, layer) => {
    const modules = { before: before.modules[layer]!, after: module };
    return reportLayer(layer, modules, merged[layer]!.groups, inputs);
  });
  const headsAfter = method === "stack" ? numHeads : headCounts(layers);
  const { headDim, combine } = stored[0]!;
  const config: AdapterConfig = {
    ...adapter.config,
    numHeads: headsAfter,
    headDim,
    combine,
    mergedFrom: [
      { contentHash: await adapter.contentHash(), heads: numHeads, method, weight: 1 },
    ],
    tinygraftVersion: VERSION,
  };
  const origin = method === "stack" ? "heads folded" : `heads merged by ${method}`;
  const steps = store.steps(config, adapter, origin);
  return {
    plan: planAdapter(config, steps, output, adapter.inputs, { sources: adapter.sources }),
    config,
    method,
    headsBefore: numHeads,
    headsAfter,
    layers,
    exact: method !== "distil" && layers.every(({ groups }) => keepsEveryHead(groups)),
    before,
    after: { ...before, modules: stored },
  };
}

/**
 * Reads all of an adapter into memory, decoded to f64.
 *
 * @param adapter An opened adapter; stays open and belongs to the caller.
 * @returns Its modules and classifier, in new arrays.
 * @throws {TinygraftError} with code `non-finite` when a tensor holds NaN or infinity.
 */
export async function readArrays(adapter: Adapter): Promise<AdapterArrays> {
  // The classifier is only copied, and yet a merge must not hand on what cannot run.
  const names = adapter.numLabels === 0 ? [] : CLASSIFIER_TENSORS.map(({ name }) => name);
  const [classifierWeight = new Float64Array(0), classifierBias = new Float64Array(0)] =
    await Promise.all(names.map((name) => readFinite(adapter, name)));
  const modules: LayerModule[] = [];
  for (let layer = 0; layer < moduleCount(adapter.config); layer++) {
    modules.push(await readLayer(adapter, layer));
  }
  return { modules, placement: adapter.config.placement, classifierWeight, classifierBias };
}

/**
 * Gives the number of heads after a merge, as a config has it.
 *
 * @param layers One report a layer, at least one.
 * @returns One number where all layers agree, else one a layer.
 */
export function headCounts(layers: readonly LayerReport[]): number | readonly number[] {
  const counts = layers.map(({ groups }) => groups.length);
  return counts.every((count) => count === counts[0]) ? counts[0]! : counts;
}

/**
 * Tells whether a grouping merges nothing.
 *
 * @param groups Which heads become one.
 * @returns Whether every group is one head.
 */
export function keepsEveryHead(groups: HeadGroups): boolean {
  return groups.every((group) => group.length === 1);
}

/**
 * Refuses a number of heads that no layer has.
 *
 * @param adapter The adapter.
 * @param heads How many heads are to be left in a layer, if that was said.
 * @throws {UsageError} when no layer has so many, or it is not a whole number from 1 on.
 */
export function requireHeadCount({ config, location }: Adapter, heads: number | undefined): void {
  if (heads === undefined) return;
  const counts = Array.from(
    { length: config.numHiddenLayers },
    (_, layer) => headsOfLayer(config, layer),
  );
  const most = Math.max(...counts);
  if (Number.isInteger(heads) && heads >= 1 && heads <= most) return;
  throw new UsageError(
    `Cannot merge ${quote(location)} into ${heads} heads a layer: it has ` +
      `${most === Math.min(...counts) ? most : `at most ${most}`}, expected a whole number from ` +
      `1 to ${most}: ask for no more heads than there are`,
    { path: location },
  );
}
