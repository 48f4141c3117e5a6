/**
 * The learning rate over the steps of a run.
 *
 * @module
 */

import type { Schedule } from "./options.ts";

/** The shape of a run's learning rate. */
export interface ScheduleOptions {
  /** The highest learning rate. */
  readonly learningRate: number;
  /** How it falls after the warm-up. */
  readonly schedule: Schedule;
  /** Steps of the warm-up: below 1 a fraction of all steps, else their number. */
  readonly warmup: number;
  /** Steps of the whole run. */
  readonly steps: number;
}

/**
 * Gives the learning rate of a step: rising by equal amounts to the highest one over the warm-up,
 * then falling to 0 at the end of the run (in a straight line or half a cosine) or staying.
 *
 * @param options The schedule.
 * @param step The step, from 0.
 * @returns The learning rate, as transformers' schedules of the same names have it, but for the
 * warm-up, whose first step has the rate of one step and not 0.
 *
 * @example Two steps of warm-up, two of falling
 * ```ts
 * import { learningRateAt } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { learningRate: 8, schedule: "linear", warmup: 2, steps: 4 } as const;
 * assertEquals([0, 1, 2, 3].map((step) => learningRateAt(options, step)), [4, 8, 8, 4]);
 * ```
 */
export function learningRateAt(
  { learningRate, schedule, warmup, steps }: ScheduleOptions,
  step: number,
): number {
  const rising = Math.floor(warmup < 1 ? warmup * steps : warmup);
  if (step < rising) return learningRate * (step + 1) / rising;
  const done = (step - rising) / Math.max(1, steps - rising);
  switch (schedule) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * Math.max(0, 1 - done);
    case "cosine":
      return learningRate * (1 + Math.cos(Math.PI * Math.min(1, done))) / 2;
  }
}
