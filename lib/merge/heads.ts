/**
 * A module taken apart into heads, each as the two products that alone decide what it computes, and
 * put together again.
 *
 * @module
 */

import type { LayerModule } from "./layer.ts";
import { type FactorPair, productNorm } from "./linear_algebra.ts";

/**
 * One head of a folded module. What it computes depends on its two products alone: any invertible
 * matrix may stand between the factors of either, which is why weights of equal heads may differ.
 */
export interface Head {
  /** `[Q b]` [d, D + 1] and K [d, D]: the product decides where the head looks. */
  readonly attention: FactorPair;
  /** V [d, D] and Oᵀ [d, D]: the product decides what it brings from there. */
  readonly value: FactorPair;
}

/** Merges heads into the one that stands for their weighted mean; weights are positive. */
export type HeadMerge = (heads: readonly Head[], weights: readonly number[]) => Head;

/** Which heads become one, by their numbers: every head in exactly one group. */
export type HeadGroups = readonly (readonly number[])[];

/**
 * Takes a folded module apart.
 *
 * @param folded A module without key and value bias and with a LayerNorm of weight 1 and bias 0;
 * left unchanged.
 * @returns Its heads in order; new arrays.
 */
export function splitHeads(folded: LayerModule): Head[] {
  const { hiddenSize, numHeads, headDim } = folded;
  const width = numHeads * headDim;
  return Array.from({ length: numHeads }, (_, head) => {
    const first = head * headDim;
    const rows = (weight: Float64Array) =>
      weight.slice(first * hiddenSize, (first + headDim) * hiddenSize);
    const query = new Float64Array(headDim * (hiddenSize + 1));
    const output = new Float64Array(headDim * hiddenSize);
    for (let row = 0; row < headDim; row++) {
      const source = (first + row) * hiddenSize;
      const weights = folded.queryWeight.subarray(source, source + hiddenSize);
      query.set(weights, row * (hiddenSize + 1));
      query[row * (hiddenSize + 1) + hiddenSize] = folded.queryBias[first + row]!;
      for (let i = 0; i < hiddenSize; i++) {
        output[row * hiddenSize + i] = folded.outputWeight[i * width + first + row]!;
      }
    }
    return {
      attention: { rows: headDim, left: query, right: rows(folded.keyWeight) },
      value: { rows: headDim, left: rows(folded.valueWeight), right: output },
    };
  });
}

/**
 * Puts heads together as one folded module.
 *
 * @param folded What the module keeps: sizes, epsilon, the way to combine and the output bias.
 * @param heads Its heads, one or more, all of one width; left unchanged.
 * @returns A folded module with as many heads; new arrays, but for norm and output bias.
 */
export function joinHeads(folded: LayerModule, heads: readonly Head[]): LayerModule {
  const { hiddenSize } = folded;
  const headDim = heads[0]!.attention.rows;
  const width = heads.length * headDim;
  const queryWeight = new Float64Array(width * hiddenSize);
  const keyWeight = new Float64Array(width * hiddenSize);
  const valueWeight = new Float64Array(width * hiddenSize);
  const queryBias = new Float64Array(width);
  const outputWeight = new Float64Array(hiddenSize * width);
  for (const [head, { attention, value }] of heads.entries()) {
    const first = head * headDim;
    keyWeight.set(attention.right, first * hiddenSize);
    valueWeight.set(value.left, first * hiddenSize);
    for (let row = 0; row < headDim; row++) {
      const begin = row * (hiddenSize + 1);
      const query = attention.left.subarray(begin, begin + hiddenSize);
      queryWeight.set(query, (first + row) * hiddenSize);
      queryBias[first + row] = attention.left[begin + hiddenSize]!;
      for (let i = 0; i < hiddenSize; i++) {
        outputWeight[i * width + first + row] = value.right[row * hiddenSize + i]!;
      }
    }
  }
  return {
    ...folded,
    numHeads: heads.length,
    headDim,
    queryWeight,
    queryBias,
    keyWeight,
    keyBias: new Float64Array(width),
    valueWeight,
    valueBias: new Float64Array(width),
    outputWeight,
  };
}

