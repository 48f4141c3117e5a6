/**
 * Fitting what a few heads bring, where they look being given.
 *
 * @module
 */

import type { LayerModule } from "../merge/layer.ts";
import { multiply } from "../merge/linear_algebra.ts";
import { AttendedText, type Moments, type Targets, type WeightedText } from "./attended_text.ts";
import { reducedRank } from "./reduced_rank.ts";
import { mirror, solveSymmetric } from "./solve.ts";

/** Part of the mean second moment that is added where value weights are solved for. */
export const VALUE_RIDGE = 0.03;
/** Part of each output's own second moment that is added where output weights are solved for. */
const OUTPUT_RIDGE = 1e-8;
/** Rounds over the heads, where there are several. */
const SWEEPS = 6;

/** A few heads, fitted. */
export interface FittedHeads {
  /** V of each head, f64 [headDim, D]. */
  readonly values: readonly Float64Array[];
  /** Oᵀ of all heads under each other, f64 [E, columns]. */
  readonly output: Float64Array;
  /** f64 [columns]. */
  readonly bias: Float64Array;
  /** The sum of squared distances from the targets, by the tokens' weights. */
  readonly residual: number;
  /** The sum of squares of the targets about their mean. */
  readonly energy: number;
}

/** One head while it is fitted. */
interface Part {
  readonly attended: AttendedText;
  readonly moments: Moments;
  value: Float64Array;
  /** `G Vᵀ`, f64 [tokens, headDim]. */
  mixed: Float64Array;
}

/**
 * Finds value and output weights of heads, and a bias, that bring their sum closest to the targets:
 * head by head by regression of small rank on what the others leave, in closed form each time.
 * Where the values that the heads start with fit better, they stay, with outputs solved for: heads
 * that are equal as functions are found exactly.
 *
 * @param text The text; left unchanged.
 * @param targets What the heads are to add.
 * @param heads Folded modules of one head each; left unchanged.
 * @param pause Called from time to time: lets other events in.
 * @returns The fit.
 */
export async function fitHeads(
  text: WeightedText,
  targets: Targets,
  heads: readonly LayerModule[],
  pause: () => Promise<void>,
): Promise<FittedHeads> {
  const parts: Part[] = [];
  for (const head of heads) {
    const attended = new AttendedText(text, head);
    const moments = await attended.moments(targets, pause);
    const value = head.valueWeight;
    parts.push({ attended, moments, value, mixed: attended.project(value) });
  }
  const { columns } = targets;
  let output = solveOutput(parts, columns);
  const asStarted = resultOf(parts, output, columns);
  const rank = heads[0]!.headDim;
  for (let sweep = 0; sweep < (parts.length === 1 ? 1 : SWEEPS); sweep++) {
    for (const [index, part] of parts.entries()) {
      await pause();
      const left = leftFor(parts, index, output, columns);
      const fit = reducedRank(part.moments.gram, left, rank, VALUE_RIDGE);
      part.value = fit.value;
      part.mixed = part.attended.project(fit.value);
      output.set(fit.output, index * rank * columns);
    }
    if (parts.length > 1) output = solveOutput(parts, columns);
  }
  const fitted = resultOf(parts, output, columns);
  return fitted.residual <= asStarted.residual ? fitted : asStarted;
}

/**
 * Measures how much heads leave of the targets with their own values, outputs and bias solved for.
 *
 * @param text The text; left unchanged.
 * @param targets What the heads are to add.
 * @param heads Folded modules of one head each; left unchanged.
 * @returns The sum of squared distances from the targets, by the tokens' weights.
 */
export function solvedResidual(
  text: WeightedText,
  targets: Targets,
  heads: readonly LayerModule[],
): number {
  const mixed = heads.map((head) => new AttendedText(text, head).project(head.valueWeight));
  const rank = heads[0]!.headDim;
  const width = heads.length * rank + 1;
  const { columns } = targets;
  const gram = new Float64Array(width * width);
  const cross = new Float64Array(width * columns);
  const row = new Float64Array(width);
  const target = new Float64Array(columns);
  let residual = 0;
  for (const [token, weight] of text.weights.entries()) {
    if (weight === 0) continue;
    targets.read(token, target);
    for (const [index, values] of mixed.entries()) {
      for (let i = 0; i < rank; i++) row[index * rank + i] = values[token * rank + i]!;
    }
    row[width - 1] = 1;
    for (let i = 0; i < width; i++) {
      const left = weight * row[i]!;
      for (let j = i; j < width; j++) gram[i * width + j]! += left * row[j]!;
      for (let j = 0; j < columns; j++) cross[i * columns + j]! += left * target[j]!;
    }
    for (let j = 0; j < columns; j++) residual += weight * target[j]! ** 2;
  }
  mirror(gram, width);
  const solution = solveSymmetric(gram, cross, width);
  for (let i = 0; i < solution.length; i++) residual -= solution[i]! * cross[i]!;
  return Math.max(0, residual);
}

