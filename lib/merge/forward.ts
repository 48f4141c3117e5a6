/**
 * The tiny-attention module's forward pass in f64, by its definition: what reports measure merges
 * with.
 *
 * @module
 */

import type { LayerModule } from "./layer.ts";
import { rowProducts } from "./linear_algebra.ts";

/** Token vectors of sequences laid end to end without padding. */
export interface LayerInputs {
  /** One row a token, f64 [tokens, D]. */
  readonly values: Float64Array;
  /** The row at which each sequence begins, and the end: increasing, [sequences + 1]. */
  readonly starts: ArrayLike<number>;
}

/** What each head's output is multiplied with: `g`, 1 for 'sum' and 1 / M for 'mean'. */
export function headScale({ combine, numHeads }: LayerModule): number {
  return combine === "mean" ? 1 / numHeads : 1;
}

/**
 * Computes each head's attention output before the output weight: `z_m = softmax(q_m k_mᵀ /
 * sqrt(headDim)) v_m`, each token attending to its own sequence.
 *
 * @param module The module; left unchanged.
 * @param inputs What the module reads: the output of the attention block; left unchanged.
 * @returns A new array, f64 [tokens, E], head `m` in columns `m * headDim` on.
 * @throws {RangeError} when the sequences do not cover the rows, or one is empty.
 */
export function headOutputs(module: LayerModule, inputs: LayerInputs): Float64Array {
  requireSequences(module, inputs);
  const { hiddenSize, numHeads, headDim } = module;
  const normed = normalise(module, inputs.values);
  const query = linear(normed, module.queryWeight, module.queryBias, hiddenSize);
  const key = linear(normed, module.keyWeight, module.keyBias, hiddenSize);
  const value = linear(normed, module.valueWeight, module.valueBias, hiddenSize);
  const outputs = new Float64Array(query.length);
  for (let sequence = 0; sequence + 1 < inputs.starts.length; sequence++) {
    const begin = inputs.starts[sequence]!;
    const end = inputs.starts[sequence + 1]!;
    for (let head = 0; head < numHeads; head++) {
      const heads = { width: numHeads * headDim, headDim, first: head * headDim };
      const rows = { query, key, value, outputs, scores: new Float64Array(end - begin), ...heads };
      for (let row = begin; row < end; row++) {
        attend(rows, row, begin, end);
      }
    }
  }
  return outputs;
}

/**
 * Computes what the module adds to its input: `g sum_m z_m O_mᵀ + output.bias`, with `g` 1 for
 * 'sum' and 1 / M for 'mean'.
 *
 * @param module The module; left unchanged.
 * @param inputs What the module reads: the output of the attention block; left unchanged.
 * @returns A new array, f64 [tokens, D].
 * @throws {RangeError} when the sequences do not cover the rows, or one is empty.
 */
export function layerUpdate(module: LayerModule, inputs: LayerInputs): Float64Array {
  const scale = headScale(module);
  const scaled = headOutputs(module, inputs).map((value) => scale * value);
  return linear(scaled, module.outputWeight, module.outputBias, module.queryBias.length);
}

function requireSequences({ hiddenSize }: LayerModule, { values, starts }: LayerInputs): void {
  const rows = values.length / hiddenSize;
  let covered = starts.length > 0 && starts[0] === 0 && starts[starts.length - 1] === rows;
  for (let i = 1; i < starts.length; i++) covered &&= starts[i]! > starts[i - 1]!;
  if (covered) return;
  throw new RangeError(
    `Cannot run the module: the sequences start at [${Array.from(starts).join(", ")}], expected ` +
      `increasing rows from 0 to ${rows}: give every sequence at least one token`,
  );
}

/** LayerNorm of each row, with biased variance, f64 [rows, D]. */
function normalise(
  { hiddenSize, layerNormEps, normWeight, normBias }: LayerModule,
  values: Float64Array,
): Float64Array {
  const normed = new Float64Array(values.length);
  for (let begin = 0; begin < values.length; begin += hiddenSize) {
    let sum = 0;
    for (let i = 0; i < hiddenSize; i++) sum += values[begin + i]!;
    const mean = sum / hiddenSize;
    let squares = 0;
    for (let i = 0; i < hiddenSize; i++) squares += (values[begin + i]! - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / hiddenSize + layerNormEps);
    for (let i = 0; i < hiddenSize; i++) {
      normed[begin + i] = normWeight[i]! * ((values[begin + i]! - mean) * factor) + normBias[i]!;
    }
  }
  return normed;
}

/** `x Wᵀ + b`: x [rows, columns], W [outputs, columns], b [outputs] to [rows, outputs]. */
function linear(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array,
  columns: number,
): Float64Array {
  const y = rowProducts(x, weight, columns);
  for (let begin = 0; begin < y.length; begin += bias.length) {
    for (let i = 0; i < bias.length; i++) y[begin + i]! += bias[i]!;
  }
  return y;
}

/** Query, key, value and output rows of all heads, and which columns are one head's. */
interface HeadRows {
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
  readonly outputs: Float64Array;
  /** Room for one token's scores of a whole sequence. */
  readonly scores: Float64Array;
  readonly width: number;
  readonly headDim: number;
  readonly first: number;
}

/** Attention of one head for one token, over the rows of its sequence. */
function attend(
  { query, key, value, outputs, scores, width, headDim, first }: HeadRows,
  row: number,
  begin: number,
  end: number,
): void {
  const count = end - begin;
  let largest = -Infinity;
  for (let other = 0; other < count; other++) {
    let score = 0;
    for (let i = first; i < first + headDim; i++) {
      score += query[row * width + i]! * key[(begin + other) * width + i]!;
    }
    scores[other] = score / Math.sqrt(headDim);
    largest = Math.max(largest, scores[other]!);
  }
  let total = 0;
  for (let other = 0; other < count; other++) {
    scores[other] = Math.exp(scores[other]! - largest);
    total += scores[other]!;
  }
  for (let i = first; i < first + headDim; i++) {
    let sum = 0;
    for (let other = 0; other < count; other++) {
      sum += scores[other]! * value[(begin + other) * width + i]!;
    }
    outputs[row * width + i] = sum / total;
  }
}
