import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { AdamW } from "../../lib/train/optimizer.ts";
import {
  hasState,
  loadState,
  type Progress,
  removeState,
  saveState,
  statePath,
} from "../../lib/train/state.ts";
import { TrainableAdapter } from "../../lib/train/trainable.ts";
import { noise } from "../_noise.ts";
import { readValues } from "../_values.ts";

const ADAPTER = fromFileUrl(new URL("../../fixtures/mini/adapter", import.meta.url));
const FINGERPRINT = { seed: 1, labels: ["a", "b"], patience: undefined };

async function openTrainable(): Promise<TrainableAdapter> {
  using adapter = await openAdapter(ADAPTER);
  const arrays = await readValues(adapter);
  const { numLabels, config } = adapter;
  return new TrainableAdapter(config, arrays, { numLabels, decayAll: false });
}

async function withFolder(body: (output: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    await body(`${folder}/out`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("loadState() puts back every bit of what saveState() saved", () =>
  withFolder(async (output) => {
    const [adapter, other] = [await openTrainable(), await openTrainable()];
    const [optimizer, fresh] = [new AdamW(adapter.parameters), new AdamW(other.parameters)];
    const best = adapter.values();
    for (const [i, { gradient }] of adapter.parameters.entries()) {
      gradient.set(noise(gradient.length, { seed: i + 1 }));
    }
    optimizer.step({ learningRate: 0.1, weightDecay: 0.01 });
    const progress: Progress = {
      steps: [{ loss: 0.1 + 0.2, learningRate: 1 / 3, gradientNorm: 7 }],
      evaluations: [{ step: 1, epoch: 0.5, loss: 2, metrics: { accuracy: 0.1 }, best: true }],
      best,
    };
    assertEquals(hasState(output), false);
    await saveState(output, adapter, optimizer, progress, FINGERPRINT);
    await saveState(output, adapter, optimizer, progress, FINGERPRINT); // takes the old one's place
    assertEquals(await loadState(output, other, fresh, FINGERPRINT), progress);
    assertEquals(fresh.moments, optimizer.moments);
    assertEquals(fresh.steps, 1);
    assertEquals(other.values(), adapter.values());
    removeState(output);
    assertEquals(hasState(output), false);
  }));

Deno.test("loadState() puts back a run that has not begun", () =>
  withFolder(async (output) => {
    const adapter = await openTrainable();
    const optimizer = new AdamW(adapter.parameters);
    const nothing = { steps: [], evaluations: [], best: undefined };
    await saveState(output, adapter, optimizer, nothing, FINGERPRINT);
    assertEquals(await loadState(output, adapter, optimizer, FINGERPRINT), nothing);
  }));

Deno.test("loadState() refuses a state of another run, and a file of another kind", () =>
  withFolder(async (output) => {
    const adapter = await openTrainable();
    const optimizer = new AdamW(adapter.parameters);
    const nothing = { steps: [], evaluations: [], best: undefined };
    await saveState(output, adapter, optimizer, nothing, FINGERPRINT);
    const load = (fingerprint: object) => () =>
      loadState(output, adapter, optimizer, { ...FINGERPRINT, ...fingerprint });
    const cases = [
      [{ seed: 2 }, "made with seed 1, expected 2 as asked for now"],
      [{ patience: 3 }, "made with patience none, expected 3"],
      [{ labels: ["b", "a"] }, 'made with labels ["a","b"], expected ["b","a"]'],
    ] as const;
    for (const [fingerprint, message] of cases) {
      const error = await assertRejects(load(fingerprint), TinygraftError, message);
      assertEquals([error.code, error.path], ["state-mismatch", statePath(output)]);
    }
    await Deno.copyFile(`${ADAPTER}/adapter_model.safetensors`, statePath(output));
    const error = await assertRejects(load({}), TinygraftError, "has no entry");
    assert(error.code === "state-mismatch");
  }));
