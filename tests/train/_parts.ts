// A base with an adapter on a backend, ready to be trained step by step.

import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import type { Placement } from "../../lib/adapter/placement.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { readTextFile } from "../../lib/checkpoint/sources.ts";
import type { Backend } from "../../lib/compute/backend.ts";
import { EncoderLayers } from "../../lib/runtime/layers.ts";
import { loadEncoder } from "../../lib/runtime/load.ts";
import { loadTransposed } from "../../lib/runtime/transposed.ts";
import { parseDataset } from "../../lib/text/dataset.ts";
import { labelIndices } from "../../lib/text/labels.ts";
import { createTokenizer } from "../../lib/text/tokenizer.ts";
import type { Recipe } from "../../lib/train/options.ts";
import { drawIndex, randomFor } from "../../lib/train/random.ts";
import {
  type EncoderParts,
  GradientComputer,
  type LabelledEncodings,
  type StepSettings,
} from "../../lib/train/step.ts";
import { TrainableAdapter } from "../../lib/train/trainable.ts";
import { assertClose } from "../_close.ts";
import { readValues } from "../_values.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));

/** A step's settings without anything random. */
export const PLAIN: StepSettings = {
  recipe: "plain",
  consistency: "kl",
  consistencyWeight: 1,
  dropout: 0,
  attentionDropout: 0,
  labelSmoothing: 0,
  seed: 0,
};

/** Loads a base and an adapter for training. */
export async function openParts(
  backend: Backend,
  base: string,
  adapterFolder: string,
  placement?: Placement,
): Promise<{ parts: EncoderParts; adapter: TrainableAdapter }> {
  using opened = await openModel(base);
  using adapter = await openAdapter(adapterFolder);
  const weights = await loadEncoder(opened.checkpoint, opened.model, backend);
  const transposed = await loadTransposed(opened.checkpoint, opened.model, backend);
  const layers = new EncoderLayers(backend, weights);
  const arrays = await readValues(adapter);
  const { numLabels, config: { placement: own } } = adapter;
  const config = { ...adapter.config, placement: placement ?? own };
  return {
    parts: { backend, weights, transposed, layers },
    adapter: new TrainableAdapter(config, arrays, { numLabels, decayAll: false }),
  };
}

/** What PyTorch computes: `fixtures/make/training.py`. */
export async function openExpected(): Promise<{
  tensors: ReadonlyMap<string, Float32Array>;
  losses: { plain: number; mergeable: number };
}> {
  using file = await openCheckpoint(`${MINI}expected_training.safetensors`);
  const tensors = await readValues(file);
  const loss = (name: string) => Number(file.metadata.get(`${name}_loss`));
  return { tensors, losses: { plain: loss("plain"), mergeable: loss("mergeable") } };
}

/** The first rows of the shipped development set, as the shipped adapter's classifier counts. */
export async function readMiniRows(count: number): Promise<LabelledEncodings> {
  using adapter = await openAdapter(`${MINI}adapter`);
  const path = `${MINI}data/dev.tsv`;
  const text = await readTextFile(path);
  const rows = parseDataset(text, { path, requireLabel: true }).slice(0, count);
  const json = async (name: string) =>
    JSON.parse(await Deno.readTextFile(`${MINI}encoder/${name}.json`));
  const tokenizer = createTokenizer(await json("tokenizer"), await json("tokenizer_config"), MINI);
  return {
    encodings: rows.map((row) => tokenizer.encode(row.text, undefined, 128)),
    targets: labelIndices(rows, adapter.config.task.labels!, { path }),
  };
}

/**
 * Compares one step's loss and gradients with PyTorch's, each gradient relative to its tensor's
 * norm. The key's bias has a gradient of 0 but for rounding: it must be next to nothing.
 */
export async function checkPytorch(
  backend: Backend,
  recipe: Recipe,
  tolerance: number,
): Promise<TrainableAdapter> {
  const { tensors, losses } = await openExpected();
  const { parts, adapter } = await openParts(backend, `${MINI}encoder`, `${MINI}adapter`);
  const computer = new GradientComputer(parts, adapter, { ...PLAIN, recipe });
  const loss = await computer.run(await readMiniRows(16), stepThatDraws(3, 1));
  assertClose([loss], [losses[recipe]], { atol: 0, rtol: tolerance }, "loss");
  const total = Math.hypot(...adapter.parameters.map(({ gradient }) => Math.hypot(...gradient)));
  for (const { name, gradient } of adapter.parameters) {
    const want = tensors.get(`${recipe}.gradient.${name}`)!;
    const difference = Math.hypot(...gradient.map((value, i) => value - want[i]!));
    const size = name.endsWith("key.bias") ? total : Math.hypot(...want);
    assert(difference <= tolerance * size, `${name} is off by ${difference / size} of its norm`);
  }
  return adapter;
}

/** A step of seed 0 whose two passes draw these heads of four. */
function stepThatDraws(...heads: [number, number]): number {
  for (let step = 0; step < 1000; step++) {
    const next = randomFor(0, "heads", step);
    if (drawIndex(next, 4) === heads[0] && drawIndex(next, 4) === heads[1]) return step;
  }
  throw new RangeError(`Cannot find a step that draws ${heads}`);
}
