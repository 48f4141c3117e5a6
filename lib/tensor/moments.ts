/**
 * Count, range, mean and deviation of numbers that come in blocks.
 *
 * @module
 */

import { squaresAbout, sumOf } from "./sums.ts";

/** Count, range, mean and deviation of what was added so far; blocks in any order. */
export class Moments {
  /** Finite numbers, in elements. */
  finite = 0;
  /** Finite numbers that are 0 or -0, in elements. */
  zeros = 0;
  /** In elements. */
  nan = 0;
  /** Infinities of either sign, in elements. */
  inf = 0;
  /** The least finite number; Infinity while there is none. */
  min: number = Infinity;
  /** The largest finite number; -Infinity while there is none. */
  max: number = -Infinity;
  // A sum and what was lost in rounding it: thousands of blocks add up without drift.
  #sum = 0;
  #lost = 0;
  /** Sum of squared distances from the mean. */
  #squares = 0;

  /** Mean of the finite numbers; NaN while there is none. */
  get mean(): number {
    return (this.#sum + this.#lost) / this.finite;
  }

  /** Population standard deviation of the finite numbers: divided by their count, not one less. */
  get std(): number {
    return Math.sqrt(this.#squares / this.finite);
  }

  /**
   * Adds a block.
   *
   * The block's own mean and squares come from two passes over it, and two sets are joined without
   * cancellation, so the result hardly depends on order or on how far the mean is from 0. Numbers
   * whose squares overflow an f64, those beyond 1e150, give an infinite deviation.
   *
   * @param block Some thousand numbers at most, so that plain sums stay accurate; overwritten: the
   *   finite ones are moved to its front.
   * @returns The finite numbers: the front of `block`.
   * @see Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
   *   Variances", 1979
   * @see Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974
   */
  add(block: Float64Array): Float64Array {
    let sum = sumOf(block);
    let values = block;
    if (!Number.isFinite(sum)) {
      // Rare, so looked for only afterwards: the common loops then have no branch for it.
      values = this.#dropNonFinite(block);
      sum = sumOf(values);
    }
    const count = values.length;
    if (count === 0) return values;
    this.#addRange(values);
    const mean = sum / count;
    let squares = squaresAbout(values, mean);
    if (this.finite > 0) {
      const apart = mean - this.mean;
      squares += apart * apart * (this.finite / (this.finite + count)) * count;
    }
    this.#squares += squares;
    this.#add(sum);
    this.finite += count;
    return values;
  }

  #dropNonFinite(block: Float64Array): Float64Array {
    let count = 0;
    for (const value of block) {
      if (Number.isFinite(value)) block[count++] = value;
      else if (Number.isNaN(value)) this.nan++;
      else this.inf++;
    }
    return block.subarray(0, count);
  }

  #addRange(values: Float64Array): void {
    let { min, max, zeros } = this;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
      if (value === 0) zeros++;
    }
    this.min = min;
    this.max = max;
    this.zeros = zeros;
  }

  #add(term: number): void {
    const sum = this.#sum + term;
    const larger = Math.abs(this.#sum) >= Math.abs(term);
    this.#lost += larger ? (this.#sum - sum) + term : (term - sum) + this.#sum;
    this.#sum = sum;
  }
}
