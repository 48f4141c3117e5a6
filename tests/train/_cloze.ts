// A base with an adapter below its own frozen head for masked tokens, ready to be trained.

import { openAdapter } from "../../lib/adapter/open.ts";
import { readFloats } from "../../lib/checkpoint/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import type { Backend } from "../../lib/compute/backend.ts";
import { EncoderLayers } from "../../lib/runtime/layers.ts";
import { loadEncoder } from "../../lib/runtime/load.ts";
import { loadTransposed } from "../../lib/runtime/transposed.ts";
import { frozenHead } from "../../lib/train/output_head.ts";
import type { ClozeLoss } from "../../lib/train/options.ts";
import { loadFrozenHead } from "../../lib/train/setup.ts";
import { GradientComputer, passesOf, type StepSettings } from "../../lib/train/step.ts";
import { TrainableAdapter } from "../../lib/train/trainable.ts";
import { FOLDER } from "../runtime/_architectures.ts";
import { randomEncodings } from "../runtime/_encoder.ts";
import { PLAIN } from "./_parts.ts";

/** Tokens whose logits are the outputs. */
const WORDS = [7, 42, 19];

/** Rows of a step, each read somewhere in its middle. */
export const CLOZE_ROWS = {
  encodings: randomEncodings([5, 1, 8, 3, 9], 30).map((row) => ({
    ...row,
    selected: Math.floor(row.ids.length / 2),
  })),
  targets: Uint32Array.of(0, 1, 2, 0, 1),
};

/** Opens one of the little models of fixtures/architectures. */
export async function openCloze(
  backend: Backend,
  name: string,
  { loss, ...changed }: Partial<StepSettings> & { readonly loss?: ClozeLoss } = {},
): Promise<{ adapter: TrainableAdapter; run: () => Promise<number> }> {
  const settings = { ...PLAIN, ...changed };
  using base = await openModel(`${FOLDER}${name}`);
  using source = await openAdapter(`${FOLDER}${name}/adapter`);
  const { checkpoint, model } = base;
  const weights = await loadEncoder(checkpoint, model, backend);
  const transposed = await loadTransposed(checkpoint, model, backend);
  const arrays = new Map<string, Float32Array>();
  for (const [tensor, entry] of source.tensors) arrays.set(tensor, await readFloats(entry));
  const adapter = new TrainableAdapter(source.config, arrays, { numLabels: 0, decayAll: false });
  const all = Array.from({ length: model.config.vocabSize }, (_, id) => id);
  const tokens = loss === "vocabulary" ? all : WORDS;
  const { layerNormEps } = weights.config;
  const passes = passesOf(settings);
  const head = await loadFrozenHead(base, backend, tokens, { layerNormEps, passes });
  const parts = { backend, weights, transposed, layers: new EncoderLayers(backend, weights) };
  const computer = new GradientComputer(parts, adapter, settings, frozenHead(head, WORDS.length));
  return { adapter, run: () => computer.run(CLOZE_ROWS, 1) };
}
