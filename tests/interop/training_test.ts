// Our training beside PyTorch's, step by step on the same rows of a real encoder.

import { assert } from "@std/assert";
import { openCheckpoint, readFloats, type TensorEntry } from "../../lib/checkpoint/open.ts";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { parseDataset } from "../../lib/text/dataset.ts";
import { labelIndices } from "../../lib/text/labels.ts";
import { findTask } from "../../lib/text/tasks.ts";
import { createTokenizer } from "../../lib/text/tokenizer.ts";
import { batchesOfEpoch } from "../../lib/train/batches.ts";
import { AdamW, clipGradients, type Parameter } from "../../lib/train/optimizer.ts";
import { learningRateAt } from "../../lib/train/schedule.ts";
import { GradientComputer, type LabelledEncodings, pick } from "../../lib/train/step.ts";
import { sharedPath } from "../_shared.ts";
import { openParts, PLAIN } from "../train/_parts.ts";
import { askPython } from "./_python.ts";

const STEPS = 20;
const BATCH = 16;
const SCHEDULE = { learningRate: 1e-3, schedule: "linear", warmup: 0.06, steps: STEPS } as const;
const WEIGHT_DECAY = 0.01;

/**
 * How far a gradient may be off, relative to its tensor's norm: PyTorch's own in F32 are off from
 * those in F64 by up to 2.3e-5 here.
 */
const GRADIENT_TOLERANCE = 2e-5;

/** Rows for all steps, and which step takes which. */
async function readSteps(base: string, path: string): Promise<LabelledEncodings[]> {
  const task = findTask("sst2");
  const text = await Deno.readTextFile(path);
  const rows = parseDataset(text, { path, task, requireLabel: true }).slice(0, STEPS * BATCH);
  const json = async (name: string) => JSON.parse(await Deno.readTextFile(`${base}/${name}.json`));
  const tokenizer = createTokenizer(await json("tokenizer"), await json("tokenizer_config"), base);
  const encodings = rows.map((row) => tokenizer.encode(row.text, undefined, 128));
  const targets = labelIndices(rows, ["0", "1"], { path, task });
  const lengths = encodings.map(({ ids }) => ids.length);
  return batchesOfEpoch({ lengths, batch: BATCH, seed: 0 }, 0).map((batch) => ({
    encodings: batch.map((row) => encodings[row]!),
    targets: pick(targets, batch),
  }));
}

/** The losses of PyTorch's steps; its first gradients are written to a file. */
async function runPeer(
  paths: { readonly base: string; readonly adapterFolder: string; readonly folder: string },
  steps: readonly LabelledEncodings[],
): Promise<number[]> {
  const job = {
    base: paths.base,
    adapter: `${paths.adapterFolder}/adapter_model.safetensors`,
    gradients: `${paths.folder}/gradients.safetensors`,
    batches: steps.map(({ encodings, targets }) =>
      encodings.map(({ ids, typeIds }, i) => {
        return { ids: [...ids], types: [...typeIds], label: targets[i] };
      })
    ),
    "learning_rates": steps.map((_, step) => learningRateAt(SCHEDULE, step)),
    "weight_decay": WEIGHT_DECAY,
    clip: 1,
  };
  return await askPython("training_peer.py", job) as number[];
}

/** Compares each tensor's gradient with the exact one, relative to its norm. */
async function checkGradients(
  parameters: readonly Parameter[],
  tensors: ReadonlyMap<string, TensorEntry>,
): Promise<void> {
  for (const { name, gradient } of parameters) {
    const exact = await readFloats(tensors.get(`exact.${name}`)!);
    const error = Math.hypot(...gradient.map((value, i) => value - exact[i]!));
    // The gradient of the key's bias is 0 but for rounding.
    const bound = name.endsWith("key.bias") ? 1e-6 : GRADIENT_TOLERANCE * Math.hypot(...exact);
    assert(error <= bound, `${name} is off by ${error}, expected at most ${bound}`);
  }
}

Deno.test("training follows PyTorch's on MiniLM, in gradients and losses", async () => {
  const base = sharedPath("models/all-minilm-l6-v2");
  const adapterFolder = sharedPath("goldens/sst2_h4/multi_head");
  const data = sharedPath("data/glue/SST-2/train.tsv");
  if (base === undefined || adapterFolder === undefined || data === undefined) return;
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const backend = new WasmBackend();
  try {
    const steps = await readSteps(base, data);
    const want = await runPeer({ base, adapterFolder, folder }, steps);
    using theirs = await openCheckpoint(`${folder}/gradients.safetensors`);
    const { parts, adapter } = await openParts(backend, base, adapterFolder);
    const computer = new GradientComputer(parts, adapter, PLAIN);
    const optimizer = new AdamW(adapter.parameters);
    for (const [step, rows] of steps.entries()) {
      const loss = await computer.run(rows, step);
      if (step === 0) await checkGradients(adapter.parameters, theirs.tensors);
      clipGradients(adapter.parameters.map(({ gradient }) => gradient), 1);
      const learningRate = learningRateAt(SCHEDULE, step);
      optimizer.step({ learningRate, weightDecay: WEIGHT_DECAY });
      const off = Math.abs(loss - want[step]!) / want[step]!;
      assert(off < 0.01, `step ${step + 1}: loss ${loss}, expected ${want[step]}`);
    }
  } finally {
    backend.destroy();
    await Deno.remove(folder, { recursive: true });
  }
});
