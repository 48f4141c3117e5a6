/**
 * Merging the heads of one adapter: from an opened adapter to a plan and a report.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import { planAdapter } from "../adapter/plan.ts";
import { CLASSIFIER_TENSORS } from "../adapter/tensors.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import { VERSION } from "../version.ts";
import { gaussianInputs } from "./compare.ts";
import type { HeadGroups } from "./heads.ts";
import { readFinite, readLayer, tensorEntry } from "./layer.ts";
import type { MergeMethod } from "./method_names.ts";
import { mergeLayer, type MergeLayerOptions } from "./methods.ts";
import { type LayerReport, reportLayer } from "./report.ts";
import { TensorStore } from "./store.ts";

/** A merge that is ready to be written, and what it costs. */
export interface AdapterMerge {
  /** Writes the merged adapter. */
  readonly plan: Plan;
  /** The merged adapter's config. */
  readonly config: AdapterConfig;
  /** How it was merged. */
  readonly method: MergeMethod;
  /** Heads before: of every layer, or one number a layer. */
  readonly headsBefore: number | readonly number[];
  /** Heads after. */
  readonly headsAfter: number | readonly number[];
  /** One report a layer. */
  readonly layers: readonly LayerReport[];
  /** Whether the merged adapter computes the same, but for rounding, on every input. */
  readonly exact: boolean;
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
  const { method } = options;
  const { numHiddenLayers, hiddenSize, numHeads } = adapter.config;
  const inputs = gaussianInputs(hiddenSize, seed);
  const store = new TensorStore(adapter.location, (name) => tensorEntry(adapter, name).dtype);
  // The classifier is only copied, and yet a merge must not hand on what cannot run.
  for (const { name } of CLASSIFIER_TENSORS) await readFinite(adapter, name);
  const layers: LayerReport[] = [];
  for (let layer = 0; layer < numHiddenLayers; layer++) {
    const before = await readLayer(adapter, layer);
    const { module, groups } = mergeLayer(before, options);
    const after = module === before ? before : store.putLayer(adapter.config, layer, module);
    layers.push(reportLayer(layer, { before, after }, groups, inputs));
  }
  const headsAfter = method === "stack" ? numHeads : headCounts(layers);
  const config: AdapterConfig = {
    ...adapter.config,
    numHeads: headsAfter,
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
    exact: layers.every(({ groups }) => keepsEveryHead(groups)),
  };
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

function requireHeadCount({ config, location }: Adapter, heads: number | undefined): void {
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
