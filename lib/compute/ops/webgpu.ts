/**
 * How every operation runs on WebGPU.
 *
 * @module
 */

import { activationDispatches } from "./activation/webgpu.ts";
import { addDispatches } from "./add/webgpu.ts";
import { attentionOnBuffers } from "./attention/buffers.ts";
import { droppedAttentionDispatches } from "./attention/dropped.ts";
import { attentionDispatches } from "./attention/webgpu.ts";
import { attentionBackwardDispatches } from "./attention_backward/webgpu.ts";
import type { Family } from "./both_families.ts";
import type { BatchCounts, Dispatch } from "./dispatch.ts";
import { layerNormOnBuffers } from "./layer_norm/buffers.ts";
import { layerNormDispatches } from "./layer_norm/webgpu.ts";
import { layerNormBackwardDispatches } from "./layer_norm_backward/webgpu.ts";
import { layerNormGradientDispatches } from "./layer_norm_gradient/webgpu.ts";
import { linearOnBuffers } from "./linear/buffers.ts";
import { linearDispatches } from "./linear/webgpu.ts";
import { linearGradientDispatches } from "./linear_gradient/webgpu.ts";
import type { ActivationOp, AddOp, BackwardOp, MultiplyOp, Op } from "./op.ts";
import type { BlockTile, KernelPlan, Tile } from "./plan.ts";
import { multiplyDispatches } from "./multiply/webgpu.ts";
import { scatterDispatches } from "./scatter/webgpu.ts";
import { selectOnBuffers } from "./select/buffers.ts";
import { selectDispatches } from "./select/webgpu.ts";
import { tinyAttentionOnBuffers } from "./tiny_attention/buffers.ts";
import { tinyAttentionDispatches } from "./tiny_attention/webgpu.ts";

/** An operation whose kernels both families share. */
type SharedOp = AddOp | ActivationOp | MultiplyOp | BackwardOp;

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
      return op.keys === undefined
        ? attentionDispatches(op, counts)
        : droppedAttentionDispatches(op, counts, "textures");
    case "tinyAttention":
      return tinyAttentionDispatches(op, counts);
    case "select":
      return selectDispatches(op, counts);
    default:
      return onBoth(op, counts, "textures");
  }
}

function onBuffers(op: Op, counts: BatchCounts, tile: BlockTile): Dispatch[] {
  switch (op.op) {
    case "linear":
      return linearOnBuffers(op, counts, tile);
    case "layerNorm":
      return layerNormOnBuffers(op, counts);
    case "attention":
      return op.keys === undefined
        ? attentionOnBuffers(op, counts)
        : droppedAttentionDispatches(op, counts, "buffers");
    case "tinyAttention":
      return tinyAttentionOnBuffers(op, counts);
    case "select":
      return selectOnBuffers(op, counts);
    default:
      return onBoth(op, counts, "buffers");
  }
}

/** What both families do by the same kernels. */
const SHARED: {
  readonly [N in SharedOp["op"]]: (
    op: Extract<SharedOp, { op: N }>,
    counts: BatchCounts,
    family: Family,
  ) => Dispatch[];
} = {
  add: addDispatches,
  activation: activationDispatches,
  multiply: multiplyDispatches,
  layerNormBackward: layerNormBackwardDispatches,
  layerNormGradient: layerNormGradientDispatches,
  attentionBackward: attentionBackwardDispatches,
  linearGradient: linearGradientDispatches,
  scatter: scatterDispatches,
};

function onBoth(op: SharedOp, counts: BatchCounts, family: Family): Dispatch[] {
  const describe = SHARED[op.op] as (
    op: SharedOp,
    counts: BatchCounts,
    family: Family,
  ) => Dispatch[];
  return describe(op, counts, family);
}
