// A tiny encoder on the reference backend with text for it, for the tests of calibration.

import { openModel } from "../../lib/checkpoint/open_model.ts";
import { openBackend } from "../../lib/compute/open.ts";
import type { CalibrationText } from "../../lib/calibrate/text_run.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
import { loadEncoder } from "../../lib/runtime/load.ts";
import { seededRandom } from "../_noise.ts";
import { TINY_VOCABULARY, writeTinyBert } from "../_tiny_model.ts";
import { type ModuleSizes, randomModule } from "../merge/_modules.ts";

/** Hidden size of the encoder. */
export const HIDDEN = 16;

/** Token sequences of the given lengths. */
export function sequences(lengths: readonly number[], seed = 5) {
  const random = seededRandom(seed);
  return lengths.map((length) => ({
    ids: Uint32Array.from({ length }, () => Math.floor(random() * TINY_VOCABULARY.length)),
    typeIds: new Uint32Array(length),
  }));
}

/** Lengths of a text that takes several batches of 32 tokens. */
export const LENGTHS = [5, 9, 1, 12, 7, 3, 8, 11, 4, 6, 10, 2];

/** Runs a test with text for a random encoder of `layers` layers. */
export async function withText(
  test: (text: CalibrationText) => Promise<void>,
  { layers = 2, lengths = LENGTHS, maxTokens = 32 } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const backend = await openBackend("reference", { maxTokens });
  try {
    await writeTinyBert(folder, { layers, hidden: HIDDEN, heads: 2, intermediate: 32 });
    using base = await openModel(folder);
    const weights = await loadEncoder(base.checkpoint, base.model, backend);
    await test({ backend, weights, encodings: sequences(lengths) });
  } finally {
    backend.destroy();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Random modules for the encoder, one a layer. */
export function modulesFor(
  layers: number,
  sizes: Partial<ModuleSizes> = {},
  seed = 1,
): LayerModule[] {
  const full = {
    hiddenSize: HIDDEN,
    numHeads: 4,
    headDim: 1,
    combine: "sum",
    ...sizes,
  } as const;
  return Array.from({ length: layers }, (_, layer) => randomModule(full, 10 * seed + layer));
}
