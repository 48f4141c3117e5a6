/**
 * Merging the heads of an adapter by distillation, with proof.
 *
 * @module
 */

import type { Adapter } from "../adapter/open.ts";
import { UsageError } from "../errors.ts";
import {
  type CheckedMerge,
  checkedMerge,
  type CheckedMergeOptions,
  type FittedModules,
} from "../eval/merge_check.ts";
import { readText } from "../eval/text_rows.ts";
import type { LayerModule } from "../merge/layer.ts";
import { EncoderLayers } from "../runtime/layers.ts";
import { loadTransposed } from "../runtime/transposed.ts";
import {
  DISTIL_DEFAULTS,
  distilModules,
  type DistilRecord,
  type DistilSettings,
} from "./distil.ts";
import { tokensOfBatch } from "./setup.ts";

/** How {@linkcode distilledMerge} is to merge and measure. */
export interface DistilledMergeOptions extends Omit<CheckedMergeOptions, "method" | "refine"> {
  /** The text to fit to and distil on; its labels are not looked at. */
  readonly calibrate: string;
  /** Steps of distillation after the closed form, at least one. */
  readonly distilSteps: number;
  /** How distillation goes, where that is not the default. */
  readonly distil?: Partial<DistilSettings> | undefined;
}

/** A distilled merge that is ready to be written, and what running it showed. */
export interface DistilledMerge extends CheckedMerge {
  /** How it was distilled; left out where no layer had more heads than were asked for. */
  readonly distillation?: DistilRecord;
}

/**
 * Plans the merge of an adapter's heads by the closed form of `distil` and gradient steps from
 * there on, and measures it as `checkedMerge` does, without writing anything. The closed form is
 * fitted to `calibrationRows` rows of `calibrate`; the steps take as many rows of the file, evenly,
 * as they need, and go through it again where it has fewer.
 *
 * @param adapter An opened adapter; it must stay open until the plan is executed, and belongs to
 * the caller.
 * @param output The folder to write.
 * @param options Base, files, steps and device; see {@linkcode DistilledMergeOptions}.
 * @returns The plan, its measurement and how it was distilled.
 * @throws {UsageError} when a setting makes no sense.
 * @throws {TinygraftError} when anything is missing, malformed or does not fit together; with code
 * `diverged` when the loss becomes infinite or NaN.
 * @throws {InterruptedError} when the signal is aborted.
 *
 * @example Two steps to one head
 * ```ts
 * import { distilledMerge, openAdapter } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const { merge, distillation } = await distilledMerge(adapter, "one-head", {
 *   base: "fixtures/mini/encoder",
 *   calibrate: "fixtures/mini/data/train.tsv",
 *   calibrationRows: 16,
 *   distilSteps: 2,
 *   distil: { batch: 4 },
 *   device: "wasm",
 * });
 * assertEquals([merge.headsAfter, distillation?.steps, distillation?.rows], [1, 2, 8]);
 * ```
 */
export async function distilledMerge(
  adapter: Adapter,
  output: string,
  { distilSteps, distil, ...options }: DistilledMergeOptions,
): Promise<DistilledMerge> {
  if (options.precision === "f16") {
    throw new UsageError(
      "Cannot distil in f16: small gradients would be lost, expected f32: leave out --precision",
    );
  }
  let record: DistilRecord | undefined;
  const refine = async (fitted: FittedModules) => {
    const done = await distilFitted(fitted, { ...options, distilSteps, distil });
    record = done.record;
    return done.modules;
  };
  const checked = await checkedMerge(adapter, output, {
    maxTokens: (config) => tokensOfBatch(config, 1),
    ...options,
    method: "distil",
    refine,
  });
  return { ...checked, ...(record === undefined ? {} : { distillation: record }) };
}

async function distilFitted(
  { session, adapter, before, modules }: FittedModules,
  { distilSteps, distil, calibrate, signal, onProgress, ...options }: DistilledMergeOptions,
): Promise<{ modules: LayerModule[]; record: DistilRecord }> {
  const { backend, weights, base: { checkpoint, model } } = session;
  const rows = distilSteps * (distil?.batch ?? DISTIL_DEFAULTS.batch);
  const columns = { ...options, data: calibrate, limit: undefined };
  const { encodings } = await readText(session, columns, rows, signal);
  const layers = new EncoderLayers(backend, weights);
  const transposed = await loadTransposed(checkpoint, model, backend);
  const parts = { backend, weights, transposed, layers };
  const input = { parts, config: adapter.config, stacked: before, start: modules, encodings };
  try {
    return await distilModules(input, {
      ...distil,
      steps: distilSteps,
      signal,
      onProgress: (done, total) => onProgress?.(done, total, "Distilling"),
    });
  } finally {
    layers.free();
  }
}
