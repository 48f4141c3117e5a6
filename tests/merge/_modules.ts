// Random modules and inputs for the tests of merging.

import type { LayerInputs } from "../../lib/merge/forward.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
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
