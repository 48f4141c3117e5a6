/**
 * The heads of a folded module at the states of a text, in f64.
 *
 * @module
 */

import { headScale } from "../merge/forward.ts";
import type { LayerModule } from "../merge/layer.ts";
import { rowProducts } from "../merge/linear_algebra.ts";

/** What a module's heads compute before they attend, one row a token. */
export interface HeadRows {
  /** Queries over the square root of `headDim`, f64 [tokens, E]. */
  readonly query: Float64Array;
  /** Keys, f64 [tokens, E]. */
  readonly key: Float64Array;
  /** Values, f64 [tokens, E]. */
  readonly value: Float64Array;
}

/**
 * Normalises each row to mean 0 and variance 1, as a folded module's LayerNorm does.
 *
 * @param states f32 [tokens, D]; left unchanged.
 * @param hiddenSize D, in elements.
 * @param eps What is added to the variance.
 * @returns A new array, f64 [tokens, D].
 */
export function standardise(states: Float32Array, hiddenSize: number, eps: number): Float64Array {
  const normed = new Float64Array(states.length);
  for (let begin = 0; begin < states.length; begin += hiddenSize) {
    let sum = 0;
    for (let i = begin; i < begin + hiddenSize; i++) sum += states[i]!;
    const mean = sum / hiddenSize;
    let squares = 0;
    for (let i = begin; i < begin + hiddenSize; i++) squares += (states[i]! - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / hiddenSize + eps);
    for (let i = begin; i < begin + hiddenSize; i++) normed[i] = (states[i]! - mean) * factor;
  }
  return normed;
}

/**
 * Computes queries, keys and values.
 *
 * @param folded A folded module; left unchanged.
 * @param normed What {@linkcode standardise} gives, f64 [tokens, D]; left unchanged.
 * @returns New arrays.
 */
export function projectHeads(folded: LayerModule, normed: Float64Array): HeadRows {
  const { hiddenSize, headDim, queryBias } = folded;
  const width = queryBias.length;
  const query = rowProducts(normed, folded.queryWeight, hiddenSize);
  const scale = 1 / Math.sqrt(headDim);
  for (let begin = 0; begin < query.length; begin += width) {
    for (let i = 0; i < width; i++) query[begin + i] = scale * (query[begin + i]! + queryBias[i]!);
  }
  return {
    query,
    key: rowProducts(normed, folded.keyWeight, hiddenSize),
    value: rowProducts(normed, folded.valueWeight, hiddenSize),
  };
}

/**
 * Computes where the heads look, sequence by sequence.
 *
 * @param folded The module that the rows come from.
 * @param rows Its queries and keys; left unchanged.
 * @param starts The row at which each sequence begins, and the end.
 * @param visit Called for each sequence with its rows and one map a head, f64 [n, n] for its `n`
 * tokens, row-major, each row of sum 1. The maps are overwritten for the next sequence.
 */
export function attentionMaps(
  { numHeads, headDim }: LayerModule,
  { query, key }: HeadRows,
  starts: ArrayLike<number>,
  visit: (begin: number, end: number, maps: readonly Float64Array[]) => void,
): void {
  const width = numHeads * headDim;
  let room: Float64Array[] = [];
  for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
    const begin = starts[sequence]!;
    const end = starts[sequence + 1]!;
    const size = (end - begin) ** 2;
    if (size > (room[0]?.length ?? 0)) {
      room = Array.from({ length: numHeads }, () => new Float64Array(size));
    }
    const maps = room.map((map) => map.subarray(0, size));
    for (const [head, map] of maps.entries()) {
      const first = head * headDim;
      for (let row = begin; row < end; row++) {
        const into = map.subarray((row - begin) * (end - begin), (row - begin + 1) * (end - begin));
        for (let other = 0; other < into.length; other++) {
          let score = 0;
          for (let i = first; i < first + headDim; i++) {
            score += query[row * width + i]! * key[(begin + other) * width + i]!;
          }
          into[other] = score;
        }
        softmax(into);
      }
    }
    visit(begin, end, maps);
  }
}

