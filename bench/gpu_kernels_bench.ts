/**
 * Speed of single operations on a GPU, by kernel plan and precision: which plan is right, and where
 * the time of an encoder goes.
 *
 * Run with `deno run -A bench/gpu_kernels_bench.ts [--tokens 8192] [--length 32] [--json]`. Shapes
 * are MiniLM's and BERT-base's linears, MiniLM's other operations, and a four-head adapter with
 * heads of one column. Inputs are made outside the timed part; the read that ends it is inside, less
 * what a read without work takes. Figures are the best of three.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatTable } from "../cli/format.ts";
import type { Op } from "../lib/compute/ops/op.ts";
import { KERNEL_PLANS, type PlanName } from "../lib/compute/ops/plan.ts";
import type { Value, Weight } from "../lib/compute/value.ts";
import { WebGpuBackend } from "../lib/compute/webgpu/backend.ts";
import { GpuDevice } from "../lib/compute/webgpu/device.ts";
import type { ElementType } from "../lib/compute/webgpu/matrix.ts";
import { candidatesFor } from "../lib/compute/webgpu/tune.ts";

/** One row of the table. */
interface Figure {
  readonly operation: string;
  readonly plan: PlanName;
  readonly precision: ElementType;
  readonly milliseconds: number;
  readonly gflops: number;
}

/** An operation to time, and its floating-point operations. */
interface Job {
  readonly name: string;
  readonly flops: number;
  readonly op: Op;
}

const ADAPTER_HEADS = 4;
/** How long each operation runs, in milliseconds, and how often at most. */
const TIMED_MS = 60;
const MAX_REPEATS = 400;

const options = parseArgs(Deno.args, {
  string: ["tokens", "length"],
  boolean: ["json"],
  default: { tokens: "8192", length: "32" },
}) as unknown as { tokens: string; length: string; json: boolean };
const tokens = Number(options.tokens);
const length = Number(options.length);

function makerOf(backend: WebGpuBackend) {
  const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
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

/** The linear layers of an encoder: query, key and value; attention's output; up; down. */
function linears(backend: WebGpuBackend, hidden: number): Job[] {
  const { value, weight } = makerOf(backend);
  const shapes = [[hidden, 3 * hidden], [hidden, hidden], [hidden, 4 * hidden], [
    4 * hidden,
    hidden,
  ]] as const;
  const values = new Map([1, 3, 4].map((times) => [times, value("x", times * hidden)]));
  const other = value("y", hidden);
  return shapes.map(([inner, cols]) => {
    const x = values.get(inner / hidden)!;
    const target = values.get(cols / hidden)!;
    const activation = cols > 3 * hidden ? "gelu" : "none";
    const [w, bias] = [weight("w", cols, inner), weight("bias", 1, cols)];
    return {
      name: `linear ${inner} to ${cols}${activation === "gelu" ? " + GELU" : ""}`,
      flops: 2 * tokens * inner * cols,
      op: { op: "linear", x, weight: w, bias, activation, y: target === x ? other : target },
    };
  });
}

/** MiniLM's operations beside the linears. */
function others(backend: WebGpuBackend): Job[] {
  const hidden = 384;
  const { value, weight } = makerOf(backend);
  const [x, residual, y] = [value("x", hidden), value("residual", hidden), value("y", hidden)];
  const norm = weight("norm", 1, hidden);
  const pairs = tokens * length;
  const adapter = {
    normWeight: norm,
    normBias: norm,
    eps: 1e-5,
    qkvWeight: weight("qkv", 3 * ADAPTER_HEADS, hidden),
    qkvBias: weight("qkv bias", 1, 3 * ADAPTER_HEADS),
    numHeads: ADAPTER_HEADS,
    headDim: 1,
    scale: 1,
    outputWeight: weight("output", hidden, ADAPTER_HEADS),
    outputBias: norm,
    scratch: value("scratch", 3 * ADAPTER_HEADS),
  };
  return [
    {
      name: `layerNorm ${hidden} + residual`,
      flops: 10 * tokens * hidden,
      op: { op: "layerNorm", x, residual, weight: norm, bias: norm, eps: 1e-12, y },
    },
    {
      name: `attention 12 x 32`,
      flops: 4 * pairs * hidden,
      op: { op: "attention", qkv: value("qkv", 3 * hidden), numHeads: 12, y },
    },
    {
      name: "tinyAttention 4 x 1",
      flops: tokens * hidden * (8 * ADAPTER_HEADS + 10) + 4 * pairs * ADAPTER_HEADS,
      op: { op: "tinyAttention", a: x, ...adapter, y },
    },
  ];
}

/** Milliseconds of one run of an operation. */
async function time(backend: WebGpuBackend, probe: Value, op: Op): Promise<number> {
  const run = async (times: number) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) backend.run(op);
    await backend.read([probe]);
    return performance.now() - started;
  };
  const best = async (times: number, of: number) => {
    let least = Infinity;
    for (let i = 0; i < of; i++) least = Math.min(least, await run(times));
    return least;
  };
  await run(1); // compiles
  const idle = await best(0, 3);
  const once = Math.max(0.1, await best(1, 2) - idle);
  const times = Math.ceil(Math.min(MAX_REPEATS, 1 + TIMED_MS / once));
  return Math.max(0.01, await best(times, 3) - idle) / times;
}

async function measure(plan: PlanName, precision: ElementType, withOthers: boolean) {
  const gpu = await GpuDevice.open({ f16: precision === "f16" });
  if (gpu === undefined || (precision === "f16" && !gpu.f16)) return [];
  if (!candidatesFor(gpu, precision).includes(plan)) return [];
  const backend = new WebGpuBackend(gpu, { plan, precision, maxTokens: tokens });
  const starts = Uint32Array.from({ length: tokens / length + 1 }, (_, b) => b * length);
  backend.begin({ tokens, starts });
  const probe = backend.value("probe", "sequences", 1);
  const jobs = [
    ...linears(backend, 384),
    ...linears(backend, 768),
    ...(withOthers ? others(backend) : []),
  ];
  const figures: Figure[] = [];
  for (const { name, flops, op } of jobs) {
    const milliseconds = await time(backend, probe, op);
    const gflops = flops / milliseconds / 1e6;
    figures.push({ operation: name, plan, precision, milliseconds, gflops });
  }
  backend.destroy();
  return figures;
}

if (import.meta.main) {
  const figures: Figure[] = [];
  const seen = new Set<string>();
  for (const plan of Object.keys(KERNEL_PLANS) as PlanName[]) {
    for (const precision of ["f32", "f16"] as const) {
      if (precision === "f16" && KERNEL_PLANS[plan].family === "textures") continue;
      const family = `${KERNEL_PLANS[plan].family} ${precision}`;
      figures.push(...await measure(plan, precision, !seen.has(family)));
      seen.add(family);
    }
  }
  if (options.json) {
    console.log(JSON.stringify(figures));
  } else {
    const rows = figures.map((figure) => [
      figure.operation,
      figure.plan,
      figure.precision,
      figure.milliseconds.toFixed(3),
      figure.gflops.toFixed(0),
    ]);
    console.log(`${tokens} tokens in sequences of ${length}`);
    console.log(
      formatTable(["operation", "plan", "precision", "ms", "GFLOP/s"], rows, [
        "left",
        "left",
        "left",
        "right",
        "right",
      ]),
    );
  }
}