/** `GᵀY` of one head, less what the other heads take of Y. */
function leftFor(
  parts: readonly Part[],
  index: number,
  output: Float64Array,
  columns: number,
): Float64Array {
  const { attended, moments } = parts[index]!;
  const left = moments.cross.slice();
  const size = moments.mean.length;
  for (const [other, { mixed, value }] of parts.entries()) {
    if (other === index) continue;
    const rank = value.length / size;
    const gathered = attended.gather(mixed, rank);
    const sums = weightedSums(mixed, rank, attended.text.weights);
    for (let row = 0; row < rank; row++) {
      const direction = output.subarray((other * rank + row) * columns);
      for (let i = 0; i < size; i++) {
        const product = gathered[row * size + i]! - moments.mean[i]! * sums[row]!;
        for (let j = 0; j < columns; j++) left[i * columns + j]! -= product * direction[j]!;
      }
    }
  }
  return left;
}

/** Output weights by least squares on what the heads give, f64 [E, columns]. */
function solveOutput(parts: readonly Part[], columns: number): Float64Array {
  const { gram, cross } = mixedMoments(parts, columns);
  const width = Math.sqrt(gram.length);
  for (let i = 0; i < width; i++) gram[i * width + i]! *= 1 + OUTPUT_RIDGE;
  return solveSymmetric(gram, cross, width);
}

/** `ZᵀZ` and `ZᵀY` about the means for what the heads give, f64 [E, E] and [E, columns]. */
function mixedMoments(
  parts: readonly Part[],
  columns: number,
): { readonly gram: Float64Array; readonly cross: Float64Array } {
  const { attended: { text: { weights }, total } } = parts[0]!;
  const rank = parts[0]!.mixed.length / weights.length;
  const width = parts.length * rank;
  const gram = new Float64Array(width * width);
  const cross = new Float64Array(width * columns);
  for (const [i, one] of parts.entries()) {
    const { cross: part } = one.moments;
    cross.set(multiply(one.value, part, part.length / columns), i * rank * columns);
    const ofOne = weightedSums(one.mixed, rank, weights);
    for (const [j, other] of parts.entries()) {
      const ofOther = weightedSums(other.mixed, rank, weights);
      for (let k = 0; k < rank; k++) {
        for (let l = 0; l < rank; l++) {
          let sum = -ofOne[k]! * ofOther[l]! / total;
          for (let token = 0; token < weights.length; token++) {
            sum += weights[token]! * one.mixed[token * rank + k]! * other.mixed[token * rank + l]!;
          }
          gram[(i * rank + k) * width + j * rank + l] = sum;
        }
      }
    }
  }
  return { gram, cross };
}

function resultOf(parts: readonly Part[], output: Float64Array, columns: number): FittedHeads {
  const { gram, cross } = mixedMoments(parts, columns);
  const width = Math.sqrt(gram.length);
  const { energy, mean, targetMean } = parts[0]!.moments;
  // |Y - Z O|² = |Y|² - 2 <ZᵀY, O> + <O, ZᵀZ O>
  const image = multiply(gram, output, width);
  let residual = energy;
  for (let i = 0; i < output.length; i++) residual += output[i]! * (image[i]! - 2 * cross[i]!);
  const bias = targetMean.slice();
  for (const [index, { value, moments }] of parts.entries()) {
    const rank = value.length / mean.length;
    const constants = multiply(value, moments.mean, mean.length);
    for (let row = 0; row < rank; row++) {
      const begin = (index * rank + row) * columns;
      for (let j = 0; j < columns; j++) bias[j]! -= constants[row]! * output[begin + j]!;
    }
  }
  const values = parts.map(({ value }) => value);
  return { values, output: output.slice(), bias, residual: Math.max(0, residual), energy };
}

function weightedSums(rows: Float64Array, width: number, weights: Float64Array): Float64Array {
  const sums = new Float64Array(width);
  for (let token = 0; token < weights.length; token++) {
    for (let i = 0; i < width; i++) sums[i]! += weights[token]! * rows[token * width + i]!;
  }
  return sums;
}
