/**
 * Packing: token sequences of many lengths into ragged batches without padding.
 *
 * @module
 */

import type { RaggedBatch } from "../compute/value.ts";
import type { Encoding } from "../text/tokenizer.ts";

/** Sequences laid end to end, ready for the encoder. */
export interface PackedBatch extends RaggedBatch {
  /** Which of the input sequences each one is, in the order of the batch. */
  readonly indices: readonly number[];
  /** Token ids, `[tokens]`. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Token type ids, `[tokens]`. */
  readonly typeIds: Uint32Array<ArrayBuffer>;
  /** Position of each token in its own sequence, `[tokens]`. */
  readonly positions: Uint32Array<ArrayBuffer>;
  /** The token of each sequence whose hidden state the head reads, `[sequences]`. */
  readonly selected: Uint32Array<ArrayBuffer>;
}

/** How much one batch may hold. */
export interface BatchLimits {
  /** Most tokens in a batch; a longer sequence is refused. */
  readonly maxTokens: number;
  /** Most sequences in a batch. */
  readonly maxSequences: number;
}

/**
 * Groups sequences into batches, longest first, so that equal lengths meet and the largest need
 * for memory comes at once.
 *
 * @param encodings The sequences; each of at least one token.
 * @param limits How much one batch may hold.
 * @returns Batches that hold every sequence once.
 * @throws {RangeError} when a sequence is empty or longer than a batch.
 *
 * @example Three sequences in two batches
 * ```ts
 * import { packBatches } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const sequence = (length: number) => ({
 *   ids: new Uint32Array(length),
 *   typeIds: new Uint32Array(length),
 * });
 * const limits = { maxTokens: 8, maxSequences: 16 };
 * const batches = packBatches([sequence(2), sequence(5), sequence(3)], limits);
 * assertEquals(batches.map((batch) => batch.indices), [[1, 2], [0]]);
 * assertEquals([...batches[0]!.starts], [0, 5, 8]);
 * ```
 */
export function packBatches(encodings: readonly Encoding[], limits: BatchLimits): PackedBatch[] {
  const lengths = encodings.map(({ ids }) => ids.length);
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]!);
  const groups: number[][] = [];
  let tokens = Infinity; // of the last group: none fits yet
  for (const index of order) {
    const length = lengths[index]!;
    if (length < 1 || length > limits.maxTokens) {
      throw new RangeError(
        `Cannot pack sequence ${index}: it has ${length} tokens, expected 1 to ${limits.maxTokens}`,
      );
    }
    const group = groups.at(-1);
    if (group && tokens + length <= limits.maxTokens && group.length < limits.maxSequences) {
      group.push(index);
      tokens += length;
    } else {
      groups.push([index]);
      tokens = length;
    }
  }
  return groups.map((indices) => pack(indices, encodings));
}

function pack(indices: readonly number[], encodings: readonly Encoding[]): PackedBatch {
  const starts = new Uint32Array(indices.length + 1);
  for (const [i, index] of indices.entries()) {
    starts[i + 1] = starts[i]! + encodings[index]!.ids.length;
  }
  const tokens = starts[indices.length]!;
  const ids = new Uint32Array(tokens);
  const typeIds = new Uint32Array(tokens);
  const positions = new Uint32Array(tokens);
  const selected = new Uint32Array(indices.length);
  for (const [i, index] of indices.entries()) {
    const start = starts[i]!;
    selected[i] = start + (encodings[index]!.selected ?? 0);
    ids.set(encodings[index]!.ids, start);
    typeIds.set(encodings[index]!.typeIds, start);
    for (let token = start; token < starts[i + 1]!; token++) positions[token] = token - start;
  }
  return { tokens, starts, indices, ids, typeIds, positions, selected };
}
