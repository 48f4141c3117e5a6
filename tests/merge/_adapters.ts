// Adapter folders for the tests of merging.

import type { AdapterConfig } from "../../lib/adapter/config.ts";
import { planAdapter } from "../../lib/adapter/plan.ts";
import { adapterTensors } from "../../lib/adapter/tensors.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import type { TensorStep } from "../../lib/checkpoint/plan.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import type { FloatDtype } from "../../lib/tensor/dtype.ts";
import { noise } from "../_noise.ts";

/** A small adapter's config: two layers of three heads of width 2. */
export function adapterConfig(changes: Partial<AdapterConfig> = {}): AdapterConfig {
  return {
    baseModelNameOrPath: "tiny",
    baseModelType: "bert",
    hiddenSize: 6,
    numHiddenLayers: 2,
    numHeads: 3,
    headDim: 2,
    combine: "sum",
    placement: "after_attention",
    layerNormEps: 1e-5,
    task: { type: "classification", labels: ["no", "yes"] },
    pooling: "first_token",
    baseModelSha256: null,
    tinygraftVersion: "0.0.0",
    extra: new Map(),
    ...changes,
  };
}

/** How {@linkcode writeAdapter} fills tensors. */
export interface AdapterValues {
  /** Dtype of every tensor; F32 by default. */
  readonly dtype?: FloatDtype;
  /** Changes a tensor's random values in place. */
  readonly edit?: (name: string, values: Float32Array) => void;
}

/** Writes an adapter of random values to `folder`, which must not be there yet. */
export async function writeAdapter(
  folder: string,
  config: AdapterConfig,
  { dtype = "F32", edit = () => {} }: AdapterValues = {},
): Promise<void> {
  const steps = adapterTensors(config, 2).map(({ name, shape }, i): TensorStep => {
    const values = noise(shape.reduce((a, b) => a * b, 1), { seed: 50 + i, scale: 0.5 });
    if (name.endsWith("norm.weight")) values.forEach((value, j) => values[j] = 1 + value);
    edit(name, values);
    const data = () => Promise.resolve(encodeFloats(values, dtype));
    return { kind: "data", name, shape, dtype, data, origin: "noise" };
  });
  await execute(planAdapter(config, steps, folder, []));
}

/** Runs `test` with the path of a folder that is removed afterwards. */
export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
