/**
 * How `attention` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { ATTENTION, attentionScratch } from "./assembly.ts";
import { type AttentionDropout, dropoutNumbers, KEY_BYTES } from "./dropout.ts";
import type { AttentionOp } from "./op.ts";

/** Products of two numbers in a chunk, about: some tens of microseconds. */
const CHUNK_PRODUCTS = 2 ** 19;
/** Chunks at least, where there are as many heads: narrow ones take longer than their products. */
const LEAST_CHUNKS = 16;

/**
 * How many heads of a batch a chunk works out.
 *
 * @param heads The heads of all sequences together.
 * @param productsOfHead Products of two numbers that one takes, about.
 * @returns The count, 1 at least.
 */
export function headsOfChunk(heads: number, productsOfHead: number): number {
  const byProducts = Math.max(1, Math.floor(CHUNK_PRODUCTS / productsOfHead));
  return Math.min(byProducts, Math.ceil(heads / LEAST_CHUNKS));
}

/**
 * Describes an `attention` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function attentionJobs(op: AttentionOp, layout: Layout): Job[] {
  const { qkv, numHeads, y } = op;
  const args = {
    qkv: layout.value(qkv),
    selected: y.rowsFollow === "sequences" ? layout.selected : 0,
    y: layout.value(y),
    gain: 1,
    ...dropoutArgs(op, layout),
  };
  return [attentionJob(args, { numHeads, headDim: y.cols / numHeads }, layout)];
}

/** What kernels are told of dropout. */
export type DropoutArgs = Readonly<
  Record<"keys" | "keysStride" | "threshold" | "keepGain", number>
>;

const NO_DROPOUT: DropoutArgs = { keys: 0, keysStride: 0, threshold: 0, keepGain: 1 };

/**
 * Gives what a kernel is told of dropout.
 *
 * @param op Keys and share of zeros, if any.
 * @param layout Where the keys lie.
 * @returns Addresses and numbers; keys of 0 where nothing is dropped.
 */
export function dropoutArgs({ keys, dropout }: AttentionDropout, layout: Layout): DropoutArgs {
  if (keys === undefined) return NO_DROPOUT;
  const { threshold, gain } = dropoutNumbers(dropout);
  const keysStride = rowBytes(KEY_BYTES);
  return { keys: layout.value(keys), keysStride, threshold, keepGain: gain };
}

/**
 * Describes attention on matrices by their addresses.
 *
 * @param args Addresses, `selected` 0 for all tokens, and the factor on what the softmax gives.
 * @param shape Heads, and columns of a head in elements.
 * @param layout The batch.
 * @returns The job.
 */
export function attentionJob(
  args: Readonly<Record<"qkv" | "selected" | "y" | "gain", number> & Partial<DropoutArgs>>,
  { numHeads, headDim }: { readonly numHeads: number; readonly headDim: number },
  { starts, masks, tokens, sequences, longest }: Layout,
): Job {
  const hidden = numHeads * headDim;
  const heads = sequences * numHeads;
  const productsOfHead = 2 * headDim * (tokens / sequences) ** 2;
  const headsPerChunk = headsOfChunk(heads, productsOfHead);
  return makeJob(ATTENTION, Math.ceil(heads / headsPerChunk), {
    ...NO_DROPOUT,
    ...args,
    qkvStride: rowBytes(3 * hidden),
    hidden,
    numHeads,
    headDim,
    starts,
    masks,
    yStride: rowBytes(hidden),
    heads,
    headsPerChunk,
    scale: 1 / Math.sqrt(headDim),
  }, attentionScratch(longest, headDim));
}