/**
 * Turns scores into weights of sum 1, `exp(score)` each over their sum.
 *
 * @param row At least one finite score; overwritten.
 */
export function softmax(row: Float64Array): void {
  let largest = -Infinity;
  for (let i = 0; i < row.length; i++) if (row[i]! > largest) largest = row[i]!;
  let total = 0;
  for (let i = 0; i < row.length; i++) {
    const weight = Math.exp(row[i]! - largest);
    row[i] = weight;
    total += weight;
  }
  const factor = 1 / total;
  for (let i = 0; i < row.length; i++) row[i]! *= factor;
}

/**
 * Mixes rows of a sequence as a head's map says.
 *
 * @param map f64 [n, n]; left unchanged.
 * @param columns Which columns: those of `source` from `first` to `last`, the end excluded.
 * @param source f64 [tokens, width]; the sequence's rows begin at `begin`.
 * @param into f64 [tokens, width]; gets the sums in the same places.
 */
export function mixRows(
  map: Float64Array,
  { begin, end, first, last, width }: {
    readonly begin: number;
    readonly end: number;
    readonly first: number;
    readonly last: number;
    readonly width: number;
  },
  source: Float64Array,
  into: Float64Array,
): void {
  const count = end - begin;
  for (let row = 0; row < count; row++) {
    for (let i = first; i < last; i++) {
      let sum = 0;
      for (let other = 0; other < count; other++) {
        sum += map[row * count + other]! * source[(begin + other) * width + i]!;
      }
      into[(begin + row) * width + i] = sum;
    }
  }
}

/**
 * Computes each head's attention output before the output weight.
 *
 * @param folded A folded module; left unchanged.
 * @param normed What {@linkcode standardise} gives, f64 [tokens, D]; left unchanged.
 * @param starts The row at which each sequence begins, and the end.
 * @param visit Called as by {@linkcode attentionMaps}.
 * @returns A new array, f64 [tokens, E].
 */
export function attendHeads(
  folded: LayerModule,
  normed: Float64Array,
  starts: ArrayLike<number>,
  visit?: (begin: number, end: number, maps: readonly Float64Array[]) => void,
): Float64Array {
  const { numHeads, headDim } = folded;
  const rows = projectHeads(folded, normed);
  const outputs = new Float64Array(rows.value.length);
  attentionMaps(folded, rows, starts, (begin, end, maps) => {
    for (const [head, map] of maps.entries()) {
      const first = head * headDim;
      const columns = { first, last: first + headDim, width: numHeads * headDim };
      mixRows(map, { begin, end, ...columns }, rows.value, outputs);
    }
    visit?.(begin, end, maps);
  });
  return outputs;
}

/**
 * Computes what a module adds to its input from its heads' outputs.
 *
 * @param folded The module.
 * @param outputs What {@linkcode attendHeads} gives, f64 [tokens, E]; left unchanged.
 * @param bias What is added to every row, f64 [D]: the module's output bias unless given.
 * @returns A new array, f64 [tokens, D].
 */
export function updateOf(
  folded: LayerModule,
  outputs: Float64Array,
  bias: Float64Array = folded.outputBias,
): Float64Array {
  const { hiddenSize, outputWeight, queryBias } = folded;
  const scale = headScale(folded);
  const update = rowProducts(outputs, outputWeight, queryBias.length);
  for (let begin = 0; begin < update.length; begin += hiddenSize) {
    for (let i = 0; i < hiddenSize; i++) update[begin + i] = scale * update[begin + i]! + bias[i]!;
  }
  return update;
}

/**
 * Adds an update to states.
 *
 * @param states f32 [tokens, D]; each sum is rounded once.
 * @param update f64 [tokens, D]; left unchanged.
 */
export function addUpdate(states: Float32Array, update: Float64Array): void {
  for (let i = 0; i < states.length; i++) states[i]! += update[i]!;
}
