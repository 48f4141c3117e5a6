/**
 * How alike heads are on text: by what they give, and by where they look.
 *
 * @module
 */

import type { LayerModule } from "../merge/layer.ts";

/** How alike the heads of a layer are on text, M x M each. */
export interface TextSimilarity {
  /** Cosines between head outputs `A_m v_m O_mᵀ` over all tokens, in [-1, 1]. */
  readonly output: readonly (readonly number[])[];
  /** 1 less the mean total variation between rows of attention, in [0, 1]. */
  readonly attention: readonly (readonly number[])[];
  /** The squared norm of each head's output, over all tokens. */
  readonly energy: readonly number[];
}

/** Adds up over a text what {@linkcode TextSimilarity} tells. */
export class SimilarityMeter {
  readonly #folded: LayerModule;
  /** `ZᵀZ` of the heads' outputs before the output weight, f64 [E, E]. */
  readonly #products: Float64Array;
  /** Total variation, summed over rows, f64 [M, M]. */
  readonly #variation: Float64Array;
  #tokens = 0;

  /**
   * Starts with no text.
   *
   * @param folded A folded module; not changed, and read again at the end.
   */
  constructor(folded: LayerModule) {
    const width = folded.numHeads * folded.headDim;
    this.#folded = folded;
    this.#products = new Float64Array(width * width);
    this.#variation = new Float64Array(folded.numHeads ** 2);
  }

  /**
   * Adds the maps of one sequence.
   *
   * @param maps One map a head, f64 [n, n] for the sequence's `n` tokens; not kept.
   * @param count n.
   */
  addMaps(maps: readonly Float64Array[], count: number): void {
    this.#tokens += count;
    for (const [m, one] of maps.entries()) {
      for (let n = m + 1; n < maps.length; n++) {
        const other = maps[n]!;
        let sum = 0;
        for (let i = 0; i < one.length; i++) sum += Math.abs(one[i]! - other[i]!);
        this.#variation[m * maps.length + n]! += sum / 2;
      }
    }
  }

  /**
   * Adds what the heads gave for some tokens.
   *
   * @param outputs Before the output weight, f64 [tokens, E]; not kept.
   */
  addOutputs(outputs: Float64Array): void {
    const { numHeads, headDim } = this.#folded;
    const width = numHeads * headDim;
    for (let begin = 0; begin < outputs.length; begin += width) {
      for (let i = 0; i < width; i++) {
        const left = outputs[begin + i]!;
        for (let j = 0; j < width; j++) {
          this.#products[i * width + j]! += left * outputs[begin + j]!;
        }
      }
    }
  }

  /**
   * Tells how alike the heads were so far.
   *
   * @returns 1 on the diagonals; 0 between the outputs of heads one of which gave nothing.
   */
  similarity(): TextSimilarity {
    const inner = headProducts(this.#folded, this.#products);
    const energy = inner.map((row, m) => Math.max(0, row[m]!));
    const output = inner.map((row, m) =>
      row.map((product, n) => {
        if (m === n) return 1;
        const norms = Math.sqrt(energy[m]!) * Math.sqrt(energy[n]!);
        return norms > 0 ? Math.max(-1, Math.min(1, product / norms)) : 0;
      })
    );
    const count = energy.length;
    const attention = energy.map((_, m) =>
      energy.map((_, n) => {
        const pair = Math.min(m, n) * count + Math.max(m, n);
        return Math.max(0, 1 - this.#variation[pair]! / this.#tokens);
      })
    );
    return { output, attention, energy };
  }
}

/** `<h_m, h_n>`: the sum over the heads' columns i, j of `(ZᵀZ)_ij (OᵀO)_ij`, M x M. */
function headProducts(
  { numHeads, headDim, hiddenSize, outputWeight }: LayerModule,
  products: Float64Array,
): number[][] {
  const width = numHeads * headDim;
  const heads = Array.from({ length: numHeads }, (_, head) => head);
  const weightProduct = (i: number, j: number) => {
    let sum = 0;
    for (let row = 0; row < hiddenSize; row++) {
      sum += outputWeight[row * width + i]! * outputWeight[row * width + j]!;
    }
    return sum;
  };
  return heads.map((m) =>
    heads.map((n) => {
      let sum = 0;
      for (let i = m * headDim; i < (m + 1) * headDim; i++) {
        for (let j = n * headDim; j < (n + 1) * headDim; j++) {
          sum += products[i * width + j]! * weightProduct(i, j);
        }
      }
      return sum;
    })
  );
}
