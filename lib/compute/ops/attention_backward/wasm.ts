/**
 * How `attentionBackward` runs on WebAssembly.
 *
 * @module
 */

import { type Job, type Layout, makeJob, rowBytes } from "../job.ts";
import { dropoutArgs, headsOfChunk } from "../attention/wasm.ts";
import { ATTENTION_BACKWARD, attentionBackwardScratch } from "./assembly.ts";
import type { AttentionBackwardOp } from "./op.ts";

/**
 * Describes an `attentionBackward` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its one job.
 */
export function attentionBackwardJobs(
  op: AttentionBackwardOp,
  layout: Layout,
): Job[] {
  const { qkv, dy, numHeads, dqkv } = op;
  const { starts, masks, tokens, sequences, longest } = layout;
  const headDim = dy.cols / numHeads;
  const heads = sequences * numHeads;
  const productsOfHead = 5 * headDim * (tokens / sequences) ** 2;
  const headsPerChunk = headsOfChunk(heads, productsOfHead);
  return [makeJob(ATTENTION_BACKWARD, Math.ceil(heads / headsPerChunk), {
    qkv: layout.value(qkv),
    dqkv: layout.value(dqkv),
    qkvStride: rowBytes(qkv.cols),
    dy: layout.value(dy),
    dyStride: rowBytes(dy.cols),
    hidden: dy.cols,
    numHeads,
    headDim,
    starts,
    masks,
    heads,
    headsPerChunk,
    scale: 1 / Math.sqrt(headDim),
    ...dropoutArgs(op, layout),
  }, attentionBackwardScratch(longest, headDim))];
}
