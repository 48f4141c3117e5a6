// Opens a tiny base with its adapter on a backend, for tests of the forward pass.

import { openAdapter } from "../../lib/adapter/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import type { Backend } from "../../lib/compute/backend.ts";
import { Encoder } from "../../lib/runtime/encoder.ts";
import { loadAdapter, loadEncoder } from "../../lib/runtime/load.ts";
import { seededRandom } from "../_noise.ts";

/** An encoder with the adapters, or only their classifiers, as variants. */
export async function openEncoder(
  backend: Backend,
  base: string,
  adapters: readonly { readonly location: string; readonly classifierOnly?: boolean }[],
): Promise<Encoder> {
  using opened = await openModel(base);
  const weights = await loadEncoder(opened.checkpoint, opened.model, backend);
  const variants = [];
  for (const { location, classifierOnly = false } of adapters) {
    using adapter = await openAdapter(location);
    variants.push(await loadAdapter(adapter, backend, { classifierOnly }));
  }
  return new Encoder(backend, weights, variants);
}

/** Token sequences of the given lengths with seeded ids below `vocab`. */
export function randomEncodings(lengths: readonly number[], vocab: number) {
  const random = seededRandom(5);
  return lengths.map((length) => ({
    ids: Uint32Array.from({ length }, () => Math.floor(random() * vocab)),
    typeIds: Uint32Array.from({ length }, (_, i) => (2 * i < length ? 0 : 1)),
  }));
}
