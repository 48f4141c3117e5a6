/**
 * Where an adapter's modules stand inside a model of transformers, by the paths of its parts.
 *
 * @module
 */

import { type Architecture, fillLayer } from "../model/architecture.ts";
import type { AdapterConfig } from "./config.ts";
import { PLACEMENTS } from "./placement.ts";
import { moduleCount } from "./tensors.ts";

/** Where one module stands. */
export interface ModuleSite {
  /** The module's own path, below its layer's. */
  readonly path: string;
  /** The LayerNorm whose output it reads, or the layer whose input it reads. */
  readonly reads: string;
  /** The LayerNorm whose output its update is added to. */
  readonly joins: string;
}

/**
 * Lists where an adapter's modules stand.
 *
 * @param config The adapter's config.
 * @param architecture That of its base.
 * @returns One entry a module, relative to the encoder.
 */
export function moduleSites(
  config: Pick<AdapterConfig, "baseModelType" | "numHiddenLayers" | "placement">,
  { adapterPath, layerPaths }: Architecture,
): ModuleSite[] {
  const { reads, joins } = PLACEMENTS[config.placement];
  const layerPath = adapterPath.slice(0, adapterPath.lastIndexOf("."));
  const { attentionNorm, outputNorm } = layerPaths;
  return Array.from({ length: moduleCount(config) }, (_, layer) => ({
    path: fillLayer(adapterPath, layer),
    reads: fillLayer(reads === "input" ? layerPath : attentionNorm, layer),
    joins: fillLayer(joins === "output" ? outputNorm : attentionNorm, layer),
  }));
}
