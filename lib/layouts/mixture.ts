/**
 * Modules that the tiny-attention authors run one behind another, as one module.
 *
 * @module
 */

import { foldLayer } from "../merge/fold.ts";
import { type LayerInputs, layerUpdate } from "../merge/forward.ts";
import { joinHeads, scaleHead, splitHeads } from "../merge/heads.ts";
import type { LayerModule } from "../merge/layer.ts";

/** Modules of one mixture. */
export const MIXTURE_EXPERTS = 4;

/**
 * Makes one module of a mixture's: what it adds is the mean of what they add at one input, exactly.
 * The authors run the modules one behind another instead, each with its share added to the input
 * of the next, which no one module can do: see {@linkcode mixtureGap}.
 *
 * @param experts The modules, one or more of one size, each of 'sum'; left unchanged.
 * @returns A folded module with the heads of all, of 'sum'; new arrays.
 */
export function joinMixture(experts: readonly LayerModule[]): LayerModule {
  const folded = experts.map(foldLayer);
  const share = 1 / experts.length;
  const outputBias = folded[0]!.outputBias.map((_, i) =>
    folded.reduce((sum, module) => sum + share * module.outputBias[i]!, 0)
  );
  const heads = folded.flatMap((module) =>
    splitHeads(module).map((head) => scaleHead(head, share))
  );
  return joinHeads({ ...folded[0]!, outputBias }, heads);
}

/** How far a mixture's one module is from the chain that it stands for. */
export interface MixtureGap {
  /** The layer, from 0. */
  readonly layer: number;
  /** `|h_parallel - h_chain|_F / |h_chain|_F`, where h is all that is added to the input. */
  readonly gap: number;
  /** `|h_chain|_F / |a|_F`: what is added over the input; the gap grows with it. */
  readonly update: number;
}

/**
 * Measures how far the mean of a mixture's modules is from the chain: for each module in turn,
 * `a ← a + t_m(a) / 4`, with as many modules in the place of 4 as there are.
 *
 * @param layer The layer, from 0, for the result.
 * @param experts The modules of one layer; left unchanged.
 * @param inputs Where to measure; left unchanged.
 * @returns The gap, 0 where nothing is added.
 */
export function mixtureGap(
  layer: number,
  experts: readonly LayerModule[],
  inputs: LayerInputs,
): MixtureGap {
  const chained = inputs.values.slice();
  for (const expert of experts) {
    const added = layerUpdate(expert, { ...inputs, values: chained });
    for (let i = 0; i < chained.length; i++) chained[i]! += added[i]! / experts.length;
  }
  const parallel = layerUpdate(joinMixture(experts), inputs);
  let [error, length, input] = [0, 0, 0];
  for (let i = 0; i < chained.length; i++) {
    const added = chained[i]! - inputs.values[i]!;
    error += (parallel[i]! - added) ** 2;
    length += added ** 2;
    input += inputs.values[i]! ** 2;
  }
  return {
    layer,
    gap: length === 0 ? 0 : Math.sqrt(error / length),
    update: Math.sqrt(length / input),
  };
}
