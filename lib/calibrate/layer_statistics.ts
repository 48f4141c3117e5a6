/**
 * What merging by data needs to know of a layer's heads on text.
 *
 * @module
 */

import { groupHeads } from "../merge/cluster.ts";
import type { HeadGroups } from "../merge/heads.ts";
import { splitHeads } from "../merge/heads.ts";
import type { LayerModule } from "../merge/layer.ts";
import {
  attentionMaps,
  type HeadRows,
  mixRows,
  projectHeads,
  standardise,
} from "./heads_on_text.ts";
import { SimilarityMeter, type TextSimilarity } from "./similarity.ts";
import { addGram, mirror } from "./solve.ts";
import { type HeadMoments, outputMoments } from "./text_product.ts";

/** Adds up a layer's statistics chunk by chunk. */
export class LayerStatistics {
  readonly #folded: LayerModule;
  readonly #similarity: SimilarityMeter;
  readonly #query: Float64Array;
  readonly #key: Float64Array;
  readonly #value: Float64Array;

  /**
   * Starts with no text.
   *
   * @param folded A folded, centred module; not changed, and read again at the end.
   */
  constructor(folded: LayerModule) {
    const width = folded.numHeads * folded.headDim;
    this.#folded = folded;
    this.#similarity = new SimilarityMeter(folded);
    this.#query = new Float64Array(width * width);
    this.#key = new Float64Array(width * width);
    this.#value = new Float64Array(width * width);
  }

  /**
   * Adds some sequences.
   *
   * @param states What the module reads, f32 [tokens, D]; left unchanged.
   * @param starts The row at which each sequence begins, and the end.
   * @returns What the heads give before the output weight, f64 [tokens, E].
   */
  add(states: Float32Array, starts: ArrayLike<number>): Float64Array {
    const folded = this.#folded;
    const { headDim, hiddenSize, layerNormEps, numHeads } = folded;
    const width = numHeads * headDim;
    const rows = projectHeads(folded, standardise(states, hiddenSize, layerNormEps));
    const outputs = new Float64Array(rows.value.length);
    attentionMaps(folded, rows, starts, (begin, end, maps) => {
      this.#similarity.addMaps(maps, end - begin);
      for (const [head, map] of maps.entries()) {
        const first = head * headDim;
        mixRows(map, { begin, end, first, last: first + headDim, width }, rows.value, outputs);
      }
    });
    this.#similarity.addOutputs(outputs);
    this.#addMoments(rows, starts, width);
    return outputs;
  }

  #addMoments({ query, key, value }: HeadRows, starts: ArrayLike<number>, width: number): void {
    addGram(this.#query, query, width);
    addGram(this.#value, value, width);
    // What is added to all keys of a sequence changes no attention.
    const centred = key.slice();
    for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
      const part = centred.subarray(starts[sequence]! * width, starts[sequence + 1]! * width);
      const count = part.length / width;
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let at = i; at < part.length; at += width) sum += part[at]!;
        for (let at = i; at < part.length; at += width) part[at]! -= sum / count;
      }
    }
    addGram(this.#key, centred, width);
  }

  /** How alike the heads are on the text so far. */
  similarity(): TextSimilarity {
    return this.#similarity.similarity();
  }

  /** What the heads' rows met in the text so far. */
  moments(): HeadMoments {
    const size = this.#folded.numHeads * this.#folded.headDim;
    for (const moments of [this.#query, this.#key, this.#value]) mirror(moments, size);
    return {
      attention: { left: this.#query, right: this.#key },
      value: { left: this.#value, right: outputMoments(splitHeads(this.#folded)) },
    };
  }
}

/**
 * Divides heads into groups of heads that do alike on a text: which attend to the same tokens and
 * whose outputs are near multiples of each other.
 *
 * @param similarity How alike they are, from {@linkcode LayerStatistics}.
 * @param count How many groups, from 1 to the number of heads.
 * @returns Groups in the order of their first heads; the same heads always give the same groups.
 */
export function clusterHeadsByData(similarity: TextSimilarity, count: number): HeadGroups {
  const alike = similarity.attention.map((row, m) =>
    row.map((same, n) => same * Math.abs(similarity.output[m]![n]!))
  );
  return groupHeads(alike, similarity.energy, count);
}
