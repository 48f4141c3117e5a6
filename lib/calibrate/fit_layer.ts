/**
 * One layer's few heads, fitted to text.
 *
 * @module
 */

import type { HeadGroups } from "../merge/heads.ts";
import type { LayerModule } from "../merge/layer.ts";
import { concatenate } from "../merge/linear_algebra.ts";
import { AttendedText, type Targets, type WeightedText } from "./attended_text.ts";
import type { Candidate } from "./candidates.ts";
import { fitHeads, type FittedHeads, solvedResidual, VALUE_RIDGE } from "./fit_heads.ts";
import type { LayerTargets } from "./layer_targets.ts";
import { reducedRank } from "./reduced_rank.ts";

/** Tokens that candidates are compared on. */
const RANKING_TOKENS = 8192;
/** How many candidates are fitted to all of the text, where several heads are left. */
const FINALISTS = 2;

/** What {@linkcode fitLayer} gives. */
export interface LayerFit {
  /** The fitted module, folded. */
  readonly module: LayerModule;
  /** Which heads each of its heads began with standing for. */
  readonly groups: HeadGroups;
  /** `|fitted - wanted| / |wanted|` at the states it was fitted to, about the mean. */
  readonly residual: number;
}

/**
 * Fits a few heads to what a layer is to add: candidates are ranked on a part of the text by how
 * well they match the heads before, and the best fitted to all of it.
 *
 * @param folded The module before, folded; left unchanged.
 * @param text The text; left unchanged.
 * @param targets What is wanted.
 * @param candidates Attention to start from, all of one number of heads; at least one.
 * @param pause Called from time to time: lets other events in.
 * @returns The fit.
 */
export async function fitLayer(
  folded: LayerModule,
  text: WeightedText,
  targets: LayerTargets,
  candidates: readonly Candidate[],
  pause: () => Promise<void>,
): Promise<LayerFit> {
  const sample = sampleOf(text);
  const ranked = [];
  for (const candidate of candidates) {
    await pause();
    const residual = await rank(sample, targets.matching, candidate, pause);
    ranked.push({ candidate, residual });
  }
  ranked.sort((a, b) => a.residual - b.residual);
  const count = candidates[0]!.heads.length === 1 ? 1 : FINALISTS;
  let best: { readonly candidate: Candidate; readonly fit: FittedHeads } | undefined;
  for (const { candidate } of ranked.slice(0, count)) {
    const fit = await fitHeads(text, targets.correcting, candidate.heads, pause);
    if (best === undefined || fit.residual < best.fit.residual) best = { candidate, fit };
  }
  const { candidate, fit } = best!;
  return {
    module: moduleOf(folded, candidate.heads, fit),
    groups: candidate.groups,
    residual: fit.residual === 0 ? 0 : Math.sqrt(fit.residual / fit.energy),
  };
}

/** How much a candidate leaves: one head with its value fitted, several with their own values. */
async function rank(
  text: WeightedText,
  targets: Targets,
  { heads }: Candidate,
  pause: () => Promise<void>,
): Promise<number> {
  const [head] = heads;
  if (heads.length > 1) return solvedResidual(text, targets, heads);
  const { cross, energy, gram } = await new AttendedText(text, head!).moments(targets, pause);
  return energy - reducedRank(gram, cross, head!.headDim, VALUE_RIDGE).gain;
}

/** The text with only every so many sequences counted. */
function sampleOf(text: WeightedText): WeightedText {
  const { starts, weights } = text;
  let counted = 0;
  for (const weight of weights) if (weight > 0) counted++;
  const every = Math.ceil(counted / RANKING_TOKENS);
  const sample = weights.slice();
  for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
    if (sequence % every > 0) sample.fill(0, starts[sequence], starts[sequence + 1]);
  }
  return { ...text, weights: sample };
}

/** The fitted heads side by side as a module. */
function moduleOf(
  folded: LayerModule,
  heads: readonly LayerModule[],
  { values, output, bias }: FittedHeads,
): LayerModule {
  const { hiddenSize } = folded;
  const headDim = heads[0]!.headDim;
  const width = heads.length * headDim;
  // In the mean of heads each gives its part only.
  const scale = folded.combine === "mean" ? heads.length : 1;
  return {
    ...folded,
    numHeads: heads.length,
    headDim,
    queryWeight: concatenate(heads.map(({ queryWeight }) => queryWeight)),
    queryBias: concatenate(heads.map(({ queryBias }) => queryBias)),
    keyWeight: concatenate(heads.map(({ keyWeight }) => keyWeight)),
    keyBias: new Float64Array(width),
    valueWeight: concatenate(values),
    valueBias: new Float64Array(width),
    outputWeight: Float64Array.from(
      { length: hiddenSize * width },
      (_, at) => scale * output[(at % width) * hiddenSize + Math.floor(at / width)]!,
    ),
    outputBias: bias,
  };
}
