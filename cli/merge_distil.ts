/**
 * What `merge` has for distillation: its flags, and how it says what was done.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { DistilRecord } from "../lib/train/distil.ts";
import type { Flag, FlagValues } from "./flags.ts";
import { formatCountOf, formatSeconds } from "./format.ts";

/** How far distillation goes beyond the closed form. */
export const DISTIL_FLAGS: readonly Flag[] = [
  {
    name: "distil-steps",
    kind: "integer",
    min: 0,
    default: 0,
    help: "with distil: training steps after the fit, of 32 rows each",
  },
  {
    name: "seed",
    kind: "integer",
    min: 0,
    max: 0xffffffff,
    default: 0,
    help: "with --distil-steps: seed of the order of rows",
  },
];

/** What was asked of distillation. */
export interface DistilRequest {
  /** Steps, at least one. */
  readonly steps: number;
  /** Seed of the order of rows. */
  readonly seed: number;
}

/**
 * Reads the flags of this table.
 *
 * @param flags The call's flags, `--method` and `--precision` among them.
 * @returns What to do; `undefined` where the closed form is all.
 * @throws {UsageError} for steps of another method or in f16, and for a seed without steps.
 */
export function distilRequest(flags: FlagValues): DistilRequest | undefined {
  const steps = flags.number("distil-steps") ?? 0;
  const method = flags.required("method");
  if (steps === 0) {
    if (!flags.given("seed")) return undefined;
    throw new UsageError(
      "Cannot use --seed here: nothing is drawn, expected --distil-steps with it: give both, or " +
        "neither",
    );
  }
  if (method !== "distil") {
    throw new UsageError(
      `Cannot use --distil-steps with --method ${method}: only distil trains, expected --method ` +
        "distil with it: give both, or neither",
    );
  }
  if (flags.string("precision") === "f16") {
    throw new UsageError(
      "Cannot use --distil-steps in f16: small gradients would be lost, expected f32: leave out " +
        "--precision",
    );
  }
  return { steps, seed: flags.number("seed") ?? 0 };
}

/**
 * Says how a merge was distilled.
 *
 * @param record What was done.
 * @returns A phrase without a full stop.
 */
export function distilledBy(record: DistilRecord): string {
  const { steps, rows, tokens, seconds, lossBefore, lossAfter } = record;
  return `distilled in ${formatCountOf(steps, "step")} on ${formatCountOf(rows, "row")}, ` +
    `${formatCountOf(tokens, "token")} of it, in ${formatSeconds(seconds)}: loss ` +
    `${lossBefore.toPrecision(3)} to ${lossAfter.toPrecision(3)}`;
}
