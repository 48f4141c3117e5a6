// Random modules and inputs for the tests of merging.

import { inverse, Matrix } from "ml-matrix";
import type { LayerInputs } from "../../lib/merge/forward.ts";
import { joinHeads, splitHeads } from "../../lib/merge/heads.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
import { multiply } from "../../lib/merge/linear_algebra.ts";
import { noise } from "../_noise.ts";

/** The sizes of a module. */
export interface ModuleSizes {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly combine: "sum" | "mean";
}

/** Sizes to try: one head and several, width 1 and more, both ways to combine. */
export const SIZES: readonly ModuleSizes[] = (["sum", "mean"] as const).flatMap((combine) => [
  { hiddenSize: 24, numHeads: 4, headDim: 1, combine },
  { hiddenSize: 24, numHeads: 3, headDim: 2, combine },
  { hiddenSize: 10, numHeads: 2, headDim: 4, combine },
  { hiddenSize: 7, numHeads: 1, headDim: 3, combine },
  { hiddenSize: 5, numHeads: 5, headDim: 1, combine },
]);

/** Names a test case. */
export function describeSizes({ hiddenSize, numHeads, headDim, combine }: ModuleSizes): string {
  return `D ${hiddenSize}, M ${numHeads}, d ${headDim}, ${combine}`;
}

/** A module none of whose tensors is at its initial value. */
export function randomModule(sizes: ModuleSizes, seed: number): LayerModule {
  const { hiddenSize, numHeads, headDim } = sizes;
  const width = numHeads * headDim;
  let stream = 100 * seed;
  const draw = (length: number, mean = 0) =>
    Float64Array.from(noise(length, { seed: stream++, scale: 0.5 }), (value) => value + mean);
  return {
    ...sizes,
    layerNormEps: 1e-5,
    normWeight: draw(hiddenSize, 1),
    normBias: draw(hiddenSize),
    queryWeight: draw(width * hiddenSize),
    queryBias: draw(width),
    keyWeight: draw(width * hiddenSize),
    keyBias: draw(width),
    valueWeight: draw(width * hiddenSize),
    valueBias: draw(width),
    outputWeight: draw(hiddenSize * width),
    outputBias: draw(hiddenSize),
  };
}

/** The one-head module that stands for head `head` of `module`, sharing its norm and bias. */
export function oneHead(module: LayerModule, head: number): LayerModule {
  const { numHeads, headDim, hiddenSize } = module;
  const [begin, end] = [head * headDim, (head + 1) * headDim];
  const rows = (weight: Float64Array) => weight.slice(begin * hiddenSize, end * hiddenSize);
  return {
    ...module,
    numHeads: 1,
    queryWeight: rows(module.queryWeight),
    queryBias: module.queryBias.slice(begin, end),
    keyWeight: rows(module.keyWeight),
    keyBias: module.keyBias.slice(begin, end),
    valueWeight: rows(module.valueWeight),
    valueBias: module.valueBias.slice(begin, end),
    outputWeight: module.outputWeight.filter((_, i) => {
      const column = i % (numHeads * headDim);
      return column >= begin && column < end;
    }),
  };
}

/** A module of `count` heads that are all the one head of `module`. */
export function repeatHead(module: LayerModule, count: number): LayerModule {
  const { headDim } = module;
  const repeat = (values: Float64Array) =>
    Float64Array.from({ length: count * values.length }, (_, i) => values[i % values.length]!);
  return {
    ...module,
    numHeads: count,
    queryWeight: repeat(module.queryWeight),
    queryBias: repeat(module.queryBias),
    keyWeight: repeat(module.keyWeight),
    keyBias: repeat(module.keyBias),
    valueWeight: repeat(module.valueWeight),
    valueBias: repeat(module.valueBias),
    outputWeight: Float64Array.from(
      { length: count * module.outputWeight.length },
      (_, i) => {
        const row = Math.floor(i / (count * headDim));
        return module.outputWeight[row * headDim + i % headDim]!;
      },
    ),
  };
}

/** Sequences of 1, 5 and 3 tokens, neither centred nor of unit variance. */
export function raggedInputs(hiddenSize: number, seed: number): LayerInputs {
  const values = noise(9 * hiddenSize, { seed, scale: 3 });
  return { values: Float64Array.from(values, (value) => value + 0.5), starts: [0, 1, 6, 9] };
}

/** A random matrix f64 [size, size] that is far from singular, and its inverse. */
function invertible(size: number, seed: number): readonly [Float64Array, Float64Array] {
  const values = noise(size * size, { seed, scale: 0.4 });
  const sign = seed % 2 === 0 ? 1 : -1;
  const matrix = Matrix.from1DArray(size, size, values).add(Matrix.eye(size, size).mul(1.5 * sign));
  const flat = (from: Matrix) => Float64Array.from(from.to1DArray());
  return [flat(matrix), flat(inverse(matrix))];
}

/** The transpose of a square matrix. */
function transposed(matrix: Float64Array, size: number): Float64Array {
  return matrix.map((_, i) => matrix[(i % size) * size + Math.floor(i / size)]!);
}

/**
 * The same folded head `count` times, each with random invertible matrices between the factors of
 * both its products: equal as functions, in no weight alike.
 */
export function gaugedHeads(folded: LayerModule, count: number, seed: number): LayerModule {
  const { headDim: d } = folded;
  const [head] = splitHeads(folded);
  const heads = Array.from({ length: count }, (_, i) => {
    const [r, rInverse] = invertible(d, 1000 * seed + 2 * i);
    const [s, sInverse] = invertible(d, 1000 * seed + 7 * i + 1);
    return {
      attention: {
        rows: d,
        left: multiply(r, head!.attention.left, d),
        right: multiply(transposed(rInverse, d), head!.attention.right, d),
      },
      value: {
        rows: d,
        left: multiply(s, head!.value.left, d),
        right: multiply(transposed(sInverse, d), head!.value.right, d),
      },
    };
  });
  return joinHeads(folded, heads);
}

/** The module with its heads in another order. */
export function permuteHeads(folded: LayerModule, order: readonly number[]): LayerModule {
  const heads = splitHeads(folded);
  return joinHeads(folded, order.map((index) => heads[index]!));
}
