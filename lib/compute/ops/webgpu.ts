/**
 * How every operation runs on WebGPU.
 *
 * @module
 */

import { attentionOnBuffers } from "./attention/buffers.ts";
import { attentionDispatches } from "./attention/webgpu.ts";
import type { BatchCounts, Dispatch } from "./dispatch.ts";
import { layerNormOnBuffers } from "./layer_norm/buffers.ts";
import { layerNormDispatches } from "./layer_norm/webgpu.ts";
import { linearOnBuffers } from "./linear/buffers.ts";
import { linearDispatches } from "./linear/webgpu.ts";
import type { Op } from "./op.ts";
import type { BlockTile, KernelPlan, Tile } from "./plan.ts";
import { selectOnBuffers } from "./select/buffers.ts";
import { selectDispatches } from "./select/webgpu.ts";
import { tinyAttentionOnBuffers } from "./tiny_attention/buffers.ts";
import { tinyAttentionDispatches } from "./tiny_attention/webgpu.ts";

/**
 * Describes an operation as dispatches.
 *
 * @param op The operation; its shapes were checked.
 * @param counts The batch's counts.
 * @param plan The family of kernels and its tile.
 * @returns Its dispatches, in order.
 */
export function dispatchesOf(op: Op, counts: BatchCounts, plan: KernelPlan): Dispatch[] {
  return plan.family === "textures"
    ? onTextures(op, counts, plan.tile)
    : onBuffers(op, counts, plan.tile);
}

function onTextures(op: Op, counts: BatchCounts, tile: Tile): Dispatch[] {
  switch (op.op) {
    case "linear":
      return linearDispatches(op, counts, tile);
    case "layerNorm":
      return layerNormDispatches(op, counts);
    case "attention":
      return attentionDispatches(op, counts);
    case "tinyAttention":
      return tinyAttentionDispatches(op, counts);
    case "select":
      return selectDispatches(op, counts);
  }
}

function onBuffers(op: Op, counts: BatchCounts, tile: BlockTile): Dispatch[] {
  switch (op.op) {
    case "linear":
      return linearOnBuffers(op, counts, tile);
    case "layerNorm":
      return layerNormOnBuffers(op, counts);
    case "attention":
      return attentionOnBuffers(op, counts);
    case "tinyAttention":
      return tinyAttentionOnBuffers(op, counts);
    case "select":
      return selectOnBuffers(op, counts);
  }
}
