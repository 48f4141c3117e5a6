/**
 * The settings of a run: defaults filled in, and refused where they make no sense.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { TRAINING_DEFAULTS, type TrainingSettings, type TrainOptions } from "./options.ts";

/** What each number may be. */
const RANGES: Readonly<
  Partial<
    Record<keyof TrainingSettings, { readonly holds: (n: number) => boolean; readonly is: string }>
  >
> = {
  consistencyWeight: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  elasticity: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  epochs: { holds: (n) => n > 0 && n < Infinity, is: "a number above 0" },
  learningRate: { holds: (n) => n > 0 && n < Infinity, is: "a number above 0" },
  batch: { holds: (n) => Number.isSafeInteger(n) && n >= 1, is: "a whole number of at least 1" },
  weightDecay: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  warmup: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  dropout: { holds: (n) => n >= 0 && n < 1, is: "a number from 0 to below 1" },
  attentionDropout: { holds: (n) => n >= 0 && n < 1, is: "a number from 0 to below 1" },
  clip: { holds: (n) => n >= 0 && n < Infinity, is: "a number of at least 0" },
  labelSmoothing: { holds: (n) => n >= 0 && n < 1, is: "a number from 0 to below 1" },
  seed: {
    holds: (n) => Number.isInteger(n) && n >= 0 && n <= 0xffffffff,
    is: "a whole number from 0 to 2^32 - 1",
  },
};

/**
 * Fills in the defaults of what was not asked for.
 *
 * @param options What was asked for.
 * @returns Every setting.
 * @throws {UsageError} when a number is out of its range.
 */
export function trainingSettings(options: TrainOptions): TrainingSettings {
  const keys = Object.keys(TRAINING_DEFAULTS) as (keyof TrainingSettings)[];
  const defaults = { ...TRAINING_DEFAULTS, ...(options.head && { dropout: 0 }) };
  const settings = Object.fromEntries(
    keys.map((key) => [key, options[key] ?? defaults[key]]),
  ) as unknown as TrainingSettings;
  if (options.head !== undefined && settings.dropout !== 0) {
    throw new UsageError(
      `Cannot train: dropout is ${settings.dropout}, expected 0 for a cloze question: it drops ` +
        "inputs of a classifier that is trained, and the base's head is not",
    );
  }
  for (const key of keys) {
    const range = RANGES[key];
    if (range === undefined || range.holds(settings[key] as number)) continue;
    throw new UsageError(`Cannot train: ${key} is ${settings[key]}, expected ${range.is}`);
  }
  for (const key of ["evalEvery", "patience", "saveEvery", "limit"] as const) {
    const count = options[key];
    if (count === undefined || (Number.isSafeInteger(count) && count >= 1)) continue;
    throw new UsageError(`Cannot train: ${key} is ${count}, expected a whole number of at least 1`);
  }
  return settings;
}
