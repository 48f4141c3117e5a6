// Every operation on WebAssembly against its f64 definition, over awkward shapes, with and without
// relaxed SIMD, on one to three threads.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../../../lib/compute/backend.ts";
import { ReferenceBackend } from "../../../lib/compute/reference/backend.ts";
import { WasmBackend } from "../../../lib/compute/wasm/backend.ts";
import { assertClose } from "../../_close.ts";
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
import { batchOf, type Case, compare, Maker, outputsOf } from "../webgpu/_against_reference.ts";

/** Sequences of 1, 7, 37 and 130 tokens in all, among them sequences of one token. */
const BATCHES: readonly (readonly number[])[] = [[1], [3, 1, 3], [37], [1, 64, 1, 9, 55]];
const ACTIVATIONS = ["none", "gelu", "geluTanh", "relu", "tanh"] as const;

/** Opened once; the last test closes them. */
const BACKENDS: readonly WasmBackend[] = [
  new WasmBackend({ maxTokens: 130, threads: 1, target: { relaxed: true } }),
  new WasmBackend({ maxTokens: 130, threads: 2, target: { relaxed: false } }),
  new WasmBackend({ maxTokens: 130, threads: 3, target: { relaxed: true } }),
];

/** What an operation gives on a backend, one array an output. */
async function resultsOf(backend: Backend, lengths: readonly number[], make: Case) {
  const batch = batchOf(lengths);
  backend.begin(batch);
  using maker = new Maker(backend, batch);
  const op = make(maker);
  backend.run(op);
  return await backend.read(outputsOf(op));
}

/** Fails unless an operation gives the same on every backend as by its definition. */
async function agree(lengths: readonly number[], make: Case, bound: number): Promise<void> {
  const want = await resultsOf(new ReferenceBackend({ maxTokens: 130 }), lengths, make);
  for (const backend of BACKENDS) {
    for (const [output, result] of (await resultsOf(backend, lengths, make)).entries()) {
      assertClose(result, want[output]!, { atol: bound, rtol: bound }, backend.description);
    }
  }
}

/** Registers a test of some cases on every backend and batch. */
function matches(what: string, cases: readonly (readonly [Case, tolerance: number])[]): void {
  Deno.test(`${what} matches f64 on WebAssembly`, async () => {
    for (const lengths of BATCHES) {
      for (const [make, bound] of cases) await agree(lengths, make, bound);
    }
  });
}

for (const [inner, cols] of [[4, 12], [20, 3], [1, 9], [7, 8], [64, 64], [100, 130]] as const) {
  // Sums in f32, of magnitude about 1.
  matches(
    `linear [${cols}, ${inner}]`,
    [
      ...ACTIVATIONS.map((activation) => [linear(inner, cols, activation), 3e-6] as const),
      [linearAdded(inner, cols), 3e-6],
    ],
  );
}

Deno.test("linear [1000, 384] matches f64 on WebAssembly", () =>
  // Several chunks along both dimensions.
  agree([1, 64, 1, 9, 55], linear(384, 1000, "gelu"), 3e-6));

for (const activation of ACTIVATIONS) {
  Deno.test(`${activation} matches f64 on WebAssembly from -20 to 20`, async () => {
    const sweep = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 100);
    await agree([1], (maker) => ({
      op: "linear",
      x: maker.input("x", 1),
      weight: maker.backend.weight("weight", new Float32Array(sweep.length), sweep.length, 1),
      bias: maker.backend.weight("bias", sweep, 1, sweep.length),
      activation,
      y: maker.output("y", "tokens", sweep.length),
    }), 2.5e-7);
  });
}

for (const cols of [1, 3, 4, 20, 100, 384]) {
  matches(`layerNorm of ${cols} columns`, [
    [layerNorm(cols, { eps: 1e-5, residual: false }), 3e-6],
    [layerNorm(cols, { eps: 1e-12, residual: true }), 3e-6],
    [layerNorm(cols, { eps: 1e-12, residual: false, scale: 40 }), 3e-6],
  ]);
}

for (
  const [numHeads, headDim] of [[12, 32], [1, 1], [5, 1], [3, 2], [4, 3], [3, 5], [1, 64], [
    5,
    20,
  ]] as const
) {
  matches(`attention of ${numHeads} heads of ${headDim} columns`, [
    [attention(numHeads, headDim), 3e-6],
    [attention(numHeads, headDim, { rows: "sequences" }), 3e-6],
    // Scores of some tens: their f32 rounding, relative to e^score, decides.
    [attention(numHeads, headDim, { scale: 4 }), 2e-4],
  ]);
}

