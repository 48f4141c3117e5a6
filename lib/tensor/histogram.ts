/**
 * A histogram of numbers whose range is known only at the end, in one pass.
 *
 * @module
 */

const BINS = 4096;
/** Narrower bins would need a scale beyond the largest f64. */
const NARROWEST = -1000;

/**
 * Counts numbers in bins of width 2^k that lie at multiples of 2^k. When a number falls outside,
 * bins are joined in pairs, which keeps the grid; so the counts depend on the numbers alone, not
 * on their order (but for negative ones 2^1000 times as small as the range, which may count as 0).
 */
export class Histogram {
  #counts = new Float64Array(BINS);
  /** k: every bin is 2^k wide. */
  #exponent = NARROWEST;
  /** The first bin begins at `first * 2^k`. */
  #first = 0;
  #min = Infinity;
  #max = -Infinity;

  /**
   * Counts numbers.
   *
   * @param values Finite numbers; left unchanged.
   * @param min The least of all numbers so far, these included.
   * @param max The largest of them.
   */
  add(values: Float64Array, min: number, max: number): void {
    if (min < this.#min || max > this.#max) this.#widen(min, max);
    const counts = this.#counts;
    const first = this.#first;
    const scale = 2 ** -this.#exponent;
    for (let i = 0; i < values.length; i++) counts[Math.floor(values[i]! * scale) - first]!++;
  }

  /**
   * Sums the counts up in columns of equal width from the least to the largest number. A bin counts
   * where its middle lies: at 20 columns, edges are off by a hundredth of a column at most.
   *
   * @param columns How many.
   * @returns One count a column, in elements; all in the first when there is only one value.
   */
  columns(columns: number): number[] {
    const sums = new Array<number>(columns).fill(0);
    const width = 2 ** this.#exponent;
    // Halves, since the span of two f64 may be beyond the largest one.
    const span = this.#max / 2 - this.#min / 2;
    for (const [bin, count] of this.#counts.entries()) {
      if (count === 0) continue;
      const middle = (this.#first + bin + 0.5) * width;
      const share = span === 0 ? 0 : (middle / 2 - this.#min / 2) / span;
      sums[Math.min(Math.max(Math.floor(share * columns), 0), columns - 1)]! += count;
    }
    return sums;
  }

  /** Makes the bins just wide enough for the range, and moves the counts. */
  #widen(min: number, max: number): void {
    const width = 2 ** this.#exponent;
    let exponent = this.#exponent;
    while (!fits(min, max, exponent)) exponent++;
    const scale = 2 ** -exponent;
    const first = Math.floor(min * scale);
    const counts = new Float64Array(BINS);
    for (const [bin, count] of this.#counts.entries()) {
      if (count === 0) continue;
      // Below the bin of `min` only where the product is too small for an f64.
      const joined = Math.floor((this.#first + bin) * width * scale) - first;
      counts[Math.max(joined, 0)]! += count;
    }
    this.#counts = counts;
    this.#exponent = exponent;
    this.#first = first;
    this.#min = min;
    this.#max = max;
  }
}

function fits(min: number, max: number, exponent: number): boolean {
  const scale = 2 ** -exponent;
  return Math.floor(max * scale) - Math.floor(min * scale) < BINS;
}
