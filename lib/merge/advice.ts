/**
 * One sentence that says what to ship after a merge.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { AdapterMerge } from "./merge_adapter.ts";

/** Tokens of the sequence for which compute is told. */
const TOKENS = 128;

/** A relative error up to which a merge is worth a check on data. */
const SMALL_ERROR = 0.01;

/**
 * Says what to ship, from what the weights tell: a prediction, which `check` on data confirms or
 * not.
 *
 * @param merge A planned merge.
 * @returns One sentence, without a full stop.
 *
 * @example The plain average of heads that do different things
 * ```ts
 * import { adviseMerge, openAdapter, planMerge } from "tinygraft";
 * import { assertMatch } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const merge = await planMerge(adapter, "one-head", { method: "average" });
 * assertMatch(adviseMerge(merge), /^Predicted without data: .* ship stack/);
 * ```
 */
export function adviseMerge({ method, exact, layers, config, headsBefore }: AdapterMerge): string {
  const after = computeShare(config);
  const sources = config.mergedFrom?.length ?? 1;
  if (exact && sources > 1) {
    return `Each layer adds exactly the mean of what the ${sources} adapters add: only check on ` +
      `data tells how it does beside them; its heads cost about ${percent(after)} of the ` +
      "encoder's compute";
  }
  if (exact) {
    return `Nothing is lost: ship this; its heads cost about ${percent(after)} of the encoder's ` +
      "compute";
  }
  const saved = computeShare({ ...config, numHeads: headsBefore }) - after;
  const worst = Math.max(...layers.map(({ relativeError }) => relativeError));
  const prediction = `Predicted without data: ${method} changes what a layer's heads add by up ` +
    `to ${percent(worst)} and saves about ${percent(saved)} of the encoder's compute`;
  return worst <= SMALL_ERROR
    ? `${prediction}: ship this if check on your data agrees`
    : `${prediction}: ship stack, unless check on your data finds no loss`;
}

/**
 * The compute of the heads over that of the base's layers, both in multiplications of a sequence of
 * {@linkcode TOKENS} tokens. The adapter does not know the width of the base's feed-forward part:
 * four times the hidden size is taken, as in every BERT.
 */
function computeShare(config: AdapterConfig): number {
  const { hiddenSize: hidden, numHiddenLayers, headDim } = config;
  let heads = 0;
  for (let layer = 0; layer < numHiddenLayers; layer++) heads += headsOfLayer(config, layer);
  const width = (heads * headDim) / numHiddenLayers;
  const adapter = TOKENS * 4 * hidden * width + 2 * TOKENS ** 2 * width;
  const base = TOKENS * (4 * hidden ** 2 + 2 * hidden * 4 * hidden) + 2 * TOKENS ** 2 * hidden;
  return adapter / base;
}

function percent(share: number): string {
  // Less is of no interest, and so small a bound holds as well.
  const value = Math.max(0.001, 100 * share);
  return `${value >= 9.95 ? value.toFixed(0) : Number(value.toPrecision(2))} %`;
}