for (const [numHeads, headDim] of [[1, 1], [4, 1], [1, 4], [3, 2], [3, 7]] as const) {
  matches(`tinyAttention of ${numHeads} heads of ${headDim} columns`, [
    // Sums of up to 21 products of magnitude up to 10.
    [tinyAttention(20, numHeads, headDim, 1), 2e-5],
    [tinyAttention(200, numHeads, headDim, 1), 2e-5],
    [tinyAttention(5, numHeads, headDim, 1 / numHeads), 2e-5],
    [tinyAttention(5, numHeads, headDim, -2.5), 2e-5],
    [tinyAttention(20, numHeads, headDim, 0.5, true), 2e-5],
  ]);
}

matches("select", [[select(3), 0], [select(384), 0]]);

matches("add", [[add(3), 0], [add(100), 0], [add(5, "sequences"), 0]]);

// A product has one rounding, as that of the definition has.
matches("multiply", [[multiply(3), 0], [multiply(100), 0], [multiply(5, "sequences"), 0]]);

for (const name of ["gelu", "geluTanh", "relu", "tanh"] as const) {
  matches(`activation ${name}`, [1, 7, 100].map((cols) => [activation(cols, name), 3e-6] as const));
  matches(
    `activation ${name} with its slope`,
    [1, 7, 100].map((cols) => [activationWithSlope(cols, name), 3e-6] as const),
  );
  // Arguments of some hundreds: nothing overflows.
  matches(`activation ${name} with its slope, far from 0`, [
    [activationWithSlope(20, name, 300), 3e-6],
  ]);
}

for (const cols of [1, 3, 4, 7, 100, 384]) {
  // One column: the slope is 0, as the row's own rounding.
  matches(`layerNormBackward of ${cols} columns`, [
    [layerNormBackward(cols, { eps: 1e-2, residual: false }), 1e-5],
    [layerNormBackward(cols, { eps: 1e-5, residual: true }), 1e-5],
    [layerNormBackward(cols, { eps: 1e-5, residual: false, rows: "sequences" }), 1e-5],
  ]);
  // Sums over up to 130 rows.
  matches(`layerNormGradient of ${cols} columns`, [
    [layerNormGradient(cols), 1e-5],
    [layerNormGradient(cols, "sequences"), 1e-5],
  ]);
}

for (
  const [numHeads, headDim] of [
    ...[[12, 32], [1, 1], [4, 1], [5, 1], [3, 2], [4, 3], [2, 4], [3, 5], [1, 64], [
      5,
      20,
    ]] as const,
  ]
) {
  matches(`attentionBackward of ${numHeads} heads of ${headDim} columns`, [
    [attentionBackward(numHeads, headDim), 1e-5],
    [attentionBackward(numHeads, headDim, 3), 1e-4],
  ]);
}

for (const [numHeads, headDim] of [[4, 1], [3, 5]] as const) {
  matches(`attention with dropout and its way back of ${numHeads} heads of ${headDim} columns`, [
    [attention(numHeads, headDim, { dropout: 0.4 }), 1e-5],
    [attentionBackward(numHeads, headDim, 1, 0.4), 2e-5],
  ]);
}

for (
  const [inner, cols] of [[1, 1], [20, 3], [3, 20], [384, 12], [4, 384], [1, 9], [13, 7]] as const
) {
  // Sums over up to 130 rows.
  matches(`linearGradient [${cols}, ${inner}]`, [
    [linearGradient(inner, cols), 1e-5],
    [linearGradient(inner, cols, "sequences"), 1e-5],
  ]);
}

matches("scatter", [[scatter(3), 0], [scatter(384), 0]]);

Deno.test("activations on WebAssembly pass NaN on, also in their slopes", async () => {
  for (const relaxed of [false, true]) {
    const backend = new WasmBackend({ maxTokens: 1, threads: 1, target: { relaxed } });
    const [x, y, slope] = ["x", "y", "slope"].map((label) => backend.value(label, "tokens", 1));
    for (const activation of ["gelu", "geluTanh", "relu", "tanh"] as const) {
      backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
      backend.write(x!, Float32Array.of(NaN));
      backend.run({ op: "activation", x: x!, activation, slope: slope!, y: y! });
      const given = (await backend.read([y!, slope!])).map(([number]) => number);
      // A gate is open or shut: relu's slope has no third value, and its output is NaN already.
      assertEquals(given, [NaN, activation === "relu" ? 0 : NaN], activation);
    }
    backend.destroy();
  }
});

