/**
 * The random choices of a run. Each step has generators of its own, made from seed, purpose and
 * number: a run that goes on from a saved state draws what the unbroken one would have drawn.
 *
 * @module
 */

import { KEY_BYTES } from "../compute/ops/attention/dropout.ts";
import type { PackedBatch } from "../runtime/batch.ts";
import { seededUint32 } from "../tensor/random.ts";

/** What random numbers are drawn for. */
export type RandomPurpose = "limit" | "order" | "dropout" | "heads" | "attention" | "clone";

/** A number for each purpose, part of what a seed means. */
const PURPOSES: Readonly<Record<RandomPurpose, number>> = {
  limit: 1,
  order: 2,
  dropout: 3,
  heads: 4,
  attention: 5,
  clone: 6,
};

/** Gives uniform integers in [0, 2^32). */
export type NextUint32 = () => number;

/**
 * Makes the generator of one purpose of one step or epoch.
 *
 * @param seed The run's seed, an integer in [0, 2^32).
 * @param purpose What the numbers are for.
 * @param index The step or epoch, from 0.
 * @returns The generator.
 */
export function randomFor(seed: number, purpose: RandomPurpose, index: number): NextUint32 {
  return seededUint32(startOf(seed, purpose, index));
}

function startOf(seed: number, purpose: RandomPurpose, index: number): number {
  return mix(mix(mix(seed) ^ PURPOSES[purpose]) ^ index);
}

/** Whose attention's dropout keys are made for. */
export interface DropoutPlace {
  /** The run's seed, an integer in [0, 2^32). */
  readonly seed: number;
  /** The step, from 0. */
  readonly step: number;
  /** The pass of the step, from 0. */
  readonly pass: number;
  /** The layer, from 0. */
  readonly layer: number;
}

/**
 * Makes the keys that dropout of attention follows from: a token's depends on its place in the run,
 * on its row of the step and its position there, not on what else is in the batch.
 *
 * @param place Seed, step, pass and layer.
 * @param batch Which rows of the step a batch holds, and the position of each token in its row.
 * @returns f32 [tokens, 4]: the four bytes of each key, the lowest first.
 */
export function dropoutKeys(
  { seed, step, pass, layer }: DropoutPlace,
  { indices, starts, positions }: Pick<PackedBatch, "indices" | "starts" | "positions">,
): Float32Array<ArrayBuffer> {
  const start = mix(mix(startOf(seed, "attention", step) ^ pass) ^ layer);
  const keys = new Float32Array(KEY_BYTES * positions.length);
  for (const [i, row] of indices.entries()) {
    const ofRow = mix(start ^ row);
    for (let token = starts[i]!; token < starts[i + 1]!; token++) {
      const key = mix(ofRow ^ positions[token]!);
      for (let byte = 0; byte < KEY_BYTES; byte++) {
        keys[KEY_BYTES * token + byte] = (key >>> (8 * byte)) & 0xff;
      }
    }
  }
  return keys;
}

/** Spreads every bit over all others: the last step of MurmurHash3 by A. Appleby, public domain. */
function mix(value: number): number {
  let h = (value + 0x9e3779b9) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Draws a whole number.
 *
 * @param next Where randomness comes from.
 * @param count How many numbers there are to choose from; at least 1.
 * @returns A number in [0, count).
 */
export function drawIndex(next: NextUint32, count: number): number {
  return Math.floor((next() / 2 ** 32) * count);
}

/**
 * Brings items into a random order.
 *
 * @param items The items; left unchanged.
 * @param next Where randomness comes from.
 * @returns The same items in a new array, every order being as likely (Fisher and Yates).
 */
export function shuffle<T>(items: readonly T[], next: NextUint32): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = drawIndex(next, i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}

/**
 * Draws factors of dropout: 0 with the given probability, else what keeps the mean at 1.
 *
 * @param length How many, in elements.
 * @param probability Share of zeros, in [0, 1).
 * @param next Where randomness comes from.
 * @returns The factors; all 1 where the probability is 0.
 */
export function dropoutFactors(
  length: number,
  probability: number,
  next: NextUint32,
): Float64Array<ArrayBuffer> {
  const factors = new Float64Array(length).fill(1);
  if (probability === 0) return factors;
  const threshold = probability * 2 ** 32;
  for (let i = 0; i < length; i++) factors[i] = next() < threshold ? 0 : 1 / (1 - probability);
  return factors;
}
