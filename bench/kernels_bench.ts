// Speed of single operations on each backend: GFLOP/s of `linear`, milliseconds of the others.
//
//   deno run -A bench/kernels_bench.ts [--json]
//
// Shapes are MiniLM's (12 heads of 32 columns) and those of a four-head adapter with heads of one
// column. Inputs are made outside the timed part; the read that ends it is inside, less what a read
// without work takes. Figures are the best of three.

import type { Backend } from "../lib/compute/backend.ts";
import type { Op } from "../lib/compute/ops/op.ts";
import type { Tile } from "../lib/compute/ops/plan.ts";
import { ReferenceBackend } from "../lib/compute/reference/backend.ts";
import type { Value, Weight } from "../lib/compute/value.ts";
import { WasmBackend } from "../lib/compute/wasm/backend.ts";
import { WebGpuBackend } from "../lib/compute/webgpu/backend.ts";
import { GpuDevice } from "../lib/compute/webgpu/device.ts";

/** One row of the table. */
interface Figure {
  readonly backend: string;
  readonly operation: string;
  readonly milliseconds: number;
  readonly gflops: number;
}

const HIDDEN = 384;
const HEADS = 12;
const ADAPTER_HEADS = 4;

/** Makes matrices of small numbers that never overflow. */
function makerOf(backend: Backend, tokens: number) {
  const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i) / 10);
  return {
    value(label: string, cols: number): Value {
      const value = backend.value(label, "tokens", cols);
      backend.write(value, numbers(tokens * cols));
      return value;
    },
    weight(label: string, rows: number, cols: number): Weight {
      return backend.weight(label, numbers(rows * cols), rows, cols);
    },
  };
}

/** The operations to time on a batch of so many tokens in sequences of this length. */
function operations(backend: Backend, tokens: number, length: number): [string, number, Op][] {
  const { value, weight } = makerOf(backend, tokens);
  const x = value("x", HIDDEN);
  const y = value("y", HIDDEN);
  const wide = value("wide", 4 * HIDDEN);
  const small = weight("square", HIDDEN, HIDDEN);
  const large = weight("up", 4 * HIDDEN, HIDDEN);
  const [bias, wideBias] = [weight("bias", 1, HIDDEN), weight("wide bias", 1, 4 * HIDDEN)];
  const inner = ADAPTER_HEADS;
  const shape = (n: number, k: number) => `linear ${tokens}x${k}x${n}`;
  const pairs = tokens * length;
  return [
    [
      shape(HIDDEN, HIDDEN),
      2 * tokens * HIDDEN ** 2,
      { op: "linear", x, weight: small, bias, activation: "none", y },
    ],
    [
      `${shape(4 * HIDDEN, HIDDEN)} + GELU`,
      8 * tokens * HIDDEN ** 2,
      { op: "linear", x, weight: large, bias: wideBias, activation: "gelu", y: wide },
    ],
    [
      `layerNorm ${tokens}x${HIDDEN} + residual`,
      10 * tokens * HIDDEN,
      {
        op: "layerNorm",
        x,
        residual: value("residual", HIDDEN),
        weight: bias,
        bias,
        eps: 1e-12,
        y,
      },
    ],
    [
      `attention ${tokens} tokens, sequences of ${length}`,
      4 * pairs * HIDDEN,
      { op: "attention", qkv: value("qkv", 3 * HIDDEN), numHeads: HEADS, y },
    ],
    [
      `tinyAttention ${tokens} tokens, sequences of ${length}`,
      tokens * HIDDEN * (8 * inner + 10) + 4 * pairs * inner,
      {
        op: "tinyAttention",
        a: x,
        normWeight: bias,
        normBias: bias,
        eps: 1e-5,
        qkvWeight: weight("qkv", 3 * inner, HIDDEN),
        qkvBias: weight("qkv bias", 1, 3 * inner),
        numHeads: inner,
        headDim: 1,
        scale: 1,
        outputWeight: weight("output", HIDDEN, inner),
        outputBias: bias,
        scratch: value("scratch", 3 * inner),
        y,
      },
    ],
  ];
}

/** Times one operation: milliseconds, best of three. */
async function time(backend: Backend, probe: Value, op: Op | undefined, times: number) {
  let best = Infinity;
  for (let attempt = 0; attempt < 3; attempt++) {
    const start = performance.now();
    if (op !== undefined) { for (let i = 0; i < times; i++) backend.run(op); }
    await backend.read([probe]);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Times every operation on a backend. */
async function bench(name: string, backend: Backend, tokens: number, lengths: readonly number[]) {
  const figures = new Map<string, Figure>();
  for (const length of lengths) {
    const starts = Uint32Array.from({ length: tokens / length + 1 }, (_, b) => b * length);
    backend.begin({ tokens, starts });
    const probe = backend.value("probe", "sequences", 1);
    for (const [operation, flops, op] of operations(backend, tokens, length)) {
      if (figures.has(operation)) continue;
      await time(backend, probe, op, 1); // compiles
      const idle = await time(backend, probe, undefined, 0);
      const once = Math.max(await time(backend, probe, op, 1) - idle, 0.1);
      const times = Math.ceil(Math.min(200 / once, 50));
      const milliseconds = (await time(backend, probe, op, times) - idle) / times;
      const gflops = flops / milliseconds / 1e6;
      figures.set(operation, { backend: name, operation, milliseconds, gflops });
    }
  }
  backend.destroy();
  return [...figures.values()];
}

const figures: Figure[] = [];
for (const tile of [8, 16] as const satisfies readonly Tile[]) {
  for (const tokens of [128, 1024]) {
    const gpu = await GpuDevice.open();
    if (gpu === undefined) continue;
    const name = `webgpu, tile ${tile}, ${gpu.description}`;
    const backend = new WebGpuBackend(gpu, { maxTokens: tokens, plan: `textures-${tile}` });
    figures.push(...await bench(name, backend, tokens, tokens === 128 ? [128] : [16, 32, 128]));
  }
}
for (const threads of new Set([1, navigator.hardwareConcurrency])) {
  for (const tokens of [128, 1024]) {
    const backend = new WasmBackend({ maxTokens: tokens, threads });
    const lengths = tokens === 128 ? [128] : [16, 32, 128];
    figures.push(...await bench(backend.description, backend, tokens, lengths));
  }
}
figures.push(...await bench("reference", new ReferenceBackend({ maxTokens: 128 }), 128, [128]));

if (Deno.args.includes("--json")) {
  console.log(JSON.stringify(figures, null, 2));
} else {
  console.log("      ms   GFLOP/s  operation");
  let backend = "";
  for (const figure of figures) {
    if (figure.backend !== backend) console.log(`-- ${backend = figure.backend}`);
    const [ms, gflops] = [figure.milliseconds.toFixed(2), figure.gflops.toFixed(1)];
    console.log(`${ms.padStart(8)}  ${gflops.padStart(8)}  ${figure.operation}`);
  }
}
