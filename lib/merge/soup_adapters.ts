/**
 * A soup of several adapters of one base: from opened adapters to a plan and a report.
 *
 * @module
 */

import type { AdapterConfig, AdapterTask } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import { planAdapter } from "../adapter/plan.ts";
import { CLASSIFIER_TENSORS, moduleCount } from "../adapter/tensors.ts";
import { type ErrorCode, TinygraftError, UsageError } from "../errors.ts";
import type { FloatDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { VERSION } from "../version.ts";
import { gaussianInputs } from "./compare.ts";
import { type LayerModule, readFinite, readLayer, tensorEntry } from "./layer.ts";
import { type AdapterMerge, headCounts } from "./merge_adapter.ts";
import type { MergeMethod } from "./method_names.ts";
import { type LayerReport, reportLayer } from "./report.ts";
import { mergeParts } from "./soup.ts";
import { TensorStore } from "./store.ts";

/** How {@linkcode planSoup} is to merge. */
export interface SoupOptions {
  /** How heads of different adapters become one; see `mergeParts`. */
  readonly method: MergeMethod;
  /** One positive weight an adapter, of any sum; equal by default. */
  readonly weights?: readonly number[];
  /** Whether adapters made for bases of other tensor content are accepted. */
  readonly force?: boolean;
  /** Seed of the random inputs at which the layers are measured; 0 by default. */
  readonly seed?: number;
}

/**
 * Plans one adapter that stands for the weighted mean of several adapters of one base. Layer by
 * layer it adds the weighted mean of what they add: exactly so with `stack`, which keeps all heads,
 * but for what later layers make of it. Head counts, head widths and ways to combine may differ.
 * The classifier is the weighted mean of theirs.
 *
 * @param adapters Two opened adapters or more; they must stay open until the plan is executed, and
 * belong to the caller.
 * @param output The folder to write.
 * @param options The method, the weights and the seed of the report; see {@linkcode SoupOptions}.
 * @returns The plan, the new config and a report of each layer, against the exact weighted mean;
 * `headsBefore` counts the heads of all adapters. Nothing is written yet.
 * @throws {TinygraftError} with code `adapter-mismatch` when base type, sizes or the LayerNorm's
 * epsilon differ, `base-mismatch` when the bases' content does, `task-mismatch` when the tasks or
 * labels do, and `non-finite` as `planMerge`.
 * @throws {UsageError} for fewer than two adapters, and for weights that are not one positive
 * number each.
 *
 * @example An adapter and a copy of it make the adapter again
 * ```ts
 * import { openAdapter, planSoup } from "tinygraft";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const soup = await planSoup([adapter, adapter], "soup", { method: "aligned" });
 * assertEquals([soup.headsBefore, soup.headsAfter], [8, 4]);
 * assert(soup.layers.every(({ relativeError }) => relativeError < 1e-6));
 * ```
 */
export async function planSoup(
  adapters: readonly Adapter[],
  output: string,
  { method, weights, force = false, seed = 0 }: SoupOptions,
): Promise<AdapterMerge> {
  const shares = sharesOf(adapters, weights);
  requireMixable(adapters, force);
  const first = adapters[0]!;
  const inputs = gaussianInputs(first.config.hiddenSize, seed);
  const store = new TensorStore(output, (name) => commonDtype(adapters, name));
  const layers: LayerReport[] = [];
  const before: LayerModule[] = [];
  const after: LayerModule[] = [];
  const headDim = Math.max(...adapters.map(({ config }) => config.headDim));
  for (let layer = 0; layer < moduleCount(first.config); layer++) {
    const parts = [];
    for (const [i, adapter] of adapters.entries()) {
      parts.push({ module: await readLayer(adapter, layer), weight: shares[i]! });
    }
    const { module, stacked, groups } = mergeParts(parts, method);
    const stored = store.putLayer(first.config, layer, module);
    before.push(stacked);
    after.push(stored);
    layers.push(reportLayer(layer, { before: stacked, after: stored }, groups, inputs));
  }
  const classifier: Float64Array[] = [];
  for (const { name } of CLASSIFIER_TENSORS) {
    classifier.push(store.put(name, await meanTensor(adapters, shares, name)));
  }
  const [classifierWeight, classifierBias] = classifier as [Float64Array, Float64Array];
  const { placement } = first.config;
  const counts = before.map(({ numHeads }) => numHeads);
  const headsAfter = headCounts(layers);
  const config: AdapterConfig = {
    ...first.config,
    baseModelSha256: adapters.find(({ config }) => config.baseModelSha256 !== null)?.config
      .baseModelSha256 ?? null,
    numHeads: headsAfter,
    headDim,
    combine: "sum",
    task: commonTask(adapters),
    mergedFrom: await Promise.all(adapters.map(async (adapter, i) => ({
      contentHash: await adapter.contentHash(),
      heads: adapter.config.numHeads,
      method,
      weight: shares[i]!,
    }))),
    tinygraftVersion: VERSION,
  };
  const steps = store.steps(config, first, `${adapters.length} adapters merged by ${method}`);
  return {
    plan: planAdapter(config, steps, output, adapters.flatMap(({ inputs }) => inputs), {
      sources: adapters.flatMap(({ sources }) => sources),
    }),
    config,
    method,
    headsBefore: counts.every((count) => count === counts[0]) ? counts[0]! : counts,
    headsAfter,
    layers,
    exact: method === "stack",
    before: { modules: before, placement, classifierWeight, classifierBias },
    after: { modules: after, placement, classifierWeight, classifierBias },
  };
}

function sharesOf(
  adapters: readonly Adapter[],
  weights: readonly number[] = adapters.map(() => 1),
): number[] {
  if (adapters.length < 2) {
    throw new UsageError(
      `Cannot make a soup: found ${adapters.length} adapter, expected two or more: merge the ` +
        "heads of one with merge",
    );
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const usable = weights.every((weight) => weight > 0) && Number.isFinite(sum);
  if (weights.length !== adapters.length || !usable) {
    throw new UsageError(
      `Cannot make a soup: the weights are ${weights.join(", ")}, expected ${adapters.length} ` +
        "numbers above 0: give one an adapter, in the same order",
    );
  }
  return weights.map((weight) => weight / sum);
}

/**
 * Refuses adapters that no mean makes sense of.
 *
 * @param adapters The adapters, one or more.
 * @param force Whether adapters made for bases of other tensor content are accepted.
 * @throws {TinygraftError} with code `adapter-mismatch`, `base-mismatch` or `task-mismatch`.
 */
export function requireMixable(adapters: readonly Adapter[], force: boolean): void {
  const [first, ...others] = adapters as [Adapter, ...Adapter[]];
  for (const other of others) requireSameBase(first, other, force);
}

function requireSameBase(first: Adapter, other: Adapter, force: boolean): void {
  const [a, b] = [first.config, other.config];
  const compared: readonly (readonly [string, ErrorCode, unknown, unknown])[] = [
    ["base model type", "adapter-mismatch", a.baseModelType, b.baseModelType],
    ["hidden size", "adapter-mismatch", a.hiddenSize, b.hiddenSize],
    ["layer count", "adapter-mismatch", a.numHiddenLayers, b.numHiddenLayers],
    ["layer_norm_eps", "adapter-mismatch", a.layerNormEps, b.layerNormEps],
    ["placement", "adapter-mismatch", a.placement, b.placement],
    ["task type", "task-mismatch", a.task.type, b.task.type],
    ["number of labels", "task-mismatch", first.numLabels, other.numLabels],
  ];
  const difference = compared.find(([, , one, another]) => one !== another);
  if (difference !== undefined) {
    const [what, code, one, another] = difference;
    throw mismatch(first, other, code, `${what} ${show(another)}, expected ${show(one)}`);
  }
  const [labels, otherLabels] = [a.task.labels, b.task.labels];
  if (labels !== null && otherLabels !== null && labels.join("\n") !== otherLabels.join("\n")) {
    const found = `labels ${otherLabels.join(", ")}, expected ${labels.join(", ")}`;
    throw mismatch(first, other, "task-mismatch", found);
  }
  const [base, otherBase] = [a.baseModelSha256, b.baseModelSha256];
  if (base === null || otherBase === null || base === otherBase || force) return;
  const found = `a base with content hash ${otherBase}, expected ${base}`;
  throw mismatch(first, other, "base-mismatch", found, ", or accept it with --force");
}

function mismatch(
  first: Adapter,
  other: Adapter,
  code: ErrorCode,
  found: string,
  remedy = "",
): TinygraftError {
  return new TinygraftError(
    `Cannot mix ${quote(other.location)} with ${quote(first.location)}: it has ${found} as the ` +
      `first adapter has: leave it out${remedy}`,
    { code, path: other.location },
  );
}

function show(value: unknown): string {
  return typeof value === "string" ? quote(value) : String(value);
}

/** The names of labels from the adapters that have any; the data set where all agree. */
function commonTask(adapters: readonly Adapter[]): AdapterTask {
  const tasks = adapters.map(({ config }) => config.task);
  const { dataset: _dataset, ...task } = tasks[0]!;
  const [dataset] = new Set(tasks.map((other) => other.dataset));
  const agree = tasks.every((other) => other.dataset === dataset);
  return {
    ...task,
    labels: tasks.find(({ labels }) => labels !== null)?.labels ?? null,
    ...(agree && dataset !== undefined ? { dataset } : {}),
  };
}

/** The dtype that all adapters store a tensor in; F32, which holds both, where they differ. */
function commonDtype(adapters: readonly Adapter[], name: string): FloatDtype {
  const [dtype, ...others] = adapters.map((adapter) => tensorEntry(adapter, name).dtype);
  return others.every((other) => other === dtype) ? dtype! : "F32";
}

async function meanTensor(
  adapters: readonly Adapter[],
  shares: readonly number[],
  name: string,
): Promise<Float64Array> {
  let mean: Float64Array | undefined;
  for (const [i, adapter] of adapters.entries()) {
    const values = await readFinite(adapter, name);
    const share = shares[i]!;
    mean = mean === undefined
      ? values.map((value) => share * value)
      : mean.map((sum, j) => sum + share * values[j]!);
  }
  return mean!;
}