/**
 * Subtracts from each row of query, key and value its mean. Exact in real numbers for a folded
 * module, since what it multiplies has mean zero; norms, similarities and truncations lose a part
 * that computes nothing.
 *
 * @param folded A folded module; left unchanged.
 * @returns A folded module that computes the same; query, key and value are new arrays.
 */
export function centreLayer(folded: LayerModule): LayerModule {
  const { hiddenSize } = folded;
  const centre = (weight: Float64Array) => {
    const centred = weight.slice();
    for (let begin = 0; begin < weight.length; begin += hiddenSize) {
      const row = centred.subarray(begin, begin + hiddenSize);
      const mean = row.reduce((sum, value) => sum + value, 0) / hiddenSize;
      for (let i = 0; i < hiddenSize; i++) row[i]! -= mean;
    }
    return centred;
  };
  return {
    ...folded,
    queryWeight: centre(folded.queryWeight),
    keyWeight: centre(folded.keyWeight),
    valueWeight: centre(folded.valueWeight),
  };
}

/**
 * Merges each group of a module's heads into one.
 *
 * The one head stands for all of its group: of n summed heads it gives n times their mean; where M
 * heads are averaged and r are left it gives r n / M times. The output bias belongs to no head and
 * keeps its scale.
 *
 * @param folded A folded module; left unchanged.
 * @param groups Which heads become one.
 * @param merge How; it is told the group as well.
 * @returns A folded module with one head a group and the same `headDim` and `combine`.
 */
export function mergeGroups(
  folded: LayerModule,
  groups: HeadGroups,
  merge: (...[heads, weights, group]: [...Parameters<HeadMerge>, readonly number[]]) => Head,
): LayerModule {
  const heads = splitHeads(folded);
  const merged = groups.map((group) => {
    const head = merge(group.map((index) => heads[index]!), group.map(() => 1), group);
    const scale = folded.combine === "sum"
      ? group.length
      : (groups.length * group.length) / heads.length;
    return scaleHead(head, scale);
  });
  return joinHeads(folded, merged);
}

/**
 * Scales what a head adds to the update.
 *
 * @param head The head; left unchanged.
 * @param scale The factor.
 * @returns A head that shares all but the output's factor.
 */
export function scaleHead({ attention, value }: Head, scale: number): Head {
  return { attention, value: { ...value, right: value.right.map((entry) => scale * entry) } };
}

/**
 * Gives the grouping of a merge into one head.
 *
 * @param module The module.
 * @returns One group of all heads.
 */
export function oneGroup({ numHeads }: LayerModule): HeadGroups {
  return [Array.from({ length: numHeads }, (_, head) => head)];
}

/**
 * Averages factors element by element.
 *
 * @param pairs Factors of one shape, one or more; left unchanged.
 * @param weights One positive weight a pair, of any sum.
 * @returns New factors.
 */
export function meanPair(pairs: readonly FactorPair[], weights: readonly number[]): FactorPair {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (side: "left" | "right") => {
    const sums = new Float64Array(pairs[0]![side].length);
    for (const [k, pair] of pairs.entries()) {
      const weight = weights[k]!;
      const values = pair[side];
      for (let i = 0; i < sums.length; i++) sums[i]! += weight * values[i]!;
    }
    return sums.map((sum) => sum / total);
  };
  return { rows: pairs[0]!.rows, left: mean("left"), right: mean("right") };
}

/**
 * Weighs heads for the mean of where they look: by the norm of what they bring from there. A head
 * that brings nothing has no say.
 *
 * @param heads The heads; left unchanged.
 * @param weights One positive weight a head.
 * @returns The weights times the norms of `Vᵀ Oᵀ`; the weights alone where all norms are 0.
 */
export function attentionWeights(heads: readonly Head[], weights: readonly number[]): number[] {
  const weighted = heads.map(({ value }, i) => weights[i]! * productNorm(value));
  return weighted.some((weight) => weight > 0) ? weighted : [...weights];
}

/**
 * Tells whether heads add nothing because their output weights are zero, as in a fresh adapter.
 *
 * @param heads The heads; left unchanged.
 * @returns Whether every output weight is 0.
 */
export function givesNothing(heads: readonly Head[]): boolean {
  return heads.every(({ value }) => value.right.every((entry) => entry === 0));
}
