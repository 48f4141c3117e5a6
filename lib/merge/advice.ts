/**
 * One sentence that says what to ship after a merge.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { Metric } from "../text/tasks.ts";
import type { AdapterMerge } from "./merge_adapter.ts";

/** Tokens of the sequence for which compute is told. */
const TOKENS = 128;

/** A relative error up to which a merge is worth a check on data. */
const SMALL_ERROR = 0.01;

/** A drop of a metric, as a fraction, up to which a loss is called small. */
const SMALL_DROP = 0.01;

/** Of rows that all came out alike so many over their number may still do so on others, at 95 %. */
const RULE_OF_THREE = 3;

/** How metrics are called in a sentence. */
const METRIC_NAMES: Readonly<Record<Metric, string>> = {
  accuracy: "accuracy",
  f1: "F1",
  macroF1: "macro F1",
  matthews: "Matthews correlation",
  pearson: "Pearson correlation",
  spearman: "Spearman correlation",
};

/** The sizes of a base that decide what its layers cost. */
export interface BaseSizes {
  /** Width of a hidden state, in elements. */
  readonly hiddenSize: number;
  /** Width of the feed-forward part, in elements. */
  readonly intermediateSize: number;
}

/** A metric of two adapters on the same rows, as `compareOutputs` gives it. */
export interface MeasuredDrop {
  /** How many rows were compared. */
  readonly examples: number;
  /** The metric. */
  readonly metric: Metric;
  /** The metric before minus after, as a fraction. */
  readonly drop: number;
  /** How alike the outputs are: the share of equal predictions, or their correlation. */
  readonly agreement: number;
  /** How sure the drop is. */
  readonly significance: {
    /** The 95 % interval of the drop. */
    readonly interval: readonly [low: number, high: number];
  };
}

/** What running a merge on a base showed, as much as there is. */
export interface MergeEvidence {
  /** The base; one with a feed-forward part of four times its hidden size unless given. */
  readonly base?: BaseSizes;
  /** Each layer measured on text. */
  readonly layers?: readonly { readonly relativeError: number }[];
  /** The metric on labelled rows, against what was merged; of a soup against the exact mean. */
  readonly comparison?: MeasuredDrop;
  /** Of a soup: the metric against the best of its adapters by itself, and which that is. */
  readonly best?: BestAdapter;
}

/** A soup beside the best of its adapters. */
export interface BestAdapter {
  /** That adapter. */
  readonly name: string;
  /** What the soup loses against it. */
  readonly comparison: MeasuredDrop;
  /** Whether the soup was chosen by the metric on these same rows, which flatters it. */
  readonly chosen: boolean;
}

/**
 * Says what to ship: from measurements where there are any, else from what the weights tell, which
 * is a prediction.
 *
 * @param merge A planned merge.
 * @param evidence What running it showed; see {@linkcode MergeEvidence}.
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
 * const measured = {
 *   examples: 872,
 *   metric: "accuracy",
 *   drop: 0.05,
 *   agreement: 0.9,
 *   significance: { interval: [0.026, 0.075] },
 * } as const;
 * assertMatch(adviseMerge(merge, { comparison: measured }), /^average loses 5.0 points of acc/);
 * ```
 */
export function adviseMerge(merge: AdapterMerge, evidence: MergeEvidence = {}): string {
  const { config, exact, headsBefore, method } = merge;
  const { base, best, comparison, layers } = evidence;
  const after = percent(computeShare(config, base));
  const cost = `its heads cost about ${after} of the encoder's compute`;
  const sources = config.mergedFrom?.length ?? 1;
  if (best !== undefined) return adviseSoup(best, sources, cost);
  if (exact && sources > 1) {
    return `Each layer adds exactly the mean of what the ${sources} adapters add: only check on ` +
      `data tells how it does beside them; ${cost}`;
  }
  if (exact) {
    const shown = comparison === undefined
      ? ""
      : ` (agreement ${wholeShare(comparison.agreement)} on ${rows(comparison)})`;
    return `Nothing is lost${shown}: ship this; ${cost}`;
  }
  const before = computeShare({ ...config, numHeads: headsBefore }, base);
  if (comparison !== undefined) {
    const way = method === "distil" ? "ship stack" : "ship stack, or distil";
    return `${method} ${change(comparison)} against stack; stacking costs about ` +
      `${percent(before)} of the encoder's compute: ${verdict(comparison, way)}`;
  }
  const worst = Math.max(...(layers ?? merge.layers).map(({ relativeError }) => relativeError));
  const source = layers === undefined
    ? "Predicted without data"
    : "Measured on text without labels";
  const saved = before - computeShare(config, base);
  const prediction = `${source}: ${method} changes what a layer's heads add by up to ` +
    `${percent(worst)} and saves about ${percent(saved)} of the encoder's compute`;
  return worst <= SMALL_ERROR
    ? `${prediction}: ship this if check on your data agrees`
    : `${prediction}: ship stack, unless check on your data finds no loss`;
}

