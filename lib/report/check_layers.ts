/**
 * What can be told of each layer of a check from the two adapters' weights alone.
 *
 * @module
 */

import { type Adapter, openAdapter } from "../adapter/open.ts";
import { moduleCount } from "../adapter/tensors.ts";
import { gaussianInputs } from "../merge/compare.ts";
import { type HeadGroups, oneGroup } from "../merge/heads.ts";
import { type LayerModule, readLayer } from "../merge/layer.ts";
import { type LayerReport, reportLayer } from "../merge/report.ts";
import type { BeforeAfter } from "./run_details.ts";

/** One layer of a check: how far its output moved, and how alike its heads were before. */
export interface CheckedLayer extends LayerReport {
  /** How many heads it has. */
  readonly heads: BeforeAfter<number>;
}

/**
 * Compares two adapters layer by layer, without data: at random inputs, and by their weights.
 *
 * @param before Where the adapter before the merge lies: a folder, or a checkpoint made by `inject`.
 * @param after Where the adapter after it lies.
 * @returns One entry a layer; `undefined` where the adapters are of different widths or depths, so
 * that no layer of one is a layer of the other.
 * @throws {TinygraftError} as `openAdapter`, and with code `non-finite` when a tensor holds NaN or
 * infinity.
 *
 * @example An adapter against itself
 * ```ts
 * import { compareLayers } from "tinygraft";
 * import { assert } from "@std/assert";
 *
 * const layers = await compareLayers("fixtures/mini/adapter", "fixtures/mini/adapter");
 * assert(layers?.every(({ relativeError }) => relativeError < 1e-9));
 * ```
 */
export async function compareLayers(
  before: string,
  after: string,
): Promise<CheckedLayer[] | undefined> {
  // The base's own head may stand in for a classifier.
  using one = await openAdapter(before, { withoutClassifier: true });
  using other = await openAdapter(after, { withoutClassifier: true });
  const count = moduleCount(one.config);
  const { hiddenSize } = one.config;
  if (hiddenSize !== other.config.hiddenSize || count !== moduleCount(other.config)) {
    return undefined;
  }
  const inputs = gaussianInputs(hiddenSize, 0);
  const layers: CheckedLayer[] = [];
  for (let layer = 0; layer < count; layer++) {
    const modules = await readBoth(one, other, layer);
    const heads = { before: modules.before.numHeads, after: modules.after.numHeads };
    layers.push({ ...reportLayer(layer, modules, groupsOf(modules), inputs), heads });
  }
  return layers;
}

async function readBoth(
  one: Adapter,
  other: Adapter,
  layer: number,
): Promise<BeforeAfter<LayerModule>> {
  return { before: await readLayer(one, layer), after: await readLayer(other, layer) };
}

/** Weights do not tell which heads became one, unless all did. */
function groupsOf({ before, after }: BeforeAfter<LayerModule>): HeadGroups {
  const [all] = oneGroup(before);
  return after.numHeads === 1 ? [all!] : all!.map((head) => [head]);
}
