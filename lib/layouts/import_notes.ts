/**
 * What an import says about itself: why it is exact or not, and what names and shapes cannot tell.
 *
 * @module
 */

import type { Checkpoint } from "../checkpoint/open.ts";
import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { FoundAdapter } from "./find.ts";
import { MIXTURE_EXPERTS, type MixtureGap } from "./mixture.ts";

/**
 * Says why an import is exact or not, and what was taken for granted.
 *
 * @param found The adapter.
 * @param mixture For a mixture: its measured gaps, one a layer.
 * @param outputScale What the module's output was multiplied with.
 * @returns Sentences without a full stop.
 */
export function importNotes(
  { kind, isMixture, isShared }: FoundAdapter,
  mixture: readonly MixtureGap[] | undefined,
  outputScale: number,
): string[] {
  const notes: string[] = [];
  if (isMixture && mixture !== undefined) notes.push(mixtureNote(mixture));
  else if (kind === "nemo") notes.push("exact: the same tensors under other names");
  else notes.push("exact: linear layers that stand behind one another become one, in f64");
  if (kind === "nemo") {
    notes.push(
      "attention over the whole sequence is assumed: a limited context (att_context_size) has no " +
        "canonical form",
      "a row without any valid key gives 0 in NeMo and is refused here",
    );
    return notes;
  }
  if (kind === "split") {
    notes.push(
      "its attention is not causal: only padding is masked, as in the authors' GPT-2, so that " +
        "earlier tokens see later ones",
      "the sequential placement is assumed: the parallel one has the same names and cannot be " +
        "converted",
    );
    return notes;
  }
  if (isShared) {
    notes.push(
      "the authors' ALBERT masks no padding: the same for sequences without padding, of which " +
        "their batches of one consist",
    );
  }
  notes.push(
    outputScale === 1
      ? "the authors' old code scaled the output: give --output-scale 0.01 if this was trained " +
        "with it"
      : `the output is scaled by ${outputScale}; the authors' old code masked no padding, which ` +
        "tinygraft does",
  );
  return notes;
}

function mixtureNote(mixture: readonly MixtureGap[]): string {
  const worst = mixture.reduce((a, b) => b.gap > a.gap ? b : a);
  return `not exact: the ${MIXTURE_EXPERTS} modules of a layer become one that adds the mean of ` +
    "what they add, exactly; the authors run them one behind another. On seeded random inputs " +
    `that is up to ${
      percent(worst.gap)
    } of the update, in layer ${worst.layer}, where the update ` +
    `is ${percent(worst.update)} of the input`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/**
 * Refuses NeMo's adapters of encoders whose attention sees only near tokens.
 *
 * @param input The checkpoint, whose config.json may tell.
 * @throws {TinygraftError} with code `unsupported-variant`.
 */
export function refuseLimitedContext({ config, location }: Checkpoint): void {
  for (const section of [config, config?.encoder]) {
    if (typeof section !== "object" || section === null) continue;
    const { att_context_size: size } = section as Readonly<Record<string, unknown>>;
    const sizes = Array.isArray(size) ? size.flat(2) : [size];
    if (!sizes.some((each) => typeof each === "number" && each >= 0)) continue;
    throw new TinygraftError(
      `Cannot import ${quote(location)}: its config.json has "att_context_size" ` +
        `${JSON.stringify(size)}, expected [-1,-1], the whole sequence: a limited context has no ` +
        "canonical form",
      { code: "unsupported-variant", path: location },
    );
  }
}
