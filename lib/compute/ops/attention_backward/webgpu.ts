/**
 * How `attentionBackward` runs on WebGPU.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { BUFFER_KERNELS } from "../attention/buffers.ts";
import { dropoutKernel } from "../attention/dropped.ts";
import { fourTokens } from "../attention/four_tokens.ts";
import { TOKEN_BLOCKS } from "../attention/token_blocks.ts";
import { dispatchRegroup, TEXTURE_KERNELS } from "../attention/webgpu.ts";
import { dispatchFor, type Family, type SharedDispatch } from "../both_families.ts";
import { type BatchCounts, type Dispatch, entries, type Temporary } from "../dispatch.ts";
import { unroll } from "../template.ts";
import keysCode from "./keys.wgsl" with { type: "text" };
import type { AttentionBackwardOp } from "./op.ts";
import queriesCode from "./queries.wgsl" with { type: "text" };

/**
 * Describes an `attentionBackward` operation. Heads whose columns are not a multiple of four are
 * moved apart first and back together afterwards.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its dispatches: two, or five for heads of an odd size.
 */
export function attentionBackwardDispatches(
  op: AttentionBackwardOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const { qkv, dy, numHeads, dqkv } = op;
  const headDim = dy.cols / numHeads;
  if (headDim % 4 === 0) return backward(op, { qkv, dy, dqkv }, counts, family);
  const padded = 4 * Math.ceil(headDim / 4);
  const apart = {
    qkv: { temporary: "qkv", cols: 3 * numHeads * padded },
    dy: { temporary: "dy", cols: numHeads * padded },
    dqkv: { temporary: "dqkv", cols: 3 * numHeads * padded },
  };
  const kernels = family === "textures" ? TEXTURE_KERNELS : BUFFER_KERNELS;
  const { tokens } = counts;
  return [
    dispatchRegroup(kernels, [qkv, apart.qkv], [headDim, padded], tokens),
    dispatchRegroup(kernels, [dy, apart.dy], [headDim, padded], tokens),
    ...backward(op, apart, counts, family),
    dispatchRegroup(kernels, [apart.dqkv, dqkv], [padded, headDim], tokens),
  ];
}

/** Gradients of the queries, then those of keys and values, of heads that begin at entries. */
function backward(
  op: AttentionBackwardOp,
  { qkv, dy, dqkv }: Readonly<Record<"qkv" | "dy" | "dqkv", Value | Temporary>>,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const { numHeads, dy: { cols }, dqkv: { label } } = op;
  const { rows, items, indices, code } = TOKEN_BLOCKS[family];
  const dropout = dropoutKernel(op);
  const quads = entries(dy.cols) / numHeads;
  const statistics: Temporary = { temporary: "softmax", cols: 4 * numHeads, precise: true };
  const dispatch = (
    part: string,
    text: string,
    matrices: Pick<SharedDispatch, "reads" | "writes">,
    loads: string,
  ) =>
    dispatchFor(family, {
      label: `attention backward ${label}, ${part}`,
      name: `attention backward ${part} ${rows}x${4 * quads}${dropout.name}`,
      code: () =>
        `${unroll(text, { q: quads, i: rows })}${code}\n${loads}${dropout.code}\n` +
        `const QUADS = ${quads}u;`,
      constants: {
        ...dropout.constants,
        SCALE: 1 / Math.sqrt(cols / numHeads),
        OUTER: entries(dy.cols),
      },
      reads: { ...matrices.reads, ...dropout.reads },
      writes: matrices.writes,
      indices,
      items: [items(counts), numHeads],
      flops: 8 * counts.pairs * cols,
    });
  return [
    dispatch(
      "queries",
      queriesCode,
      { reads: { qkv, dy }, writes: { dqkv, statistics } },
      fourTokens("qkv"),
    ),
    dispatch(
      "keys",
      keysCode,
      { reads: { qkv, dy, statistics }, writes: { dqkv } },
      ["qkv", "dy", "statistics"].map(fourTokens).join(""),
    ),
  ];
}
