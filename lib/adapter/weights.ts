/**
 * Opening whatever holds tensors: checkpoints and adapter folders alike.
 *
 * @module
 */

import { type Checkpoint, openCheckpoint } from "../checkpoint/open.ts";
import type { PlaceOptions } from "../checkpoint/place.ts";
import { ADAPTER_WEIGHTS, findAdapterFolder } from "./open.ts";

/**
 * Opens the safetensors files of a checkpoint or of an adapter folder, without reading what they
 * are for: an adapter's config may be of any kind.
 *
 * @param location A file or a folder: a path or an address.
 * @param options How servers are reached.
 * @returns The open files as a checkpoint; the caller disposes it.
 * @throws {TinygraftError} the codes of `openCheckpoint`.
 */
export async function openWeights(
  location: string,
  options: PlaceOptions = {},
): Promise<Checkpoint> {
  const isAdapter = await findAdapterFolder(location, options) !== undefined;
  return await openCheckpoint(
    location,
    isAdapter ? { ...options, weights: ADAPTER_WEIGHTS } : options,
  );
}
