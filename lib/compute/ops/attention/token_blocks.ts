/**
 * Which tokens an invocation of attention's kernels for training takes.
 *
 * @module
 */

import { type BatchCounts, BLOCK_ROWS } from "../dispatch.ts";

/**
 * How a family's invocations take tokens: textures by the batch's blocks, so that a texel is fetched
 * once for several tokens; buffers one by one, as neighbours find what they share in the cache. With
 * textures on llvmpipe, 1024 tokens of MiniLM in sequences of 128 take 356, 242 and 139 ms with 1, 2
 * and 4 rows, and compiling 1.4, 1.9 and 3.1 s.
 */
export const TOKEN_BLOCKS = {
  textures: {
    rows: BLOCK_ROWS.textures,
    items: ({ blocks }: BatchCounts) => blocks,
    indices: ["blocks"],
    code: "fn block_of(item: u32) -> vec4u { return blocks[item]; }",
  },
  buffers: {
    rows: 1,
    items: ({ tokens }: BatchCounts) => tokens,
    indices: ["spans", "counts"],
    code: `fn block_of(item: u32) -> vec4u {
  if (item >= counts[0]) {
    return vec4u(0);
  }
  return vec4u(item, item + 1, spans[item]);
}`,
  },
} as const;
