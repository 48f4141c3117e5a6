/**
 * How `attention` with dropout runs on WebGPU, for both families: what only training needs.
 *
 * @module
 */

import type { Value } from "../../value.ts";
import { dispatchFor, type Family } from "../both_families.ts";
import { type BatchCounts, type Dispatch, entries, type Temporary } from "../dispatch.ts";
import { unroll } from "../template.ts";
import { BUFFER_KERNELS } from "./buffers.ts";
import { type AttentionDropout, dropoutNumbers } from "./dropout.ts";
import dropoutCode from "./dropout.wgsl" with { type: "text" };
import droppedCode from "./dropped.wgsl" with { type: "text" };
import type { AttentionOp } from "./op.ts";
import { fourTokens } from "./four_tokens.ts";
import { TOKEN_BLOCKS } from "./token_blocks.ts";
import { dispatchRegroup, type Matrix, TEXTURE_KERNELS } from "./webgpu.ts";

/** What stands in for dropout where nothing is dropped. */
const NOTHING_DROPPED = `fn key_of(token: u32) -> u32 { return 0u; }
fn factors(keys: vec4u, entries: vec4u) -> vec4f { return vec4f(1); }`;

/** What dropout adds to a kernel of attention. */
export interface DropoutKernel {
  /** Added to the kernel's name. */
  readonly name: string;
  /** Defines `key_of` and `factors`. */
  readonly code: string;
  /** Constants that the text has. */
  readonly constants: Readonly<Record<string, number>>;
  /** Matrices that the text reads. */
  readonly reads: Readonly<Record<string, Value>>;
}

/**
 * Describes what dropout adds to a kernel of attention.
 *
 * @param op Keys and share of zeros, if any.
 * @returns Name, text, constants and bindings.
 */
export function dropoutKernel({ keys, dropout }: AttentionDropout): DropoutKernel {
  if (keys === undefined) return { name: "", code: NOTHING_DROPPED, constants: {}, reads: {} };
  const { threshold, gain } = dropoutNumbers(dropout);
  return {
    name: " with dropout",
    code: dropoutCode,
    constants: { THRESHOLD: threshold, KEEP: gain },
    reads: { keys },
  };
}

/**
 * Describes an `attention` operation with dropout. Heads whose columns are not a multiple of four are
 * moved apart first and back together afterwards.
 *
 * @param op The operation.
 * @param counts The batch's counts.
 * @param family The family of kernels.
 * @returns Its dispatches: one, or three for heads of an odd size.
 */
export function droppedAttentionDispatches(
  op: AttentionOp,
  counts: BatchCounts,
  family: Family,
): Dispatch[] {
  const { qkv, numHeads, y } = op;
  const headDim = y.cols / numHeads;
  if (headDim % 4 === 0) return [attend(op, { qkv, y }, counts, family)];
  const padded = 4 * Math.ceil(headDim / 4);
  const apart: Temporary = { temporary: "qkv", cols: 3 * numHeads * padded };
  const result: Temporary = { temporary: "result", cols: numHeads * padded };
  const kernels = family === "textures" ? TEXTURE_KERNELS : BUFFER_KERNELS;
  const { tokens } = counts;
  return [
    dispatchRegroup(kernels, [qkv, apart], [headDim, padded], tokens),
    attend(op, { qkv: apart, y: result }, counts, family),
    dispatchRegroup(kernels, [result, y], [padded, headDim], tokens),
  ];
}

function attend(
  op: AttentionOp,
  { qkv, y }: Readonly<Record<"qkv" | "y", Matrix>>,
  counts: BatchCounts,
  family: Family,
): Dispatch {
  const { numHeads, y: { cols, label } } = op;
  const { rows, items, indices, code } = TOKEN_BLOCKS[family];
  const quads = entries(y.cols) / numHeads;
  const dropout = dropoutKernel(op);
  return dispatchFor(family, {
    label: `attention with dropout ${label}`,
    name: `attention${dropout.name} ${rows}x${4 * quads}`,
    code: () =>
      `${unroll(droppedCode, { q: quads, i: rows })}${code}\n${
        fourTokens("qkv")
      }${dropout.code}\n` +
      `const QUADS = ${quads}u;`,
    constants: {
      ...dropout.constants,
      SCALE: 1 / Math.sqrt(cols / numHeads),
      OUTER: entries(y.cols),
    },
    reads: { qkv, ...dropout.reads },
    writes: { y },
    indices,
    items: [items(counts), numHeads],
    flops: 5 * counts.pairs * cols,
  });
}
