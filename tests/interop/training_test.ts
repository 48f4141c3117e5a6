// Our training beside PyTorch's, step by step on the same rows.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
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
import { runCaptured } from "../_io.ts";
import { sharedPath } from "../_shared.ts";
import { openParts, PLAIN } from "../train/_parts.ts";
import { askPython } from "./_python.ts";

const SCHEDULE = { schedule: "linear", warmup: 0.06 } as const;
const WEIGHT_DECAY = 0.01;
const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));

/** What both train, and on what. */
interface Course {
  readonly base: string;
  readonly adapterFolder: string;
  readonly data: string;
  /** The preset whose columns the rows have; their names are those of the shipped data otherwise. */
  readonly task?: string;
  readonly labels: readonly string[];
  readonly steps: number;
  /** Rows of a step. */
  readonly batch: number;
  /** Threads of PyTorch: more than one hold a little model up. */
  readonly threads: number;
  /** The highest rate. */
  readonly learningRate: number;
}

/**
 * How far a gradient may be off, relative to its tensor's norm: PyTorch's own in F32 are off from
 * those in F64 by up to 2.3e-5 here.
 */
const GRADIENT_TOLERANCE = 2e-5;

/** Rows for all steps, and which step takes which. */
async function readSteps({ base, data: path, task: name, labels, steps, batch: size }: Course) {
  const task = name === undefined ? undefined : findTask(name);
  const options = { path, requireLabel: true, ...(task && { task }) };
  const rows = parseDataset(await Deno.readTextFile(path), options).slice(0, steps * size);
  const json = async (name: string) => JSON.parse(await Deno.readTextFile(`${base}/${name}.json`));
  const tokenizer = createTokenizer(await json("tokenizer"), await json("tokenizer_config"), base);
  const encodings = rows.map((row) => tokenizer.encode(row.text, undefined, 128));
  const targets = labelIndices(rows, labels, { path, task });
  const lengths = encodings.map(({ ids }) => ids.length);
  return batchesOfEpoch({ lengths, batch: size, seed: 0 }, 0).map((batch) => ({
    encodings: batch.map((row) => encodings[row]!),
    targets: pick(targets, batch),
  }));
}

/** The losses of PyTorch's steps; its first gradients are written to a file. */
async function runPeer(
  { base, adapterFolder, threads }: Course,
  folder: string,
  steps: readonly LabelledEncodings[],
  rates: readonly number[],
): Promise<number[]> {
  const job = {
    base,
    adapter: `${adapterFolder}/adapter_model.safetensors`,
    gradients: `${folder}/gradients.safetensors`,
    batches: steps.map(({ encodings, targets }) =>
      encodings.map(({ ids, typeIds }, i) => {
        return { ids: [...ids], types: [...typeIds], label: targets[i] };
      })
    ),
    "learning_rates": rates,
    "weight_decay": WEIGHT_DECAY,
    clip: 1,
    threads,
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

/** Takes all steps with both and compares the losses, within 1 %; gives PyTorch's. */
async function follow(
  course: Course,
  checkFirst?: typeof checkGradients,
): Promise<readonly number[]> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const backend = new WasmBackend();
  try {
    const steps = await readSteps(course);
    const schedule = { ...SCHEDULE, learningRate: course.learningRate, steps: steps.length };
    const rates = steps.map((_, step) => learningRateAt(schedule, step));
    const want = await runPeer(course, folder, steps, rates);
    const { parts, adapter } = await openParts(backend, course.base, course.adapterFolder);
    const computer = new GradientComputer(parts, adapter, PLAIN);
    const optimizer = new AdamW(adapter.parameters);
    for (const [step, rows] of steps.entries()) {
      const loss = await computer.run(rows, step);
      if (step === 0) {
        using theirs = await openCheckpoint(`${folder}/gradients.safetensors`);
        await checkFirst?.(adapter.parameters, theirs.tensors);
      }
      clipGradients(adapter.parameters.map(({ gradient }) => gradient), 1);
      optimizer.step({ learningRate: rates[step]!, weightDecay: WEIGHT_DECAY });
      const off = Math.abs(loss - want[step]!) / want[step]!;
      assert(off < 0.01, `step ${step + 1}: loss ${loss}, expected ${want[step]}`);
    }
    return want;
  } finally {
    backend.destroy();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("training follows PyTorch's on MiniLM, in gradients and losses", async () => {
  const base = sharedPath("models/all-minilm-l6-v2");
  const adapterFolder = sharedPath("goldens/sst2_h4/multi_head");
  const data = sharedPath("data/glue/SST-2/train.tsv");
  if (base === undefined || adapterFolder === undefined || data === undefined) return;
  const course = {
    base,
    adapterFolder,
    data,
    task: "sst2",
    labels: ["0", "1"],
    steps: 20,
    batch: 16,
    threads: 2,
    learningRate: 1e-3,
  };
  await follow(course, checkGradients);
});

Deno.test("200 steps from a new adapter on follow PyTorch's loss within 1 %", async () => {
  const labels = ["delivery", "return", "cancel", "change", "defect", "invoice"];
  const start = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const adapterFolder = `${start}/new`;
  const base = `${MINI}encoder`;
  const argv = ["init", base, adapterFolder, "--labels", labels.join(","), "--seed", "3"];
  assertEquals((await runCaptured(argv)).code, 0);
  const course = {
    base,
    adapterFolder,
    data: `${MINI}data/train.tsv`,
    labels,
    steps: 200,
    batch: 4,
    threads: 1,
    learningRate: 3e-3,
  };
  const losses = await follow(course);
  const meanOf = (some: readonly number[]) => some.reduce((sum, loss) => sum + loss, 0) / 20;
  assert(meanOf(losses.slice(-20)) < 0.8 * meanOf(losses.slice(0, 20)), "nothing was learnt");
  await Deno.remove(start, { recursive: true });
});