Deno.test("attention on WebAssembly matches f64 for sequences of 512 tokens", async () => {
  const backend = new WasmBackend({ maxTokens: 600, threads: 2 });
  await compare(backend, [512, 3, 33], attention(2, 32), { atol: 3e-6, rtol: 3e-6 });
  backend.destroy();
});

Deno.test("attention on WebAssembly gives scores far below the largest no weight, and NaN on", async () => {
  const backend = new WasmBackend({ maxTokens: 8, threads: 1 });
  const qkv = backend.value("qkv", "tokens", 3);
  const y = backend.value("y", "tokens", 1);
  // One head of one column: the queries are 1, so that scores are the keys.
  const attend = async (keys: readonly number[], values: readonly number[]) => {
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 3) });
    backend.write(qkv, Float32Array.from(keys.flatMap((key, i) => [1, key, values[i]!])));
    backend.run({ op: "attention", qkv, numHeads: 1, y });
    return (await backend.read([y]))[0]![0];
  };
  // e^-85 is a normal number in f32, of which 1e36 would make a tenth.
  assertEquals(await attend([0, -85, -79], [1, 1e36, 0]), 1);
  assert((await attend([0, -79, 0], [1, 1e36, 1]) ?? 0) > 10);
  assertEquals(await attend([0, NaN, 0], [1, 1, 1]), NaN);
  assertEquals(await attend([-500, -500, -500], [3, 3, 3]), 3);
  backend.destroy();
});

Deno.test("attention on WebAssembly matches f64 for any batch", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
  const shape = fc.record({
    numHeads: fc.integer({ min: 1, max: 5 }),
    headDim: fc.integer({ min: 1, max: 17 }),
    rows: fc.constantFrom("tokens" as const, "sequences" as const),
  });
  await fc.assert(
    fc.asyncProperty(lengths, shape, async (lengths, { numHeads, headDim, rows }) => {
      await agree(lengths, attention(numHeads, headDim, { rows }), 3e-6);
    }),
    { seed: 6, numRuns: 40 },
  );
});

Deno.test("attentionBackward on WebAssembly matches f64 for sequences of 300 tokens", async () => {
  const backend = new WasmBackend({ maxTokens: 600, threads: 2 });
  await compare(backend, [300, 3, 33], attentionBackward(2, 16), { atol: 1e-5, rtol: 1e-5 });
  backend.destroy();
});

Deno.test("attentionBackward on WebAssembly matches f64 for any batch", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 });
  const heads = fc.integer({ min: 1, max: 5 });
  const columns = fc.integer({ min: 1, max: 17 });
  await fc.assert(
    fc.asyncProperty(lengths, heads, columns, async (lengths, numHeads, headDim) => {
      await agree(lengths, attentionBackward(numHeads, headDim), 1e-5);
    }),
    { seed: 7, numRuns: 40 },
  );
});

Deno.test("results on WebAssembly are the same bits for any number of threads", async () => {
  const lengths = [1, 64, 1, 9, 55];
  const results = [];
  for (const threads of [1, 2, 3, 5]) {
    const backend = new WasmBackend({ maxTokens: 130, threads });
    backend.begin(batchOf(lengths));
    using maker = new Maker(backend, batchOf(lengths));
    const ops = [
      linear(384, 1000, "gelu"),
      attention(12, 32),
      layerNorm(100, { eps: 1e-5, residual: true }),
      tinyAttention(384, 4, 1, 0.25),
      activationWithSlope(384, "gelu"),
      layerNormBackward(100, { eps: 1e-5, residual: true }),
      layerNormGradient(384),
      attentionBackward(12, 32),
      attentionBackward(4, 1, 1, 0.1),
      attention(4, 1, { dropout: 0.1 }),
      linearGradient(384, 12),
      linearGradient(4, 384),
    ].map((make) => make(maker));
    for (const op of ops) backend.run(op);
    results.push(await backend.read(ops.flatMap(outputsOf)));
    backend.destroy();
  }
  for (const result of results) assertEquals(result, results[0]);
});

Deno.test("destroy() closes the backends of these tests", () => {
  for (const backend of BACKENDS) backend.destroy();
});