function adviseSoup(
  { name, comparison, chosen }: BestAdapter,
  sources: number,
  cost: string,
): string {
  const metric = METRIC_NAMES[comparison.metric];
  if (sources === 1) {
    return `Only ${name} is kept, as any other adapter lowers ${metric} on these rows: ship it; ` +
      cost;
  }
  const said = `The soup ${change(comparison)} against ${name}, the best of its adapters`;
  const caution = chosen ? "; it was chosen by these rows, so check it on others" : "";
  return `${said}: ${verdict(comparison, `ship ${name}`)}${caution}; ${cost}`;
}

/** Such as `loses 5.0 points of accuracy (2.6 to 7.5)`. */
function change({ metric, drop, significance }: MeasuredDrop): string {
  const [low, high] = significance.interval;
  const [verb, size, from, to] = drop < 0
    ? ["gains", -drop, -high, -low] as const
    : ["loses", drop, low, high] as const;
  return `${verb} ${points(size)} points of ${METRIC_NAMES[metric]} (${points(from)} to ` +
    `${points(to)})`;
}

/** What to do about a measured change; `otherwise` is what loses nothing. */
function verdict(comparison: MeasuredDrop, otherwise: string): string {
  const { drop, significance } = comparison;
  const [low, high] = significance.interval;
  if (high < 0) return "a gain that is no chance: ship this";
  if (low > 0 && drop > SMALL_DROP) return otherwise;
  if (low > 0) return `a small loss, but no chance: ${otherwise}, unless compute matters more`;
  const noise = `within the noise of ${rows(comparison)}`;
  // Resampling few rows that all came out alike knows nothing of those that would not.
  const most = Math.max(high, Math.min(1, RULE_OF_THREE / comparison.examples));
  if (most <= SMALL_DROP) return `${noise}: ship this`;
  return `${noise}, in which a loss of ${points(most)} points may hide: ${otherwise}, or check ` +
    "on more rows";
}

function rows({ examples }: MeasuredDrop): string {
  return examples === 1 ? "1 row" : `${examples} rows`;
}

/**
 * The compute of the heads over that of the base's layers, both in multiplications of a sequence of
 * {@linkcode TOKENS} tokens. The adapter does not know the width of the base's feed-forward part:
 * four times the hidden size is taken, as in every BERT, unless the base is at hand.
 *
 * @param config The adapter's config.
 * @param base The base's sizes, if known.
 * @returns The share, as a fraction.
 */
export function computeShare(config: AdapterConfig, base?: BaseSizes): number {
  const { hiddenSize: hidden, numHiddenLayers, headDim } = config;
  const inner = base?.intermediateSize ?? 4 * hidden;
  let heads = 0;
  for (let layer = 0; layer < numHiddenLayers; layer++) heads += headsOfLayer(config, layer);
  const width = (heads * headDim) / numHiddenLayers;
  const adapter = TOKENS * 4 * hidden * width + 2 * TOKENS ** 2 * width;
  const layer = TOKENS * (4 * hidden ** 2 + 2 * hidden * inner) + 2 * TOKENS ** 2 * hidden;
  return adapter / layer;
}

/** A fraction in hundredths, as papers tell metrics; a negative zero is a zero. */
function points(fraction: number): string {
  return (Math.round(1000 * fraction) / 10 + 0).toFixed(1);
}

/** A share of which less than all is never shown as all. */
function wholeShare(share: number): string {
  return share === 1 ? "100 %" : `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
}

function percent(share: number): string {
  // Less is of no interest, and so small a bound holds as well.
  const value = Math.max(0.001, 100 * share);
  return `${value >= 9.95 ? value.toFixed(0) : Number(value.toPrecision(2))} %`;
}
