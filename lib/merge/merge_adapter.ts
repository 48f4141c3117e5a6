/**
 * Merging the heads of one adapter: from an opened adapter to a plan and a report.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import { planAdapter } from "../adapter/plan.ts";
import { adapterTensors } from "../adapter/tensors.ts";
import type { Plan, TensorStep } from "../checkpoint/plan.ts";
import { TinygraftError } from "../errors.ts";
import { decodeFloats64, encodeFloats } from "../tensor/decode.ts";
import type { FloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { VERSION } from "../version.ts";
import { averageHeads } from "./average.ts";
import { gaussianInputs, headSimilarity, relativeError } from "./compare.ts";
import {
  type LayerArray,
  type LayerModule,
  layerTensors,
  readLayer,
  requireFinite,
  tensorEntry,
} from "./layer.ts";

/** The ways to merge heads: keep them side by side, or average their weights into one head. */
export const MERGE_METHODS = ["stack", "average"] as const;

/** A way to merge heads. */
export type MergeMethod = typeof MERGE_METHODS[number];

/** What merging did to one layer, measured at random inputs. */
export interface LayerReport {
  /** The layer, from 0. */
  readonly layer: number;
  /**
   * How far the output as stored is from the output before, by `relativeError`: 0 is unchanged, 1
   * is as bad as no heads. An exact merge still shows the rounding to the storage dtype.
   */
  readonly relativeError: number;
  /** Cosines between the outputs of the heads before the merge, by `headSimilarity`, M x M. */
  readonly similarity: readonly (readonly number[])[];
}

/** A merge that is ready to be written, and what it costs. */
export interface AdapterMerge {
  /** Writes the merged adapter. */
  readonly plan: Plan;
  /** The merged adapter's config. */
  readonly config: AdapterConfig;
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
export interface MergeOptions {
  /** How heads become fewer. */
  readonly method: MergeMethod;
  /** Seed of the random inputs at which the layers are measured; 0 by default. */
  readonly seed?: number;
}

/**
 * Plans the merge of the heads of one adapter. `stack` copies every tensor byte for byte: heads of
 * one adapter stand side by side already, so it changes nothing. `average` replaces them by one
 * head, folded, in the dtype of each tensor, rounded once. The classifier is copied. What it came
 * from is recorded in `merged_from`.
 *
 * @param adapter An opened adapter; it must stay open until the plan is executed, and belongs to
 * the caller.
 * @param output The folder to write.
 * @param options The method and the seed of the report; see {@linkcode MergeOptions}.
 * @returns The plan, the new config and a report of each layer. Nothing is written yet.
 * @throws {TinygraftError} with code `non-finite` when a tensor holds NaN or infinity, or a merged
 * one leaves the range of its dtype.
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
  { method, seed = 0 }: MergeOptions,
): Promise<AdapterMerge> {
  const config = await mergedConfig(adapter, method);
  const inputs = gaussianInputs(config.hiddenSize, seed);
  const written = new Map<string, Uint8Array>();
  const layers: LayerReport[] = [];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const original = await readLayer(adapter, layer);
    const merged = method === "stack"
      ? original
      : storeLayer(adapter, config, layer, averageHeads(original), written);
    layers.push({
      layer,
      relativeError: relativeError(merged, original, inputs),
      similarity: headSimilarity(original, inputs),
    });
  }
  const headsBefore = adapter.config.numHeads;
  const steps = tensorSteps(adapter, config, method, written);
  return {
    plan: planAdapter(config, steps, output, adapter.inputs, { sources: adapter.sources }),
    config,
    headsBefore,
    headsAfter: config.numHeads,
    layers,
    exact: method === "stack" || [headsBefore].flat().every((heads) => heads === 1),
  };
}

async function mergedConfig(adapter: Adapter, method: MergeMethod): Promise<AdapterConfig> {
  const { config } = adapter;
  const contentHash = await adapter.contentHash();
  return {
    ...config,
    numHeads: method === "stack" ? config.numHeads : 1,
    mergedFrom: [{ contentHash, heads: config.numHeads, method, weight: 1 }],
    tinygraftVersion: VERSION,
  };
}

/**
 * Rounds a merged module to the dtypes of the adapter's tensors.
 *
 * @returns The module as a reader will see it; its bytes are added to `written` by tensor name.
 */
function storeLayer(
  adapter: Adapter,
  config: AdapterConfig,
  layer: number,
  module: LayerModule,
  written: Map<string, Uint8Array>,
): LayerModule {
  const stored: Partial<Record<LayerArray, Float64Array>> = {};
  for (const { name, array } of layerTensors(config, layer)) {
    const { dtype } = tensorEntry(adapter, name);
    const bytes = encodeFloats(module[array], dtype);
    stored[array] = decodeFloats64(bytes, dtype);
    requireInRange(stored[array], module[array], { name, dtype, path: adapter.location });
    written.set(name, bytes);
  }
  return { ...module, ...stored };
}

/** Folding multiplies weights: in F16 the product of two that fit may not fit. */
function requireInRange(
  stored: Float64Array,
  values: Float64Array,
  { name, dtype, path }: { name: string; dtype: FloatDtype; path: string },
): void {
  requireFinite(values, name, path);
  const stray = stored.findIndex((value) => !Number.isFinite(value));
  if (stray < 0) return;
  throw new TinygraftError(
    `Cannot merge ${quote(path)}: element ${stray} of the merged tensor ${quote(name)} is ` +
      `${values[stray]}, expected a number in the range of ${dtype}: convert the adapter to F32`,
    { code: "non-finite", path, tensor: name },
  );
}

function tensorSteps(
  adapter: Adapter,
  config: AdapterConfig,
  method: MergeMethod,
  written: ReadonlyMap<string, Uint8Array>,
): TensorStep[] {
  return adapterTensors(config, adapter.numLabels).map(({ name, shape }) => {
    const from = tensorEntry(adapter, name);
    const data = written.get(name);
    if (!data) return { kind: "copy", name, shape, dtype: from.dtype, from };
    const origin = `heads merged by ${method}`;
    const bytes = () => Promise.resolve(data);
    return { kind: "data", name, shape, dtype: from.dtype, data: bytes, origin };
  });
}
