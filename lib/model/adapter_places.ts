/**
 * Where a base of each type carries its tiny-attention modules: all that naming an adapter's
 * tensors takes. It is known for more types than the runtime has an architecture of.
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { ARCHITECTURES } from "./registry.ts";

/** What names an adapter's tensors needs to know of a base's type. */
export type AdapterPlace = Pick<Architecture, "modelType" | "prefixes" | "adapterPath">;

/** The types without an architecture of their own; a type moves there with its tables. */
const OTHER_PLACES: readonly AdapterPlace[] = [
  { modelType: "gpt2", prefixes: ["", "transformer."], adapterPath: "h.{layer}.tiny_attn" },
  { modelType: "conformer", prefixes: ["", "encoder."], adapterPath: "layers.{layer}.tiny_attn" },
];

/**
 * Lists where the bases of all known types carry their modules.
 *
 * @returns One entry a type: the architectures first, then the types that can only be named.
 */
export function adapterPlaces(): readonly AdapterPlace[] {
  const known = new Set(ARCHITECTURES.map(({ modelType }) => modelType));
  return [...ARCHITECTURES, ...OTHER_PLACES.filter(({ modelType }) => !known.has(modelType))];
}

/**
 * Finds where a base carries its modules.
 *
 * @param modelType The value of `model_type` in the base's config.json.
 * @returns The place, or undefined where the type is not known.
 */
export function findAdapterPlace(modelType: string): AdapterPlace | undefined {
  return adapterPlaces().find((place) => place.modelType === modelType);
}

/**
 * Lists the types of bases that an adapter may be for, for messages.
 *
 * @returns The names, quoted and joined by commas.
 */
export function adapterModelTypes(): string {
  return adapterPlaces().map(({ modelType }) => `"${modelType}"`).join(", ");
}

/**
 * Counts the modules that an adapter stores: one a layer, or a single one where all layers of the
 * base share their weights, as in ALBERT.
 *
 * @param modelType The type of the base.
 * @param numHiddenLayers Layers of the base.
 * @returns The count, from 1 to `numHiddenLayers`; that of layers for a type that is not known.
 */
export function countModules(modelType: string, numHiddenLayers: number): number {
  const place = findAdapterPlace(modelType);
  return place === undefined || place.adapterPath.includes("{layer}") ? numHiddenLayers : 1;
}
