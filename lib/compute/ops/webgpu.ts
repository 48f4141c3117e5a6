/**
 * How every operation runs on WebGPU.
 *
 * @module
 */

import { attentionDispatches } from "./attention/webgpu.ts";
import { classifyDispatches } from "./classify/webgpu.ts";
import type { BatchCounts, Dispatch } from "./dispatch.ts";
import { layerNormDispatches } from "./layer_norm/webgpu.ts";
import { linearDispatches, type Tile } from "./linear/webgpu.ts";
import type { Op } from "./op.ts";
import { tinyAttentionDispatches } from "./tiny_attention/webgpu.ts";

/**
 * Describes an operation as dispatches.
 *
 * @param op The operation; its shapes were checked.
 * @param counts The batch's counts.
 * @param tile The tile of `linear`.
 * @returns Its dispatches, in order.
 */
export function dispatchesOf(op: Op, counts: BatchCounts, tile: Tile): Dispatch[] {
  switch (op.op) {
    case "linear":
      return linearDispatches(op, counts, tile);
    case "layerNorm":
      return layerNormDispatches(op, counts);
    case "attention":
      return attentionDispatches(op, counts);
    case "tinyAttention":
      return tinyAttentionDispatches(op, counts);
    case "classify":
      return classifyDispatches(op, counts);
  }
}
