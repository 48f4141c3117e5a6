/**
 * What a layer's few heads are to add, token by token.
 *
 * @module
 */

import { headScale } from "../merge/forward.ts";
import type { LayerModule } from "../merge/layer.ts";
import { multiply } from "../merge/linear_algebra.ts";
import type { Targets } from "./attended_text.ts";
import { attendHeads, standardise } from "./heads_on_text.ts";
import type { PlacedStates } from "./placed_states.ts";
import { eigenvectors } from "./solve.ts";
import type { TextRun } from "./text_run.ts";

/** Directions of outputs whose squared length is below this part of the longest are rounding. */
const NEGLIGIBLE = 1e-14;

/** Two views of what is wanted of a layer. */
export interface LayerTargets {
  /**
   * What the heads before add at the states of the merged model, without bias, in coordinates along
   * orthonormal directions: as many as the heads are wide in all.
   */
  readonly matching: Targets;
  /** The mean of that, bias included, and of what would undo the errors of the layers before. */
  readonly correcting: Targets;
}

/**
 * Computes what a layer's heads are to add.
 *
 * @param run The text.
 * @param folded The module before, folded; left unchanged.
 * @param wanted What the module's update was added to in the model before the merge, with the update,
 * f32 [tokens, D]; kept.
 * @param merged What the module reads in the merged model, and what its update is to be added to;
 * kept.
 * @returns The targets, valid while both states are left unchanged.
 */
export function layerTargets(
  run: TextRun,
  folded: LayerModule,
  wanted: Float32Array,
  { inputs, states }: Pick<PlacedStates, "inputs" | "states">,
): LayerTargets {
  const { hiddenSize, layerNormEps, numHeads, headDim } = folded;
  const width = numHeads * headDim;
  const mixed = new Float64Array(run.tokens * width);
  for (const chunk of run.chunks) {
    const normed = standardise(run.rows(inputs, chunk), hiddenSize, layerNormEps);
    mixed.set(attendHeads(folded, normed, chunk.batch.starts), chunk.begin * width);
  }
  const mixing = outputCoordinates(folded);
  const columns = mixing.length / width;
  const coordinates = columns === 0 ? new Float64Array(0) : multiply(mixed, mixing, width);
  return {
    matching: {
      columns,
      read: (token, into) => into.set(coordinates.subarray(token * columns, (token + 1) * columns)),
    },
    correcting: {
      columns: hiddenSize,
      read: (token, into) => {
        addOutputs(folded, mixed, token, into);
        const begin = token * hiddenSize;
        for (let i = 0; i < hiddenSize; i++) {
          into[i] = (into[i]! + wanted[begin + i]! - states[begin + i]!) / 2;
        }
      },
    },
  };
}

/** Writes one row of the module's update. */
function addOutputs(folded: LayerModule, mixed: Float64Array, token: number, into: Float64Array) {
  const { outputBias, outputWeight, queryBias } = folded;
  const width = queryBias.length;
  const scale = headScale(folded);
  for (let i = 0; i < into.length; i++) {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += mixed[token * width + j]! * outputWeight[i * width + j]!;
    into[i] = scale * sum + outputBias[i]!;
  }
}

/** `g V Λ^½` of `OᵀO = V Λ Vᵀ`, f64 [E, columns]: `Λ^-½ Vᵀ Oᵀ` has orthonormal rows. */
function outputCoordinates(folded: LayerModule): Float64Array {
  const { hiddenSize, outputWeight, numHeads, headDim } = folded;
  const width = numHeads * headDim;
  const products = new Float64Array(width * width);
  for (let row = 0; row < hiddenSize; row++) {
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) {
        products[i * width + j]! += outputWeight[row * width + i]! * outputWeight[row * width + j]!;
      }
    }
  }
  const { values, vectors } = eigenvectors(products, width);
  const columns = values.filter((value) => value > NEGLIGIBLE * values[0]!).length;
  const scale = headScale(folded);
  return Float64Array.from({ length: width * columns }, (_, at) => {
    const [i, column] = [Math.floor(at / columns), at % columns];
    return scale * Math.sqrt(values[column]!) * vectors[column * width + i]!;
  });
}
