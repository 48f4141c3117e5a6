/**
 * Every operation that a backend runs. One operation is one folder beside this file: `op.ts` holds
 * its type and shape guards, `reference.ts` its definition in f64, `kernel.wgsl` and `webgpu.ts`
 * the kernel and how it is dispatched, `assembly.ts` and `wasm.ts` the same for WebAssembly.
 *
 * @module
 */

import { type AttentionOp, checkAttention } from "./attention/op.ts";
import { checkLayerNorm, type LayerNormOp } from "./layer_norm/op.ts";
import { checkLinear, type LinearOp } from "./linear/op.ts";
import { checkSelect, type SelectOp } from "./select/op.ts";
import { checkTinyAttention, type TinyAttentionOp } from "./tiny_attention/op.ts";

export type { AttentionOp, LayerNormOp, LinearOp, SelectOp, TinyAttentionOp };
export type { Activation } from "./linear/op.ts";

/** An operation on values and weights of one backend. */
export type Op = LinearOp | LayerNormOp | AttentionOp | TinyAttentionOp | SelectOp;

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
  }
}
