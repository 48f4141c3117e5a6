/**
 * Merging the heads of an adapter with the help of unlabelled text.
 *
 * @module
 */

import { DEFAULT_PLACEMENT, type Placement } from "../adapter/placement.ts";
import { alignedHeads } from "../merge/aligned.ts";
import { averageHeads } from "../merge/average.ts";
import { foldLayer } from "../merge/fold.ts";
import {
  centreLayer,
  givesNothing,
  type HeadGroups,
  mergeGroups,
  oneGroup,
  splitHeads,
} from "../merge/heads.ts";
import type { LayerModule } from "../merge/layer.ts";
import { listCandidates } from "./candidates.ts";
import { fitLayer } from "./fit_layer.ts";
import { attendHeads, standardise, updateOf } from "./heads_on_text.ts";
import { clusterHeadsByData, LayerStatistics } from "./layer_statistics.ts";
import { layerTargets } from "./layer_targets.ts";
import { requireLayers } from "./measure.ts";
import { NormedRows } from "./normed_rows.ts";
import { PlacedStates } from "./placed_states.ts";
import { momentsOf, textProductMerge } from "./text_product.ts";
import { type CalibrationText, TextRun } from "./text_run.ts";
import { tokenWeights } from "./token_weights.ts";

/** How {@linkcode calibrateMerge} is to merge. */
export interface CalibratedOptions {
  /**
   * `average`, `aligned` and `product` as without text, but with heads grouped by what they do on
   * it, and products cut to size where it is; `distil` fits fewer heads to what all of them add.
   */
  readonly method: "average" | "aligned" | "product" | "distil";
  /** How many heads are left in layers that have more; 1 by default. */
  readonly heads?: number;
  /** Where in their layers the modules stand; after the attention block, unless given. */
  readonly placement?: Placement;
}

/** An adapter's layers, merged on text. */
export interface CalibratedMerge {
  /** One module a layer, folded. */
  readonly modules: LayerModule[];
  /** Which heads of a layer became one, or which its heads began with standing for. */
  readonly groups: HeadGroups[];
  /** What each layer's fit leaves. */
  readonly layers: CalibratedLayer[];
}

/** What the fit of one layer leaves. */
export interface CalibratedLayer {
  /** The layer, from 0. */
  readonly layer: number;
  /**
   * Of `distil`: the distance from what the layer was to add, over that, both about the mean and in
   * the root mean square over the text; 0 where no head was merged. Undefined for other methods.
   */
  readonly residual?: number;
}

/**
 * Merges heads with the help of text that needs no labels. The text runs through the model before
 * the merge, for `distil` also through the merged one, each once, layer by layer.
 *
 * `distil` goes in closed form: at the states of the merged model, the few heads of a layer are
 * fitted to the mean of what all heads add there and of what would make up for the errors of the
 * layers before. Where to look is chosen among the heads and their products; what to bring is
 * regression of small rank. No gradient is taken, and the classifier stays.
 *
 * Some 2,000 texts are enough; with a few hundred short ones the fit is to their accidents. Memory:
 * 4 bytes a token and hidden dimension for each of the models, 0.8 GiB in all for 800 texts of 128
 * tokens of dimension 1024, and some matrices of the hidden size squared. On the reference backend
 * the result is the same to the bit each time.
 *
 * @param text The text and the encoder.
 * @param before One module a layer; left unchanged.
 * @param options The method and how many heads are left; see {@linkcode CalibratedOptions}.
 * @returns The merged layers.
 * @throws {InterruptedError} when the signal is aborted.
 * @throws {TinygraftError} with code `empty-data` when there is no text, and `non-finite` when a
 * state is NaN or infinite.
 * @throws {RangeError} when there is not one module a layer.
 *
 * @example Two heads in place of four
 * ```ts
 * import { calibrateMerge, openSession, readLayer } from "tinygraft";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using session = await openSession({
 *   base: "fixtures/mini/encoder",
 *   adapters: ["fixtures/mini/adapter"],
 *   device: "reference",
 * });
 * const { backend, tokenizer, weights } = session;
 * const texts = ["where is my parcel", "i want my money back", "thanks, that is all"];
 * const encodings = texts.map((text) => tokenizer.encode(text, undefined, 32));
 * const before = [];
 * for (let layer = 0; layer < weights.layers.length; layer++) {
 *   before.push(await readLayer(session.adapters[0]!, layer));
 * }
 * const options = { method: "distil", heads: 2 } as const;
 * const { modules, layers } = await calibrateMerge({ backend, weights, encodings }, before, options);
 * assert(modules.every(({ numHeads }) => numHeads === 2));
 * assertEquals(layers.length, before.length);
 * ```
 */
