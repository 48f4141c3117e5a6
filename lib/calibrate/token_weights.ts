/**
 * Which tokens of a text a layer is fitted to.
 *
 * @module
 */

import type { TextRun } from "./text_run.ts";

/** Rows for each unknown of a regression that will do: they leave a third more than they must. */
const ENOUGH_ROWS = 4;
/** Rows for each unknown of a regression that more would hardly better: they leave 2 % more. */
const PLENTY_OF_ROWS = 64;

/**
 * Says what each token counts in the fit of a layer: all alike, or every so many where there are
 * more than a fit can use. Of the last layer's tokens the classifier reads one a sequence, so the
 * others do not count where those alone are enough.
 *
 * @param run The text.
 * @param layer The layer, from 0.
 * @returns f64 [tokens], each 0 or 1; tokens of 0 are attended to all the same.
 */
export function tokenWeights(
  { hiddenSize, layers, read, tokens }: Pick<TextRun, "hiddenSize" | "layers" | "read" | "tokens">,
  layer: number,
): Float64Array {
  const unknowns = hiddenSize + 1;
  const weights = new Float64Array(tokens);
  if (layer + 1 === layers && read.length >= ENOUGH_ROWS * unknowns) {
    for (const token of read) weights[token] = 1;
    return weights;
  }
  const every = Math.max(1, Math.floor(tokens / (PLENTY_OF_ROWS * unknowns)));
  for (let token = 0; token < tokens; token += every) weights[token] = 1;
  return weights;
}
