/**
 * What a merge does to a layer: how far its output moves, and how alike its heads are.
 *
 * @module
 */

import { gaussians, seededUint32 } from "../tensor/random.ts";
import { foldLayer } from "./fold.ts";
import { headOutputs, type LayerInputs, layerUpdate } from "./forward.ts";
import type { LayerModule } from "./layer.ts";

/** Lengths of the sequences that {@linkcode gaussianInputs} draws, in tokens. */
const SEQUENCE_LENGTHS = [8, 16, 32, 64];

/**
 * Draws inputs to measure a module at where no text is at hand: normally distributed token
 * vectors of mean 0 and standard deviation 1, 120 tokens in four sequences.
 *
 * @param hiddenSize `D`, in elements.
 * @param seed The same seed gives the same inputs.
 * @returns New inputs, f64 [120, D].
 */
export function gaussianInputs(hiddenSize: number, seed: number): LayerInputs {
  const starts = [0];
  for (const length of SEQUENCE_LENGTHS) starts.push(starts.at(-1)! + length);
  const values = gaussians(starts.at(-1)! * hiddenSize, seededUint32(seed));
  return { values, starts };
}

/**
 * Measures how far a merged module's output is from the original's: `|h_merged - h_original| /
 * |h_original|` in the Frobenius norm. Both outputs go without the original's folded output bias,
 * a constant that merging keeps and that would flatter.
 *
 * @param merged The module after the merge; left unchanged.
 * @param original The module before the merge; left unchanged.
 * @param inputs Where to measure; left unchanged.
 * @returns 0 where nothing changed, 1 where the merge is as bad as having no heads. Heads that add
 * up to nothing before and after, as in a fresh adapter, count as unchanged; nothing turned into
 * something is Infinity.
 */
export function relativeError(
  merged: LayerModule,
  original: LayerModule,
  inputs: LayerInputs,
): number {
  // Folding rounds, which is no error of a merge that left the module as it is.
  if (merged === original) return 0;
  const folded = foldLayer(original);
  const zero = new Float64Array(folded.hiddenSize);
  const wanted = layerUpdate({ ...folded, outputBias: zero }, inputs);
  const outputBias = merged.outputBias.map((bias, i) => bias - folded.outputBias[i]!);
  const found = layerUpdate({ ...merged, outputBias }, inputs);
  let error = 0;
  let length = 0;
  for (let i = 0; i < wanted.length; i++) {
    error += (found[i]! - wanted[i]!) ** 2;
    length += wanted[i]! ** 2;
  }
  return error === 0 ? 0 : Math.sqrt(error / length);
}

/**
 * Measures how alike the heads of a module are: the cosine between their outputs `h_m = A_m v_m
 * O_mᵀ`, taken over all tokens, without the constant part that biases add.
 *
 * @param module The module; left unchanged.
 * @param inputs Where to measure; left unchanged.
 * @returns M rows of M cosines in [-1, 1]: 1 on the diagonal; 0 between heads one of which gives
 * nothing, as all heads of a fresh adapter do.
 */
export function headSimilarity(module: LayerModule, inputs: LayerInputs): number[][] {
  const products = headProducts(foldLayer(module), inputs);
  return products.map((row, m) =>
    row.map((product, n) => {
      if (m === n) return 1;
      const norms = Math.sqrt(products[m]![m]!) * Math.sqrt(products[n]![n]!);
      return norms > 0 ? Math.max(-1, Math.min(1, product / norms)) : 0;
    })
  );
}

/** The inner products between the outputs of a folded module's heads, over all tokens, M x M. */
function headProducts(folded: LayerModule, inputs: LayerInputs): number[][] {
  const { numHeads, headDim } = folded;
  const width = numHeads * headDim;
  // <h_m, h_n> = sum over their columns i, j of (Zᵀ Z)_ij (Oᵀ O)_ij: no [T, D] output is needed.
  const ofOutputs = columnProducts(headOutputs(folded, inputs), width);
  const ofWeights = columnProducts(folded.outputWeight, width);
  const heads = Array.from({ length: numHeads }, (_, head) => head);
  return heads.map((m) =>
    heads.map((n) => {
      let sum = 0;
      for (let i = m * headDim; i < (m + 1) * headDim; i++) {
        for (let j = n * headDim; j < (n + 1) * headDim; j++) {
          sum += ofOutputs[i * width + j]! * ofWeights[i * width + j]!;
        }
      }
      return sum;
    })
  );
}

/** `XᵀX` of X [rows, width]: the products of all pairs of columns, f64 [width, width]. */
function columnProducts(x: Float64Array, width: number): Float64Array {
  const products = new Float64Array(width * width);
  for (let begin = 0; begin < x.length; begin += width) {
    for (let i = 0; i < width; i++) {
      const left = x[begin + i]!;
      for (let j = 0; j < width; j++) products[i * width + j]! += left * x[begin + j]!;
    }
  }
  return products;
}
