// Every operation on WebGPU against its f64 definition, over awkward shapes.

import { KERNEL_PLANS, type PlanName } from "../../../lib/compute/ops/plan.ts";
import type { WebGpuOptions } from "../../../lib/compute/webgpu/backend.ts";
import {
  activation,
  activationWithSlope,
  add,
  attention,
  attentionBackward,
  layerNorm,
  layerNormBackward,
  layerNormGradient,
  linear,
  linearAdded,
  linearGradient,
  multiply,
  scatter,
  select,
  tinyAttention,
} from "../_cases.ts";
import { type Case, compare, openWebGpu } from "./_against_reference.ts";

/** Sequences of 1, 7, 37 and 130 tokens in all, among them sequences of one token. */
const BATCHES: readonly (readonly number[])[] = [[1], [3, 1, 3], [37], [1, 64, 1, 9, 55]];

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
    await compareOn(linearAdded(inner, cols), 3e-6);
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

for (const cols of [1, 3, 4, 20, 64, 100, 128, 384]) {
  onEach(`layerNorm of ${cols} columns matches f64`, async (compareOn) => {
    const tolerance = 3e-6;
    await compareOn(layerNorm(cols, { eps: 1e-5, residual: false }), tolerance);
    await compareOn(layerNorm(cols, { eps: 1e-12, residual: true }), tolerance);
    await compareOn(layerNorm(cols, { eps: 1e-12, residual: false, scale: 40 }), tolerance);
  });
}

for (
  const [numHeads, headDim] of [[12, 32], [1, 1], [4, 3], [3, 5], [2, 4], [1, 64], [5, 20]] as const
) {
  onEach(
    `attention of ${numHeads} heads of ${headDim} columns matches f64`,
    async (compareOn, f16) => {
      await compareOn(attention(numHeads, headDim), 3e-6);
      const selected = attention(numHeads, headDim, { rows: "sequences" });
      await compareOn(selected, 3e-6);
      if (f16) return;
      // Scores of some tens: their f32 rounding, relative to e^score, decides.
      await compareOn(attention(numHeads, headDim, { scale: 4 }), 2e-4);
    },
  );
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
      if (numHeads === 4) await compareOn(tinyAttention(20, 4, headDim, 0.5, true), tolerance);
    },
  );
}

for (const cols of [1, 4, 100]) {
  onEach(`select of ${cols} columns copies the rows exactly`, async (compareOn) => {
    await compareOn(select(cols), 0);
  });
}

for (const activation of ["geluTanh", "relu", "tanh"] as const) {
  onEach(`linear with ${activation} matches f64`, async (compareOn) => {
    await compareOn(linear(20, 12, activation), 3e-6);
  });
}

onEach("add matches f64", async (compareOn) => {
  for (const cols of [1, 4, 100]) await compareOn(add(cols), 1e-7);
  await compareOn(add(5, "sequences"), 1e-7);
  // A row of several lines, the last one partly used.
  await compareOn(add(9001, "batch"), 1e-7);
});

onEach("multiply matches f64", async (compareOn) => {
  for (const cols of [1, 4, 100]) await compareOn(multiply(cols), 1e-7);
  await compareOn(multiply(5, "sequences"), 1e-7);
  await compareOn(multiply(9001, "batch"), 1e-7);
});

for (const name of ["gelu", "geluTanh", "relu", "tanh"] as const) {
  onEach(`activation ${name} and its slope match f64`, async (compareOn) => {
    for (const cols of [3, 100]) {
      await compareOn(activation(cols, name), 3e-6);
      await compareOn(activationWithSlope(cols, name), 3e-6);
    }
    // Arguments of some hundreds: nothing overflows.
    await compareOn(activationWithSlope(20, name, 300), 3e-6);
  });
}

for (const cols of [1, 3, 20, 384]) {
  onEach(`layerNorm's way back and gradient of ${cols} columns match f64`, async (compareOn) => {
    // Sums over up to 130 rows.
    const tolerance = 1e-5;
    await compareOn(layerNormBackward(cols, { eps: 1e-2, residual: false }), tolerance);
    await compareOn(layerNormBackward(cols, { eps: 1e-5, residual: true }), tolerance);
    const sequences = { eps: 1e-5, residual: false, rows: "sequences" } as const;
    await compareOn(layerNormBackward(cols, sequences), tolerance);
    await compareOn(layerNormGradient(cols), tolerance);
    await compareOn(layerNormGradient(cols, "sequences"), tolerance);
  });
}

for (const [numHeads, headDim] of [[2, 16], [1, 1], [4, 1], [3, 5], [2, 4]] as const) {
  onEach(
    `attentionBackward of ${numHeads} heads of ${headDim} columns matches f64`,
    async (compareOn, f16) => {
      await compareOn(attentionBackward(numHeads, headDim), f16 ? 1e-2 : 2e-5);
      if (f16) return;
      await compareOn(attentionBackward(numHeads, headDim, 3), 1e-3);
    },
  );
}

for (const [numHeads, headDim] of [[4, 1], [3, 5]] as const) {
  onEach(
    `attention with dropout and its way back match f64 for ${numHeads} heads of ${headDim} columns`,
    async (compareOn, f16) => {
      await compareOn(attention(numHeads, headDim, { dropout: 0.4 }), f16 ? 1e-2 : 1e-5);
      await compareOn(attentionBackward(numHeads, headDim, 1, 0.4), f16 ? 2e-2 : 2e-5);
    },
  );
}

for (const [inner, cols] of [[1, 1], [20, 3], [3, 20], [384, 12], [4, 384], [13, 7]] as const) {
  onEach(`linearGradient [${cols}, ${inner}] matches f64`, async (compareOn) => {
    // Sums over up to 130 rows.
    await compareOn(linearGradient(inner, cols), 1e-5);
    await compareOn(linearGradient(inner, cols, "sequences"), 1e-5);
  });
}

for (const cols of [1, 4, 100]) {
  onEach(`scatter of ${cols} columns copies the rows exactly`, async (compareOn) => {
    await compareOn(scatter(cols), 0);
  });
}

Deno.test("destroy() closes the backends of these tests", () => {
  for (const { backend } of BACKENDS) backend?.destroy();
});
