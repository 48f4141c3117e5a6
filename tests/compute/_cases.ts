// Operations of any shape on seeded data, for comparing a backend with the reference.

import type { ElementFunction } from "../../lib/compute/ops/activation/op.ts";
import type { Activation, Op } from "../../lib/compute/ops/op.ts";
import type { RowsFollow } from "../../lib/compute/value.ts";
import type { Case, Maker } from "./webgpu/_against_reference.ts";

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

/** A linear layer whose sums another matrix is added to. */
export function linearAdded(inner: number, cols: number): Case {
  return (maker) => ({
    ...linear(inner, cols, "none")(maker),
    residual: maker.input("residual", cols),
  } as Op);
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

/** Attention of every token, or of the selected ones; or with a share of probabilities dropped. */
export function attention(
  numHeads: number,
  headDim: number,
  { scale = 1, rows = "tokens", dropout }: {
    scale?: number;
    rows?: "tokens" | "sequences";
    dropout?: number;
  } = {},
): Case {
  return (maker) => ({
    op: "attention",
    qkv: maker.input("qkv", 3 * numHeads * headDim, scale),
    numHeads,
    y: maker.output("y", rows, numHeads * headDim),
    ...dropped(maker, dropout),
  });
}

/** What attention drops, with random keys. */
function dropped(maker: Maker, dropout?: number) {
  return dropout === undefined ? {} : { keys: maker.bytes("keys", 4), dropout };
}

/** A tiny-attention module, or what it adds. */
export function tinyAttention(
  hidden: number,
  numHeads: number,
  headDim: number,
  scale: number,
  updateOnly = false,
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
    updateOnly,
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

/** A sum of two matrices. */
export function add(cols: number, rows: RowsFollow = "tokens"): Case {
  return (maker) => ({
    op: "add",
    x: maker.input("x", cols, 1, rows),
    residual: maker.input("residual", cols, 1, rows),
    y: maker.output("y", rows, cols),
  });
}

/** An activation on its own, of numbers of this scale. */
export function activation(cols: number, activation: ElementFunction, scale = 2): Case {
  return (maker) => ({
    op: "activation",
    x: maker.input("x", cols, scale),
    activation,
    y: maker.output("y", "tokens", cols),
  });
}

/** An activation that keeps its slope, of numbers of this scale. */
export function activationWithSlope(cols: number, name: ElementFunction, scale = 2): Case {
  return (maker) => ({
    ...activation(cols, name, scale)(maker),
    slope: maker.output("slope", "tokens", cols),
  } as Op);
}

/** A product of two matrices, element by element. */
export function multiply(cols: number, rows: RowsFollow = "tokens"): Case {
  return (maker) => ({
    op: "multiply",
    x: maker.input("x", cols, 1, rows),
    factor: maker.input("factor", cols, 1, rows),
    y: maker.output("y", rows, cols),
  });
}

/** The way back through a LayerNorm. */
export function layerNormBackward(
  cols: number,
  { eps, residual, rows = "tokens" }: { eps: number; residual: boolean; rows?: RowsFollow },
): Case {
  return (maker) => ({
    op: "layerNormBackward",
    x: maker.input("x", cols, 1, rows),
    ...(residual ? { residual: maker.input("residual", cols, 1, rows) } : {}),
    weight: maker.weight("weight", 1, cols),
    eps,
    dy: maker.input("dy", cols, 1, rows),
    dx: maker.output("dx", rows, cols),
  });
}

/** The gradient of a LayerNorm's gain and bias. */
export function layerNormGradient(cols: number, rows: RowsFollow = "tokens"): Case {
  return (maker) => ({
    op: "layerNormGradient",
    x: maker.input("x", cols, 1, rows),
    eps: 1e-5,
    dy: maker.input("dy", cols, 1, rows),
    gradient: maker.output("gradient", "batch", 2 * cols),
  });
}

/** The way back through attention. */
export function attentionBackward(
  numHeads: number,
  headDim: number,
  scale = 1,
  dropout?: number,
): Case {
  const hidden = numHeads * headDim;
  return (maker) => ({
    op: "attentionBackward",
    qkv: maker.input("qkv", 3 * hidden, scale),
    dy: maker.input("dy", hidden),
    numHeads,
    dqkv: maker.output("dqkv", "tokens", 3 * hidden),
    ...dropped(maker, dropout),
  });
}

/** The gradient of a linear layer's weight and bias. */
export function linearGradient(inner: number, cols: number, rows: RowsFollow = "tokens"): Case {
  return (maker) => ({
    op: "linearGradient",
    x: maker.input("x", inner, 1, rows),
    dy: maker.input("dy", cols, 1, rows),
    gradient: maker.output("gradient", "batch", cols * inner + cols),
  });
}

/** Rows of sequences among zeros. */
export function scatter(cols: number): Case {
  return (maker) => ({
    op: "scatter",
    x: maker.input("x", cols, 1, "sequences"),
    y: maker.output("y", "tokens", cols),
  });
}
