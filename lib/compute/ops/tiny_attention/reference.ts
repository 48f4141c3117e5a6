/**
 * `tinyAttention` by definition, in f64: the definitions of its parts, one after the other.
 *
 * @module
 */

import { attention } from "../attention/reference.ts";
import { layerNorm } from "../layer_norm/reference.ts";
import { linear, type Numbers } from "../linear/reference.ts";

/** The arrays and numbers of a tiny-attention module, with `E = numHeads * headDim`. */
export interface TinyAttentionModule {
  /** Gain of the LayerNorm, `[H]`; its length is the number of columns. */
  readonly normWeight: Numbers;
  /** Bias of the LayerNorm, `[H]`. */
  readonly normBias: Numbers;
  /** Added to the biased variance. */
  readonly eps: number;
  /** Query, key and value weights one below the other, `[3E, H]`. */
  readonly qkvWeight: Numbers;
  /** Query, key and value biases, `[3E]`. */
  readonly qkvBias: Numbers;
  /** Heads. */
  readonly numHeads: number;
  /** Columns of a head, in elements. */
  readonly headDim: number;
  /** Factor on the sum of the heads. */
  readonly scale: number;
  /** Output weight, `[H, E]`. */
  readonly outputWeight: Numbers;
  /** Output bias, `[H]`. */
  readonly outputBias: Numbers;
  /** Whether `a` is left out of the result. */
  readonly updateOnly?: boolean;
}

/**
 * Computes `a + scale * (attention(LN(a)) · outputWeightᵀ) + outputBias`, or that without `a`.
 *
 * @param a `[tokens, H]`, row-major.
 * @param starts Where each sequence begins, plus the end, `[sequences + 1]`.
 * @param module The module's arrays and numbers.
 * @returns `f64 [tokens, H]`, row-major.
 */
export function tinyAttention(
  a: Numbers,
  starts: Uint32Array<ArrayBuffer>,
  module: TinyAttentionModule,
): Float64Array<ArrayBuffer> {
  const { numHeads, headDim, scale, outputBias, updateOnly } = module;
  const hidden = module.normWeight.length;
  const inner = numHeads * headDim;
  const rows = starts.at(-1)!;
  const u = layerNorm(a, undefined, module.normWeight, module.normBias, module.eps);
  const qkvShape = { rows, inner: hidden, cols: 3 * inner };
  const qkv = linear(u, module.qkvWeight, module.qkvBias, qkvShape, "none");
  const z = attention(qkv, starts, { numHeads, headDim });
  const zeros = new Float64Array(hidden);
  const y = linear(z, module.outputWeight, zeros, { rows, inner, cols: hidden }, "none");
  for (let i = 0; i < y.length; i++) {
    const update = scale * y[i]! + outputBias[i % hidden]!;
    y[i] = updateOnly ? update : a[i]! + update;
  }
  return y;
}
