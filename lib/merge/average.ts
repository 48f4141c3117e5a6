/**
 * Merging by the plain average of the heads' weights.
 *
 * @module
 */

import { foldLayer } from "./fold.ts";
import type { LayerModule } from "./layer.ts";

/**
 * Averages all heads into one. The module is folded first: averaging factors before their
 * products are formed adds an error of its own. Exact only where the heads are equal or there is
 * one; heads that are equal as functions but not in their factors, such as (v, o) and (-v, -o),
 * cancel each other.
 *
 * The one head stands for all: summed heads make its output weight the sum of theirs, averaged
 * heads the mean. The output bias belongs to no head and keeps its scale.
 *
 * @param module The module, folded or not; left unchanged.
 * @returns A folded module of one head with the same `headDim` and `combine`; new arrays.
 * @see M. Zhao, J. Tan, H. Mei, "Tiny-Attention Adapter: Contexts Are More Important Than the
 * Number of Parameters", EMNLP 2022
 */
export function averageHeads(module: LayerModule): LayerModule {
  const folded = foldLayer(module);
  const { hiddenSize, numHeads, headDim, combine } = folded;
  const mean = (values: Float64Array) => meanOfParts(values, numHeads);
  const outputScale = combine === "sum" ? 1 : 1 / numHeads;
  const outputWeight = new Float64Array(hiddenSize * headDim);
  for (let row = 0; row < hiddenSize; row++) {
    for (let column = 0; column < headDim; column++) {
      let sum = 0;
      for (let head = 0; head < numHeads; head++) {
        sum += folded.outputWeight[(row * numHeads + head) * headDim + column]!;
      }
      outputWeight[row * headDim + column] = outputScale * sum;
    }
  }
  return {
    ...folded,
    numHeads: 1,
    queryWeight: mean(folded.queryWeight),
    queryBias: mean(folded.queryBias),
    keyWeight: mean(folded.keyWeight),
    keyBias: mean(folded.keyBias),
    valueWeight: mean(folded.valueWeight),
    valueBias: mean(folded.valueBias),
    outputWeight,
  };
}

/** Cuts `values` into `count` equally long parts and averages them element by element. */
function meanOfParts(values: Float64Array, count: number): Float64Array {
  const length = values.length / count;
  return Float64Array.from({ length }, (_, i) => {
    let sum = 0;
    for (let part = 0; part < count; part++) sum += values[part * length + i]!;
    return sum / count;
  });
}
