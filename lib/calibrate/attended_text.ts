/**
 * The states of a text as one head's attention mixes them: a matrix that is never formed.
 *
 * @module
 */

import type { LayerModule } from "../merge/layer.ts";
import { softmax } from "./heads_on_text.ts";
import type { NormedRows } from "./normed_rows.ts";
import { addCross, addGram, mirror } from "./solve.ts";

/** Text at which heads are fitted. */
export interface WeightedText {
  /** What the heads read, X, one row a token. */
  readonly rows: NormedRows;
  /** The row at which each sequence begins, and the end. */
  readonly starts: ArrayLike<number>;
  /** What each token counts, f64 [tokens], none negative; a token of 0 is looked at only. */
  readonly weights: Float64Array;
}

/** What heads are fitted to. */
export interface Targets {
  /** Elements of one target. */
  readonly columns: number;
  /** Writes the target of one token, f64 [columns]. */
  readonly read: (token: number, into: Float64Array) => void;
}

/** Second moments about the means of attended states G and targets Y, by the tokens' weights. */
export interface Moments {
  /** `GᵀG`, f64 [D, D]. */
  readonly gram: Float64Array;
  /** `GᵀY`, f64 [D, columns]. */
  readonly cross: Float64Array;
  /** The means of G, f64 [D]. */
  readonly mean: Float64Array;
  /** The means of Y, f64 [columns]. */
  readonly targetMean: Float64Array;
  /** The sum of the squares of Y. */
  readonly energy: number;
}

/** Rows that are added to the moments at once. */
const BLOCK_ROWS = 64;

/** G = A X for the attention A of one head, one row a token. */
export class AttendedText {
  /** The text. */
  readonly text: WeightedText;
  /** The sum of the tokens' weights. */
  readonly total: number;
  readonly #query: Float64Array;
  readonly #key: Float64Array;
  readonly #headDim: number;

  /**
   * Computes queries and keys of all tokens.
   *
   * @param text The text.
   * @param head A folded module of one head; its value and output do not matter.
   */
  constructor(text: WeightedText, { headDim, queryBias, queryWeight, keyWeight }: LayerModule) {
    const scale = 1 / Math.sqrt(headDim);
    this.text = text;
    this.total = text.weights.reduce((sum, weight) => sum + weight, 0);
    this.#headDim = headDim;
    this.#query = text.rows.project(queryWeight)
      .map((value, i) => scale * (value + queryBias[i % headDim]!));
    this.#key = text.rows.project(keyWeight);
  }

  /**
   * Computes what the head gives for a value weight, before the output weight: `G Vᵀ`.
   *
   * @param value V, f64 [rank, D]; left unchanged.
   * @returns A new array, f64 [tokens, rank]; 0 for tokens that count nothing.
   */
  project(value: Float64Array): Float64Array {
    const { rows } = this.text;
    const values = rows.project(value);
    const rank = value.length / rows.hiddenSize;
    const mixed = new Float64Array(values.length);
    this.#forEachRow((token, map, begin) => {
      for (let other = 0; other < map.length; other++) {
        const weight = map[other]!;
        const from = (begin + other) * rank;
        for (let i = 0; i < rank; i++) mixed[token * rank + i]! += weight * values[from + i]!;
      }
    });
    return mixed;
  }

  /**
   * Multiplies by the transpose, counting each token by its weight: `(W C)ᵀ G`.
   *
   * @param coefficients C, f64 [tokens, columns]; left unchanged.
   * @param columns Columns of C.
   * @returns A new array, f64 [columns, D].
   */
  gather(coefficients: Float64Array, columns: number): Float64Array {
    const { rows, weights } = this.text;
    const spread = new Float64Array(coefficients.length);
    this.#forEachRow((token, map, begin) => {
      for (let other = 0; other < map.length; other++) {
        const weight = weights[token]! * map[other]!;
        const into = (begin + other) * columns;
        const from = token * columns;
        for (let i = 0; i < columns; i++) spread[into + i]! += weight * coefficients[from + i]!;
      }
    });
    return rows.gather(spread, columns);
  }

  /**
   * Takes second moments.
   *
   * @param targets Y.
   * @param pause Called from time to time: lets other events in.
   * @returns Moments about the means.
   */
  async moments(targets: Targets, pause: () => Promise<void>): Promise<Moments> {
    const size = this.text.rows.hiddenSize;
    const { columns } = targets;
    const sums = new MomentSums(size, columns);
    const { starts, rows } = this.text;
    let states = new Float64Array(0);
    for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
      const [begin, end] = [starts[sequence]!, starts[sequence + 1]!];
      if (!this.#counts(begin, end)) continue;
      await pause();
      if (states.length < (end - begin) * size) states = new Float64Array((end - begin) * size);
      for (let token = begin; token < end; token++) {
        rows.row(token, states.subarray((token - begin) * size, (token - begin + 1) * size));
      }
      this.#rowsOf(begin, end, (token, map) => {
        const [attended, target] = sums.next(this.text.weights[token]!);
        for (let other = 0; other < map.length; other++) {
          const weight = map[other]!;
          const from = other * size;
          for (let i = 0; i < size; i++) attended[i]! += weight * states[from + i]!;
        }
        targets.read(token, target);
      });
    }
    return sums.moments();
  }

  /** Calls back for each token that counts, with its row of the attention. */
  #forEachRow(visit: (token: number, map: Float64Array, begin: number) => void): void {
    const { starts } = this.text;
    for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
      const [begin, end] = [starts[sequence]!, starts[sequence + 1]!];
      if (this.#counts(begin, end)) this.#rowsOf(begin, end, visit);
    }
  }

  #counts(begin: number, end: number): boolean {
    const { weights } = this.text;
    for (let token = begin; token < end; token++) if (weights[token]! > 0) return true;
    return false;
  }

  #rowsOf(
    begin: number,
    end: number,
    visit: (token: number, map: Float64Array, begin: number) => void,
  ): void {
    const width = this.#headDim;
    const map = new Float64Array(end - begin);
    for (let token = begin; token < end; token++) {
      if (this.text.weights[token] === 0) continue;
      for (let other = 0; other < map.length; other++) {
        let score = 0;
        for (let i = 0; i < width; i++) {
          score += this.#query[token * width + i]! * this.#key[(begin + other) * width + i]!;
        }
        map[other] = score;
      }
      softmax(map);
      visit(token, map, begin);
    }
  }
}

