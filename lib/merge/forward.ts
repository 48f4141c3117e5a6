/**
 * The tiny-attention module's forward pass in f64, by its definition: what reports measure merges
 * with.
 *
 * @module
 */

import type { LayerModule } from "./layer.ts";

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
      for (let row = begin; row < end; row++) {
        attend({ query, key, value, outputs, ...heads }, row, begin, end);
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
    const row = values.subarray(begin, begin + hiddenSize);
    const mean = row.reduce((sum, value) => sum + value, 0) / hiddenSize;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / hiddenSize;
    const factor = 1 / Math.sqrt(variance + layerNormEps);
    for (let i = 0; i < hiddenSize; i++) {
      normed[begin + i] = normWeight[i]! * ((row[i]! - mean) * factor) + normBias[i]!;
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
  const outputs = bias.length;
  const rows = x.length / columns;
  const y = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = bias[output]!;
      for (let i = 0; i < columns; i++) {
        sum += x[row * columns + i]! * weight[output * columns + i]!;
      }
      y[row * outputs + output] = sum;
    }
  }
  return y;
}

/** Query, key, value and output rows of all heads, and which columns are one head's. */
interface HeadRows {
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
  readonly outputs: Float64Array;
  readonly width: number;
  readonly headDim: number;
  readonly first: number;
}

/** Attention of one head for one token, over the rows of its sequence. */
function attend(
  { query, key, value, outputs, width, headDim, first }: HeadRows,
  row: number,
  begin: number,
  end: number,
): void {
  const scores = new Float64Array(end - begin);
  for (let other = begin; other < end; other++) {
    let score = 0;
    for (let i = first; i < first + headDim; i++) {
      score += query[row * width + i]! * key[other * width + i]!;
    }
    scores[other - begin] = score / Math.sqrt(headDim);
  }
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = first; i < first + headDim; i++) {
    let sum = 0;
    for (let other = begin; other < end; other++) {
      sum += weights[other - begin]! * value[other * width + i]!;
    }
    outputs[row * width + i] = sum / total;
  }
}
