/**
 * Starting from copies of an adapter's heads, as the authors of tiny attention go from one head to
 * several.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import { adapterTensors } from "../adapter/tensors.ts";
import { UsageError } from "../errors.ts";
import { gaussians } from "../tensor/random.ts";
import type { CloneOptions } from "./options.ts";
import { randomFor } from "./random.ts";
import type { TensorValues } from "./trainable.ts";

/** Copies at most: more take more memory than any machine has. */
const MOST_COPIES = 1024;

/**
 * Copies all heads of every layer, with noise that lets training move the copies apart. Together
 * they add what the heads added before: outputs that are summed are divided by the number of copies.
 *
 * @param config The adapter's config.
 * @param arrays Its values by relative name, the classifier's among them where it has one; left
 * unchanged.
 * @param clone How many copies, and how far apart: the noise's standard deviation, on the weights of
 * query, key and value, of all copies but the first.
 * @param seed Seed of the noise, an integer in [0, 2^32).
 * @returns Config and values of the larger adapter; what is not of a head is shared, not copied.
 * @throws {UsageError} for fewer than two copies, or noise that is negative or not finite.
 * @see arXiv 2211.01979, whose public code clones a trained head with noise of 1e-6
 */
export function cloneHeads(
  config: AdapterConfig,
  arrays: TensorValues,
  { copies, noise }: CloneOptions,
  seed: number,
): [AdapterConfig, Map<string, Float32Array>] {
  checkClone({ copies, noise });
  const { numHeads, combine } = config;
  const larger = {
    ...config,
    numHeads: typeof numHeads === "number" ? copies * numHeads : numHeads.map((n) => copies * n),
  };
  const next = randomFor(seed, "clone", 0);
  const cloned = new Map(arrays);
  for (const { name, shape, template } of adapterTensors(config, 0)) {
    const values = arrays.get(name)!;
    if (template.headRows) {
      const deviation = shape.length > 1 ? noise : 0;
      cloned.set(name, repeatRows(values, copies, deviation, next));
    } else if (template.name === "output.weight") {
      const scale = combine === "sum" ? 1 / copies : 1;
      cloned.set(name, repeatColumns(values, shape[0]!, copies, scale));
    }
  }
  return [larger, cloned];
}

function checkClone({ copies, noise }: CloneOptions): void {
  if (!Number.isInteger(copies) || copies < 2 || copies > MOST_COPIES) {
    throw new UsageError(
      `Cannot clone heads: copies are ${copies}, expected 2 to ${MOST_COPIES}: give another number`,
    );
  }
  if (Number.isFinite(noise) && noise >= 0) return;
  throw new UsageError(
    `Cannot clone heads: the noise is ${noise}, expected 0 or a positive number: give another one`,
  );
}

function repeatRows(
  values: Float32Array,
  copies: number,
  deviation: number,
  next: () => number,
): Float32Array {
  const all = new Float32Array(copies * values.length);
  for (let copy = 0; copy < copies; copy++) all.set(values, copy * values.length);
  if (deviation === 0) return all;
  const noise = gaussians(all.length - values.length, next);
  for (const [i, each] of noise.entries()) all[values.length + i]! += deviation * each;
  return all;
}

/** `values` is `[rows, …]`, row-major. */
function repeatColumns(
  values: Float32Array,
  rows: number,
  copies: number,
  scale: number,
): Float32Array {
  const cols = values.length / rows;
  const all = new Float32Array(copies * values.length);
  for (let row = 0; row < rows; row++) {
    const scaled = values.subarray(row * cols, (row + 1) * cols).map((value) => scale * value);
    for (let copy = 0; copy < copies; copy++) all.set(scaled, (row * copies + copy) * cols);
  }
  return all;
}
