// Every operation on WebGPU against its f64 definition, over awkward shapes.

import type { Activation } from "../../../lib/compute/ops/op.ts";
import { KERNEL_PLANS, type PlanName } from "../../../lib/compute/ops/plan.ts";
import type { WebGpuOptions } from "../../../lib/compute/webgpu/backend.ts";
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

/** What the tests run on, each opened once, so that each kernel is compiled once. */
const BACKENDS = await Promise.all(
  ([
    { plan: "textures-8" },
    { plan: "buffers-32x32" },
    { plan: "buffers-32x32", precision: "f16" },
  ] as const satisfies readonly WebGpuOptions[]).map(async (options) => ({
    name: Object.values(options).join(" in "),
    f16: "precision" in options,
    backend: await openWebGpu({ maxTokens: 130, ...options }),
  })),
);

/** Registers a test on every backend; the tolerance is that of f32. */
function onEach(
  what: string,
  body: (
    compareOn: (make: Case, tolerance: number) => Promise<void>,
    f16: boolean,
  ) => Promise<void>,
): void {
  for (const { name, f16, backend } of BACKENDS) {
    Deno.test(`${what} on ${name}`, () =>
      body(async (make, tolerance) => {
        // Inputs are f16 numbers then; a result is rounded to one of 11 bits.
        const bound = f16 ? Math.max(1e-3, tolerance) : tolerance;
        for (const lengths of f16 ? BATCHES.slice(-1) : BATCHES) {
          await compare(backend, lengths, make, { atol: bound, rtol: bound }, f16);
        }
      }, f16));
  }
}

const LINEAR_SHAPES = [[4, 12], [20, 3], [64, 64], [100, 301], [128, 1], [384, 130]] as const;

for (const [inner, cols] of LINEAR_SHAPES) {
  onEach(`linear [${cols}, ${inner}] matches f64`, async (compareOn) => {
    // Sums of up to 384 products in f32, of magnitude about 1.
    await compareOn(linear(inner, cols, "none"), 3e-6);
    await compareOn(linear(inner, cols, "gelu"), 3e-6);
  });
}

for (const plan of Object.keys(KERNEL_PLANS) as PlanName[]) {
  Deno.test(`linear matches f64 by the plan ${plan}`, async () => {
    const backend = await openWebGpu({ maxTokens: 300, plan });
    for (const [inner, cols] of [[100, 301], [384, 130]] as const) {
      // Several workgroups along both sides, the last ones partly used.
      const tolerance = { atol: 3e-6, rtol: 3e-6 };
      await compare(backend, [300], linear(inner, cols, "none"), tolerance);
    }
    backend?.destroy();
  });
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
  onEach(`layerNorm of ${cols} columns matches f64`, async (compareOn) => {
    const tolerance = 3e-6;
    await compareOn(layerNorm(cols, 1e-5, false), tolerance);
    await compareOn(layerNorm(cols, 1e-12, true), tolerance);
    await compareOn(layerNorm(cols, 1e-12, false, 40), tolerance);
  });
}

function attention(
  numHeads: number,
  headDim: number,
  scale: number,
  rows: "tokens" | "sequences" = "tokens",
): Case {
  return (maker) => ({
    op: "attention",
    qkv: maker.input("qkv", 3 * numHeads * headDim, scale),
    numHeads,
    y: maker.output("y", rows, numHeads * headDim),
  });
}

for (
  const [numHeads, headDim] of [[12, 32], [1, 1], [4, 3], [3, 5], [2, 4], [1, 64], [5, 20]] as const
) {
  onEach(
    `attention of ${numHeads} heads of ${headDim} columns matches f64`,
    async (compareOn, f16) => {
      await compareOn(attention(numHeads, headDim, 1), 3e-6);
      const selected = attention(numHeads, headDim, 1, "sequences");
      await compareOn(selected, 3e-6);
      if (f16) return;
      // Scores of some tens: their f32 rounding, relative to e^score, decides.
      await compareOn(attention(numHeads, headDim, 4), 2e-4);
    },
  );
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

for (const [numHeads, headDim] of [[1, 1], [4, 1], [1, 4], [3, 2], [2, 4], [3, 7]] as const) {
  onEach(
    `tinyAttention of ${numHeads} heads of ${headDim} columns matches f64`,
    async (compareOn, f16) => {
      const tolerance = f16 ? 1e-2 : 1e-5; // f16: queries, keys and values are rounded on the way
      for (const hidden of [20, 100, 384]) {
        await compareOn(tinyAttention(hidden, numHeads, headDim, 1), tolerance);
      }
      await compareOn(tinyAttention(5, numHeads, headDim, 1 / numHeads), tolerance);
    },
  );
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
  onEach(`classify with ${labels} labels matches f64`, async (compareOn) => {
    for (const hidden of [4, 20, 384]) {
      await compareOn(classify(hidden, labels), 3e-6);
    }
  });
}

for (const cols of [1, 4, 100]) {
  onEach(`select of ${cols} columns copies the rows exactly`, async (compareOn) => {
    await compareOn((maker) => ({
      op: "select",
      x: maker.input("x", cols),
      y: maker.output("y", "sequences", cols),
    }), 0);
  });
}

for (const activation of ["geluTanh", "relu", "tanh"] as const) {
  onEach(`linear with ${activation} matches f64`, async (compareOn) => {
    await compareOn(linear(20, 12, activation), 3e-6);
  });
}

Deno.test("destroy() closes the backends of these tests", () => {
  for (const { backend } of BACKENDS) backend?.destroy();
});
