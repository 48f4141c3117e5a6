/**
 * Every operation that a backend runs. One operation is one folder beside this file: `op.ts` holds
 * its type and shape guards, `reference.ts` its definition in f64, `kernel.wgsl` and `webgpu.ts`
 * the kernel and how it is dispatched, `assembly.ts` and `wasm.ts` the same for WebAssembly. Where
 * GPUs need another kernel than software drivers, it is in `buffers.wgsl` and `buffers.ts`.
 *
 * @module
 */

import { type ActivationOp, checkActivation } from "./activation/op.ts";
import { type AddOp, checkAdd } from "./add/op.ts";
import { type AttentionOp, checkAttention } from "./attention/op.ts";
import { type AttentionBackwardOp, checkAttentionBackward } from "./attention_backward/op.ts";
import { checkLayerNorm, type LayerNormOp } from "./layer_norm/op.ts";
import { checkLayerNormBackward, type LayerNormBackwardOp } from "./layer_norm_backward/op.ts";
import { checkLayerNormGradient, type LayerNormGradientOp } from "./layer_norm_gradient/op.ts";
import { checkLinear, type LinearOp } from "./linear/op.ts";
import { checkLinearGradient, type LinearGradientOp } from "./linear_gradient/op.ts";
import { checkMultiply, type MultiplyOp } from "./multiply/op.ts";
import { checkScatter, type ScatterOp } from "./scatter/op.ts";
import { checkSelect, type SelectOp } from "./select/op.ts";
import { checkTinyAttention, type TinyAttentionOp } from "./tiny_attention/op.ts";

export type { AttentionOp, LayerNormOp, LinearOp, SelectOp, TinyAttentionOp };
export type { ActivationOp, AddOp, AttentionBackwardOp, MultiplyOp };
export type { LayerNormBackwardOp, LayerNormGradientOp, LinearGradientOp, ScatterOp };
export type { Activation } from "./linear/op.ts";

/** An operation of a forward pass. */
export type ForwardOp =
  | LinearOp
  | LayerNormOp
  | AttentionOp
  | TinyAttentionOp
  | SelectOp
  | AddOp
  | ActivationOp
  | MultiplyOp;

/** An operation that takes gradients back or sums them up. */
export type BackwardOp =
  | LayerNormBackwardOp
  | LayerNormGradientOp
  | AttentionBackwardOp
  | LinearGradientOp
  | ScatterOp;

/** An operation on values and weights of one backend. */
export type Op = ForwardOp | BackwardOp;

/**
 * Checks the shapes and numbers of an operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit, or an output is also an input.
 * @throws {RangeError} When a number is out of range.
 */
export function checkOp(op: Op): void {
  switch (op.op) {
    case "linear":
      return checkLinear(op);
    case "layerNorm":
      return checkLayerNorm(op);
    case "attention":
      return checkAttention(op);
    case "tinyAttention":
      return checkTinyAttention(op);
    case "select":
      return checkSelect(op);
    case "add":
      return checkAdd(op);
    case "activation":
      return checkActivation(op);
    case "multiply":
      return checkMultiply(op);
    case "layerNormBackward":
      return checkLayerNormBackward(op);
    case "layerNormGradient":
      return checkLayerNormGradient(op);
    case "attentionBackward":
      return checkAttentionBackward(op);
    case "linearGradient":
      return checkLinearGradient(op);
    case "scatter":
      return checkScatter(op);
  }
}
