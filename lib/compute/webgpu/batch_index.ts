/**
 * A batch's index arrays: which token belongs to which sequence, as kernels need it.
 *
 * @module
 */

import { selectedTokens } from "../backend.ts";
import type { BatchCounts, IndexName } from "../ops/dispatch.ts";
import type { RaggedBatch } from "../value.ts";

/** Entries past the end that kernels may look at: they run in whole workgroups of at most 8. */
const SLACK = 8;

/** The arrays of {@linkcode IndexBuffers}, and how many entries of each are in use. */
export interface BatchIndex {
  /** How many of each thing the batch has. */
  readonly counts: BatchCounts;
  /** `(begin, end)` of its sequence for each token, then zeros. */
  readonly spans: Uint32Array<ArrayBuffer>;
  /** `(first, last + 1, begin, end)` for each block of tokens of one sequence, then zeros. */
  readonly blocks: Uint32Array<ArrayBuffer>;
  /** `(token, token + 1, begin, end)` for the selected token of each sequence, then zeros. */
  readonly selected: Uint32Array<ArrayBuffer>;
  /** The first token of each sequence, then zeros. */
  readonly starts: Uint32Array<ArrayBuffer>;
}

/**
 * Derives the index arrays of a batch.
 *
 * @param batch The batch.
 * @param blockRows Tokens that a block holds at most.
 * @returns The arrays, each with a few zero entries at the end.
 */
export function indexBatch(batch: RaggedBatch, blockRows: number): BatchIndex {
  const { tokens, starts } = batch;
  const sequences = starts.length - 1;
  const spans = new Uint32Array(2 * (tokens + SLACK));
  const blocks: number[] = [];
  const selected = new Uint32Array(4 * (sequences + SLACK));
  for (const [b, token] of selectedTokens(batch).entries()) {
    selected.set([token, token + 1, starts[b]!, starts[b + 1]!], 4 * b);
  }
  let pairs = 0;
  for (let b = 0; b < sequences; b++) {
    const [begin, end] = [starts[b]!, starts[b + 1]!];
    pairs += (end - begin) ** 2;
    for (let t = begin; t < end; t++) spans.set([begin, end], 2 * t);
    for (let first = begin; first < end; first += blockRows) {
      blocks.push(first, Math.min(first + blockRows, end), begin, end);
    }
  }
  const paddedStarts = new Uint32Array(sequences + SLACK);
  paddedStarts.set(starts.subarray(0, sequences));
  return {
    counts: { tokens, sequences, pairs, blocks: blocks.length / 4 },
    spans,
    blocks: Uint32Array.from([...blocks, ...new Array(4 * SLACK).fill(0)]),
    selected,
    starts: paddedStarts,
  };
}

/** The index arrays on the device, with room for the largest batch. */
export class IndexBuffers implements Disposable, Readonly<Record<IndexName, GPUBuffer>> {
  /** See {@linkcode BatchIndex}. */
  readonly spans: GPUBuffer;
  /** See {@linkcode BatchIndex}. */
  readonly blocks: GPUBuffer;
  /** See {@linkcode BatchIndex}. */
  readonly selected: GPUBuffer;
  /** See {@linkcode BatchIndex}. */
  readonly starts: GPUBuffer;
  /** Tokens, then sequences. */
  readonly counts: GPUBuffer;
  readonly #device: GPUDevice;

  /**
   * Makes the buffers.
   *
   * @param device The device.
   * @param maxTokens Tokens that a batch may hold.
   */
  constructor(device: GPUDevice, maxTokens: number) {
    const create = (label: string, words: number) =>
      device.createBuffer({
        label,
        size: 4 * words * (maxTokens + SLACK),
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
      });
    this.#device = device;
    this.spans = create("spans", 2);
    this.blocks = create("blocks", 4);
    this.selected = create("selected", 4);
    this.starts = create("starts", 1);
    this.counts = create("counts", 1);
  }

  /**
   * Fills the buffers.
   *
   * @param index The arrays of a batch.
   */
  fill(index: BatchIndex): void {
    for (const name of ["spans", "blocks", "selected", "starts"] as const) {
      this.#device.queue.writeBuffer(this[name], 0, index[name]);
    }
    const { tokens, sequences } = index.counts;
    this.#device.queue.writeBuffer(this.counts, 0, Uint32Array.of(tokens, sequences));
  }

  /** Destroys the buffers. */
  [Symbol.dispose](): void {
    for (const name of ["spans", "blocks", "selected", "starts", "counts"] as const) {
      this[name].destroy();
    }
  }
}