export async function calibrateMerge(
  text: CalibrationText,
  before: readonly LayerModule[],
  options: CalibratedOptions,
): Promise<CalibratedMerge> {
  using run = new TextRun(text);
  requireLayers(run, before);
  const { placement = DEFAULT_PLACEMENT } = options;
  const embedded = await run.embed();
  const own = options.method === "distil" ? embedded.slice() : undefined;
  const stacked = new PlacedStates(run, placement, embedded);
  const merged = own === undefined ? stacked : new PlacedStates(run, placement, own);
  const result: CalibratedMerge = { modules: [], groups: [], layers: [] };
  for (const [layer, module] of before.entries()) {
    await stacked.attend(layer);
    if (merged !== stacked) {
      // What the first layer's module reads depends on no module.
      if (layer === 0) merged.set(stacked);
      else await merged.attend(layer);
    }
    const folded = centreLayer(foldLayer(module));
    const statistics = await runBefore(run, folded, stacked);
    const { groups, residual, ...found } = options.method === "distil"
      ? await distil(run, folded, { layer, statistics, stacked, merged }, options)
      : group(module, folded, statistics, options);
    result.modules.push(found.module);
    result.groups.push(groups);
    result.layers.push({ layer, ...(residual === undefined ? {} : { residual }) });
    for (const chunk of run.chunks) run.progress(chunk);
    if (layer + 1 === run.layers) break;
    await stacked.finish(layer);
    if (merged === stacked) continue;
    await addModule(run, found.module, merged);
    await merged.finish(layer);
  }
  return result;
}

/** A layer's merge. */
interface MergedLayer {
  readonly module: LayerModule;
  readonly groups: HeadGroups;
  readonly residual?: number;
}

/** Takes the statistics of a layer's heads, and adds to the states what they give. */
async function runBefore(
  run: TextRun,
  folded: LayerModule,
  states: PlacedStates,
): Promise<LayerStatistics> {
  const statistics = new LayerStatistics(folded);
  for (const chunk of run.chunks) {
    await run.pause();
    const rows = run.rows(states.inputs, chunk);
    states.add(chunk, updateOf(folded, statistics.add(rows, chunk.batch.starts)));
  }
  return statistics;
}

async function addModule(run: TextRun, folded: LayerModule, states: PlacedStates): Promise<void> {
  for (const chunk of run.chunks) {
    await run.pause();
    const rows = run.rows(states.inputs, chunk);
    const normed = standardise(rows, folded.hiddenSize, folded.layerNormEps);
    states.add(chunk, updateOf(folded, attendHeads(folded, normed, chunk.batch.starts)));
  }
}

/** Merges each group of heads that are alike on the text. */
function group(
  module: LayerModule,
  folded: LayerModule,
  statistics: LayerStatistics,
  { method, heads = 1 }: CalibratedOptions,
): MergedLayer {
  const count = Math.min(heads, folded.numHeads);
  const groups = count === 1
    ? oneGroup(folded)
    : clusterHeadsByData(statistics.similarity(), count);
  if (method === "average") return { module: averageHeads(module, groups), groups };
  if (method === "aligned") return { module: alignedHeads(module, groups), groups };
  const moments = statistics.moments();
  const merged = mergeGroups(
    folded,
    groups,
    (parts, weights, members) =>
      textProductMerge(parts, weights, momentsOf(moments, members, folded.headDim)),
  );
  return { module: merged, groups };
}

/** Fits fewer heads, unless there are few enough. */
async function distil(
  run: TextRun,
  folded: LayerModule,
  { layer, statistics, stacked, merged }: {
    readonly layer: number;
    readonly statistics: LayerStatistics;
    /** The model before the merge, with what the layer's module adds. */
    readonly stacked: PlacedStates;
    /** The merged model, without it. */
    readonly merged: PlacedStates;
  },
  { heads = 1 }: CalibratedOptions,
): Promise<MergedLayer> {
  // Rounding would be fitted in a layer that adds nothing yet, and could not be trained from.
  if (givesNothing(splitHeads(folded))) {
    return { ...group(folded, folded, statistics, { method: "product", heads }), residual: 0 };
  }
  if (heads >= folded.numHeads) {
    const groups = Array.from({ length: folded.numHeads }, (_, head) => [head]);
    return { module: folded, groups, residual: 0 };
  }
  const text = {
    rows: new NormedRows(merged.inputs, run.hiddenSize, folded.layerNormEps),
    starts: run.starts,
    weights: tokenWeights(run, layer),
  };
  const targets = layerTargets(run, folded, stacked.states, merged);
  const candidates = listCandidates(
    folded,
    heads,
    statistics.similarity(),
    statistics.moments(),
  );
  return await fitLayer(folded, text, targets, candidates, () => run.pause());
}
