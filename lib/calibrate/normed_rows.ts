/**
 * The normalised states of a text as a matrix that is never formed.
 *
 * @module
 */

/**
 * X, f64 [tokens, D]: each row of the states normalised to mean 0 and variance 1. Only the states
 * are held, in f32, with two numbers a token.
 */
export class NormedRows {
  /** Rows. */
  readonly tokens: number;
  /** D, in elements. */
  readonly hiddenSize: number;
  readonly #states: Float32Array;
  readonly #means: Float64Array;
  readonly #factors: Float64Array;

  /**
   * Takes each row's mean and deviation.
   *
   * @param states f32 [tokens, D]; kept, and not to be changed while the rows are in use.
   * @param hiddenSize D, in elements.
   * @param eps What the LayerNorm adds to the variance.
   */
  constructor(states: Float32Array, hiddenSize: number, eps: number) {
    this.#states = states;
    this.hiddenSize = hiddenSize;
    this.tokens = states.length / hiddenSize;
    this.#means = new Float64Array(this.tokens);
    this.#factors = new Float64Array(this.tokens);
    for (let token = 0; token < this.tokens; token++) {
      const begin = token * hiddenSize;
      let sum = 0;
      for (let i = begin; i < begin + hiddenSize; i++) sum += states[i]!;
      const mean = sum / hiddenSize;
      let squares = 0;
      for (let i = begin; i < begin + hiddenSize; i++) squares += (states[i]! - mean) ** 2;
      this.#means[token] = mean;
      this.#factors[token] = 1 / Math.sqrt(squares / hiddenSize + eps);
    }
  }

  /**
   * Writes one row.
   *
   * @param token Which, from 0.
   * @param into f64 [D]; overwritten.
   */
  row(token: number, into: Float64Array): void {
    const [begin, mean] = [token * this.hiddenSize, this.#means[token]!];
    const factor = this.#factors[token]!;
    for (let i = 0; i < this.hiddenSize; i++) into[i] = (this.#states[begin + i]! - mean) * factor;
  }

  /**
   * Multiplies `X Wᵀ`.
   *
   * @param weights W, f64 [columns, D]; left unchanged.
   * @returns A new array, f64 [tokens, columns].
   */
  project(weights: Float64Array): Float64Array {
    const size = this.hiddenSize;
    const states = this.#states;
    const columns = weights.length / size;
    const sums = Float64Array.from({ length: columns }, (_, column) => {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += weights[column * size + i]!;
      return sum;
    });
    const product = new Float64Array(this.tokens * columns);
    for (let token = 0; token < this.tokens; token++) {
      const begin = token * size;
      const [mean, factor] = [this.#means[token]!, this.#factors[token]!];
      for (let column = 0; column < columns; column++) {
        const row = column * size;
        // Four sums at a time: an addition need not wait for the one before it.
        let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
        let i = 0;
        for (; i + 3 < size; i += 4) {
          sum0 += states[begin + i]! * weights[row + i]!;
          sum1 += states[begin + i + 1]! * weights[row + i + 1]!;
          sum2 += states[begin + i + 2]! * weights[row + i + 2]!;
          sum3 += states[begin + i + 3]! * weights[row + i + 3]!;
        }
        for (; i < size; i++) sum0 += states[begin + i]! * weights[row + i]!;
        const sum = sum0 + sum1 + (sum2 + sum3);
        product[token * columns + column] = factor * (sum - mean * sums[column]!);
      }
    }
    return product;
  }

  /**
   * Multiplies `Cᵀ X`: the transpose of {@linkcode NormedRows.project}.
   *
   * @param coefficients C, f64 [tokens, columns]; left unchanged.
   * @param columns Columns of C.
   * @returns A new array, f64 [columns, D].
   */
  gather(coefficients: Float64Array, columns: number): Float64Array {
    const size = this.hiddenSize;
    const states = this.#states;
    const product = new Float64Array(columns * size);
    for (let column = 0; column < columns; column++) {
      const row = column * size;
      let shift = 0;
      for (let token = 0; token < this.tokens; token++) {
        const weight = coefficients[token * columns + column]! * this.#factors[token]!;
        if (weight === 0) continue;
        const begin = token * size;
        shift += weight * this.#means[token]!;
        for (let i = 0; i < size; i++) product[row + i]! += weight * states[begin + i]!;
      }
      for (let i = 0; i < size; i++) product[row + i]! -= shift;
    }
    return product;
  }
}
