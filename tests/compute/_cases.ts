// Operations of any shape on seeded data, for comparing a backend with the reference.

import type { Activation } from "../../lib/compute/ops/op.ts";
import type { Case } from "./webgpu/_against_reference.ts";

/** A linear layer whose sums are of magnitude about 1. */
export function linear(inner: number, cols: number, activation: Activation): Case {
  return (maker) => ({
    op: "linear",
    x: maker.input("x", inner),
    weight: maker.weight("weight", cols, inner, 1 / Math.sqrt(inner)),
    bias: maker.weight("bias", 1, cols),
    activation,
    y: maker.output("y", "tokens", cols),
  });
}

/** A LayerNorm of numbers of this scale. */
export function layerNorm(
  cols: number,
  { eps, residual, scale = 1 }: { eps: number; residual: boolean; scale?: number },
): Case {
  return (maker) => ({
    op: "layerNorm",
    x: maker.input("x", cols, scale),
    ...(residual ? { residual: maker.input("residual", cols, scale) } : {}),
    weight: maker.weight("weight", 1, cols),
    bias: maker.weight("bias", 1, cols),
    eps,
    y: maker.output("y", "tokens", cols),
  });
}

/** Attention of every token, or of the selected ones. */
export function attention(
  numHeads: number,
  headDim: number,
  { scale = 1, rows = "tokens" }: { scale?: number; rows?: "tokens" | "sequences" } = {},
): Case {
  return (maker) => ({
    op: "attention",
    qkv: maker.input("qkv", 3 * numHeads * headDim, scale),
    numHeads,
    y: maker.output("y", rows, numHeads * headDim),
  });
}

/** A tiny-attention module. */
export function tinyAttention(
  hidden: number,
  numHeads: number,
  headDim: number,
  scale: number,
): Case {
  const inner = numHeads * headDim;
  return (maker) => ({
    op: "tinyAttention",
    a: maker.input("a", hidden),
    normWeight: maker.weight("norm.weight", 1, hidden),
    normBias: maker.weight("norm.bias", 1, hidden),
    eps: 1e-5,
    qkvWeight: maker.weight("qkv.weight", 3 * inner, hidden, 1 / Math.sqrt(hidden)),
    qkvBias: maker.weight("qkv.bias", 1, 3 * inner),
    numHeads,
    headDim,
    scale,
    outputWeight: maker.weight("output.weight", hidden, inner),
    outputBias: maker.weight("output.bias", 1, hidden),
    scratch: maker.output("scratch", "tokens", 3 * inner),
    y: maker.output("y", "tokens", hidden),
  });
}

/** The selected rows. */
export function select(cols: number): Case {
  return (maker) => ({
    op: "select",
    x: maker.input("x", cols),
    y: maker.output("y", "sequences", cols),
  });
}
