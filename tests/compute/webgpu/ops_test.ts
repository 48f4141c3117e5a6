// Every operation on WebGPU against its f64 definition, over awkward shapes.

import type { Activation } from "../../../lib/compute/ops/op.ts";
import { type Case, compare, openWebGpu } from "./_against_reference.ts";

/** Sequences of 1, 7, 37 and 130 tokens in all, among them sequences of one token. */
const BATCHES: readonly (readonly number[])[] = [[1], [3, 1, 3], [37], [1, 64, 1, 9, 55]];

function linear(inner: number, cols: number, activation: Activation): Case {
  return (maker) => ({
    op: "linear",
    x: maker.input("x", inner),
    weight: maker.weight("weight", cols, inner, 1 / Math.sqrt(inner)),
    bias: maker.weight("bias", 1, cols),
    activation,
    y: maker.output("y", "tokens", cols),
  });
}

// One backend for all, so that each kernel is compiled once; the last test closes them.
const gpu = await openWebGpu({ maxTokens: 130 });
const gpu16 = await openWebGpu({ maxTokens: 130, tile: 16 });

for (const [tile, backend] of [[8, gpu], [16, gpu16]] as const) {
  for (const [inner, cols] of [[4, 12], [20, 3], [64, 64], [100, 301], [128, 1], [384, 130]]) {
    Deno.test(`linear [${cols}, ${inner}] matches f64 with a tile of ${tile}`, async () => {
      for (const lengths of BATCHES) {
        // Sums of up to 384 products in f32, of magnitude about 1.
        const tolerance = { atol: 3e-6, rtol: 3e-6 };
        await compare(backend, lengths, linear(inner!, cols!, "none"), tolerance);
        await compare(backend, lengths, linear(inner!, cols!, "gelu"), tolerance);
      }
    });
  }
}

function layerNorm(cols: number, eps: number, residual: boolean, scale = 1): Case {
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

for (const cols of [1, 3, 4, 20, 64, 100, 128, 384]) {
  Deno.test(`layerNorm of ${cols} columns matches f64`, async () => {
    for (const lengths of BATCHES) {
      const tolerance = { atol: 3e-6, rtol: 3e-6 };
      await compare(gpu, lengths, layerNorm(cols, 1e-5, false), tolerance);
      await compare(gpu, lengths, layerNorm(cols, 1e-12, true), tolerance);
      await compare(gpu, lengths, layerNorm(cols, 1e-12, false, 40), tolerance);
    }
  });
}

function attention(numHeads: number, headDim: number, scale: number): Case {
  return (maker) => ({
    op: "attention",
    qkv: maker.input("qkv", 3 * numHeads * headDim, scale),
    numHeads,
    y: maker.output("y", "tokens", numHeads * headDim),
  });
}

for (const [numHeads, headDim] of [[12, 32], [1, 1], [4, 3], [3, 5], [2, 4], [1, 64], [5, 20]]) {
  Deno.test(`attention of ${numHeads} heads of ${headDim} columns matches f64`, async () => {
    for (const lengths of BATCHES) {
      await compare(gpu, lengths, attention(numHeads!, headDim!, 1), { atol: 3e-6, rtol: 3e-6 });
      // Scores of some tens: their f32 rounding, relative to e^score, decides.
      await compare(gpu, lengths, attention(numHeads!, headDim!, 4), { atol: 2e-4, rtol: 2e-4 });
    }
  });
}

function tinyAttention(hidden: number, numHeads: number, headDim: number, scale: number): Case {
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

for (const [numHeads, headDim] of [[1, 1], [4, 1], [1, 4], [3, 2], [2, 4], [3, 7]]) {
  Deno.test(`tinyAttention of ${numHeads} heads of ${headDim} columns matches f64`, async () => {
    for (const lengths of BATCHES) {
      const tolerance = { atol: 1e-5, rtol: 1e-5 };
      for (const hidden of [20, 100, 384]) {
        await compare(gpu, lengths, tinyAttention(hidden, numHeads!, headDim!, 1), tolerance);
      }
      await compare(gpu, lengths, tinyAttention(5, numHeads!, headDim!, 1 / numHeads!), tolerance);
    }
  });
}

function classify(hidden: number, labels: number): Case {
  return (maker) => ({
    op: "classify",
    x: maker.input("x", hidden),
    weight: maker.weight("weight", labels, hidden, 1 / Math.sqrt(hidden)),
    bias: maker.weight("bias", 1, labels),
    y: maker.output("y", "sequences", labels),
  });
}

for (const labels of [1, 2, 3, 9]) {
  Deno.test(`classify with ${labels} labels matches f64`, async () => {
    for (const lengths of BATCHES) {
      for (const hidden of [4, 20, 384]) {
        await compare(gpu, lengths, classify(hidden, labels), { atol: 3e-6, rtol: 3e-6 });
      }
    }
  });
}

Deno.test("destroy() closes the backends of these tests", () => {
  gpu?.destroy();
  gpu16?.destroy();
});
