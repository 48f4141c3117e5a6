/**
 * Folding: the same function with fewer parameters, which merges can then compare and average.
 *
 * @module
 */

import { headScale } from "./forward.ts";
import type { LayerModule } from "./layer.ts";

/**
 * Folds the LayerNorm's weight and bias into query, key and value, drops the key bias, and moves
 * the value bias into the output bias. Exact in real numbers: softmax ignores what is added to a
 * whole row of scores, and its rows sum to 1. Folding twice is folding once.
 *
 * @param module The module; left unchanged.
 * @returns A module that computes the same, with a LayerNorm of weight 1 and bias 0 and without key
 * and value bias. New arrays, but for the output weight, which is shared.
 *
 * @example The norm's weight moves into the query
 * ```ts
 * import { foldLayer } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const folded = foldLayer({
 *   hiddenSize: 2,
 *   numHeads: 1,
 *   headDim: 1,
 *   combine: "sum",
 *   layerNormEps: 1e-5,
 *   normWeight: Float64Array.of(2, 3),
 *   normBias: Float64Array.of(1, 0),
 *   queryWeight: Float64Array.of(5, 7),
 *   queryBias: Float64Array.of(0.5),
 *   keyWeight: Float64Array.of(1, 1),
 *   keyBias: Float64Array.of(9),
 *   valueWeight: Float64Array.of(1, -1),
 *   valueBias: Float64Array.of(3),
 *   outputWeight: Float64Array.of(1, 10),
 *   outputBias: Float64Array.of(0, 0),
 * });
 * assertEquals(folded.queryWeight, Float64Array.of(10, 21));
 * assertEquals(folded.queryBias, Float64Array.of(5.5));
 * assertEquals(folded.outputBias, Float64Array.of(4, 40));
 * ```
 */
export function foldLayer(module: LayerModule): LayerModule {
  const { hiddenSize, queryBias, keyBias, valueBias, outputWeight } = module;
  const width = queryBias.length;
  const scale = headScale(module);
  const foldedValueBias = foldBias(module, module.valueWeight, valueBias);
  const outputBias = module.outputBias.map((bias, row) => {
    let moved = 0;
    for (let j = 0; j < width; j++) moved += outputWeight[row * width + j]! * foldedValueBias[j]!;
    return bias + scale * moved;
  });
  return {
    ...module,
    normWeight: new Float64Array(hiddenSize).fill(1),
    normBias: new Float64Array(hiddenSize),
    queryWeight: foldWeight(module, module.queryWeight),
    queryBias: foldBias(module, module.queryWeight, queryBias),
    keyWeight: foldWeight(module, module.keyWeight),
    keyBias: new Float64Array(keyBias.length),
    valueWeight: foldWeight(module, module.valueWeight),
    valueBias: new Float64Array(valueBias.length),
    outputBias,
  };
}

/** `W diag(norm.weight)`, f64 [E, D]. */
function foldWeight({ hiddenSize, normWeight }: LayerModule, weight: Float64Array): Float64Array {
  return weight.map((value, i) => value * normWeight[i % hiddenSize]!);
}

/** `b + W norm.bias`, f64 [E]. */
function foldBias(
  { hiddenSize, normBias }: LayerModule,
  weight: Float64Array,
  bias: Float64Array,
): Float64Array {
  return bias.map((value, row) => {
    let sum = value;
    for (let i = 0; i < hiddenSize; i++) sum += weight[row * hiddenSize + i]! * normBias[i]!;
    return sum;
  });
}