/** Adds up moments block by block. */
class MomentSums {
  readonly #size: number;
  readonly #columns: number;
  readonly #gram: Float64Array;
  readonly #cross: Float64Array;
  readonly #sum: Float64Array;
  readonly #targetSum: Float64Array;
  readonly #left: Float64Array;
  readonly #right: Float64Array;
  readonly #roots = new Float64Array(BLOCK_ROWS);
  #filled = 0;
  #total = 0;
  #energy = 0;

  constructor(size: number, columns: number) {
    this.#size = size;
    this.#columns = columns;
    this.#gram = new Float64Array(size * size);
    this.#cross = new Float64Array(size * columns);
    this.#sum = new Float64Array(size);
    this.#targetSum = new Float64Array(columns);
    this.#left = new Float64Array(BLOCK_ROWS * size);
    this.#right = new Float64Array(BLOCK_ROWS * columns);
  }

  /** Gives room for one token's row, zeros, and its target; they are read at the next call. */
  next(weight: number): readonly [Float64Array, Float64Array] {
    if (this.#filled === BLOCK_ROWS) this.#flush();
    const at = this.#filled++;
    this.#total += weight;
    this.#roots[at] = Math.sqrt(weight);
    return [
      this.#left.subarray(at * this.#size, (at + 1) * this.#size).fill(0),
      this.#right.subarray(at * this.#columns, (at + 1) * this.#columns),
    ];
  }

  moments(): Moments {
    this.#flush();
    const [size, columns, total] = [this.#size, this.#columns, this.#total];
    const mean = this.#sum.map((sum) => sum / total);
    const targetMean = this.#targetSum.map((sum) => sum / total);
    for (let i = 0; i < size; i++) {
      for (let j = i; j < size; j++) this.#gram[i * size + j]! -= total * mean[i]! * mean[j]!;
      for (let j = 0; j < columns; j++) {
        this.#cross[i * columns + j]! -= total * mean[i]! * targetMean[j]!;
      }
    }
    mirror(this.#gram, size);
    const constant = targetMean.reduce((sum, value) => sum + value ** 2, 0);
    const energy = Math.max(0, this.#energy - total * constant);
    return { gram: this.#gram, cross: this.#cross, mean, targetMean, energy };
  }

  #flush(): void {
    this.#scale(this.#left, this.#size, this.#sum);
    this.#energy += this.#scale(this.#right, this.#columns, this.#targetSum);
    const left = this.#left.subarray(0, this.#filled * this.#size);
    const right = this.#right.subarray(0, this.#filled * this.#columns);
    addGram(this.#gram, left, this.#size);
    if (this.#columns > 0) addCross(this.#cross, left, this.#size, right, this.#columns);
    this.#filled = 0;
  }

  /** Multiplies rows by the roots of their weights, adds weighted rows up, and gives the energy. */
  #scale(rows: Float64Array, width: number, sums: Float64Array): number {
    let energy = 0;
    for (let row = 0; row < this.#filled; row++) {
      const root = this.#roots[row]!;
      for (let i = 0; i < width; i++) {
        const value = root * rows[row * width + i]!;
        rows[row * width + i] = value;
        sums[i]! += root * value;
        energy += value ** 2;
      }
    }
    return energy;
  }
}
