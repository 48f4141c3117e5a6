/**
 * The rows of each step.
 *
 * @module
 */

import { randomFor, shuffle } from "./random.ts";

/** Steps whose rows are sorted by length together: rows of a step then have similar lengths. */
const STEPS_SORTED_TOGETHER = 50;

/** How rows are dealt out to steps. */
export interface BatchOrder {
  /** Tokens of each row. */
  readonly lengths: ArrayLike<number>;
  /** Rows of a step. */
  readonly batch: number;
  /** The run's seed. */
  readonly seed: number;
}

/**
 * Counts the steps of one pass over the rows.
 *
 * @param rows How many rows there are.
 * @param batch Rows of a step; the last step of a pass may have fewer.
 * @returns The count.
 */
export function stepsPerEpoch(rows: number, batch: number): number {
  return Math.ceil(rows / batch);
}

/**
 * Counts the steps of a run.
 *
 * @param rows How many rows there are.
 * @param settings Passes over them, and rows of a step.
 * @returns The count, 1 at least; a part of a pass is rounded to whole steps.
 */
export function stepsOfRun(
  rows: number,
  { epochs, batch }: { readonly epochs: number; readonly batch: number },
): number {
  return Math.max(1, Math.round(epochs * stepsPerEpoch(rows, batch)));
}

/**
 * Deals out the rows of one pass over all of them. They are shuffled, sorted by length within
 * chunks of 50 steps, cut into steps, and the steps are shuffled: a step's rows have similar
 * lengths, and the order still differs from pass to pass.
 *
 * @param order Lengths, rows of a step and seed.
 * @param epoch The pass, from 0.
 * @returns The rows of each step; every row stands in one.
 */
export function batchesOfEpoch(
  { lengths, batch, seed }: BatchOrder,
  epoch: number,
): number[][] {
  const next = randomFor(seed, "order", epoch);
  const rows = shuffle(Array.from(lengths, (_, row) => row), next);
  const batches: number[][] = [];
  for (let begin = 0; begin < rows.length; begin += STEPS_SORTED_TOGETHER * batch) {
    const chunk = rows.slice(begin, begin + STEPS_SORTED_TOGETHER * batch);
    chunk.sort((a, b) => lengths[a]! - lengths[b]!); // stable: equal lengths stay shuffled
    for (let i = 0; i < chunk.length; i += batch) batches.push(chunk.slice(i, i + batch));
  }
  return shuffle(batches, next);
}
