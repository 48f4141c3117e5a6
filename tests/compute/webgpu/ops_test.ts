// Every operation on WebGPU against its f64 definition, over awkward shapes.

import { KERNEL_PLANS, type PlanName } from "../../../lib/compute/ops/plan.ts";
import type { WebGpuOptions } from "../../../lib/compute/webgpu/backend.ts";
import { attention, layerNorm, linear, select, tinyAttention } from "../_cases.ts";
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

Deno.test("destroy() closes the backends of these tests", () => {
  for (const { backend } of BACKENDS) backend?.destroy();
});
