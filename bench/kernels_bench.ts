/**
 * Speed of single operations on each backend, and on a GPU by kernel plan and precision: which plan
 * is right, and what each operation takes.
 *
 * Run with `deno task bench kernels [--device wasm,webgpu,reference] [--plan NAMES] [--tokens
 * 128,1024] [--length 32] [--json]`; for a GPU, `--device webgpu --tokens 8192`. Shapes are
 * MiniLM's and BERT-base's linear layers, MiniLM's other operations, and a four-head adapter with
 * heads of one column. Inputs are made outside the timed part; the read that ends it is inside, less
 * what a read without work takes. Figures are the best of three. The reference runs 128 tokens of
 * MiniLM only.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatTable } from "../cli/format.ts";
import type { Backend } from "../lib/compute/backend.ts";
import { KERNEL_PLANS, type PlanName } from "../lib/compute/ops/plan.ts";
import { ReferenceBackend } from "../lib/compute/reference/backend.ts";
import { WasmBackend } from "../lib/compute/wasm/backend.ts";
import { WebGpuBackend } from "../lib/compute/webgpu/backend.ts";
import { GpuDevice } from "../lib/compute/webgpu/device.ts";
import { candidatesFor } from "../lib/compute/webgpu/tune.ts";
import { costOf, linearsOf, othersOf, timeOps } from "./_operations.ts";

/** One row of the table. */
interface Figure {
  readonly backend: string;
  readonly tokens: number;
  readonly operation: string;
  readonly milliseconds: number;
  readonly gflops: number;
}

/** A backend to time. */
interface Candidate {
  readonly name: string;
  /** Opens it for so many tokens. */
  readonly open: (maxTokens: number) => Promise<Backend>;
}

/** How long an operation is repeated, in milliseconds. */
const LASTING_MS = 60;
const REFERENCE_TOKENS = 128;

const options = parseArgs(Deno.args, {
  string: ["device", "plan", "tokens", "length"],
  boolean: ["json"],
  default: { device: "wasm,webgpu,reference", tokens: "128,1024", length: "32" },
}) as unknown as Record<"device" | "tokens" | "length", string> & { plan?: string; json: boolean };

function wasmCandidates(): Candidate[] {
  return [...new Set([1, navigator.hardwareConcurrency])].map((threads) => ({
    name: `wasm, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    open: (maxTokens) => Promise.resolve(new WasmBackend({ maxTokens, threads })),
  }));
}

/** The plans asked for, or those of the family that suits the adapter; f16 where it has that. */
async function gpuCandidates(): Promise<Candidate[]> {
  const gpu = await GpuDevice.open({ f16: true });
  if (gpu === undefined) return [];
  const suitable = (plan: PlanName) =>
    options.plan === undefined
      ? (KERNEL_PLANS[plan].family === "textures") === gpu.software
      : options.plan.split(",").includes(plan);
  const candidates = (["f32", "f16"] as const).flatMap((precision) => {
    if (precision === "f16" && !gpu.f16) return [];
    return candidatesFor(gpu, precision).filter(suitable).map((plan): Candidate => ({
      name: `webgpu, ${plan}, ${precision}, ${gpu.description}`,
      open: async (maxTokens) => {
        const device = await GpuDevice.open({ f16: precision === "f16" });
        return new WebGpuBackend(device!, { plan, precision, maxTokens });
      },
    }));
  });
  gpu.destroy();
  return candidates;
}

async function measure({ name, open }: Candidate, tokens: number): Promise<Figure[]> {
  const backend = await open(tokens);
  const length = Math.min(Number(options.length), tokens);
  const starts = Uint32Array.from({ length: tokens / length + 1 }, (_, b) => b * length);
  const batch = { tokens, starts };
  backend.begin(batch);
  const jobs = [
    ...linearsOf(backend, tokens, 384),
    ...(backend.name === "reference" ? [] : linearsOf(backend, tokens, 768)),
    ...othersOf(backend, tokens),
  ];
  const figures: Figure[] = [];
  for (const { name: operation, op } of jobs) {
    const seconds = await timeOps(backend, [op], LASTING_MS);
    const gflops = costOf(op, batch).flops / seconds / 1e9;
    figures.push({ backend: name, tokens, operation, milliseconds: 1000 * seconds, gflops });
  }
  backend.destroy();
  return figures;
}

if (import.meta.main) {
  const devices = options.device.split(",");
  const sizes = options.tokens.split(",").map(Number);
  const figures: Figure[] = [];
  const candidates = [
    ...(devices.includes("webgpu") ? await gpuCandidates() : []),
    ...(devices.includes("wasm") ? wasmCandidates() : []),
  ];
  for (const candidate of candidates) {
    for (const tokens of sizes) figures.push(...await measure(candidate, tokens));
  }
  if (devices.includes("reference")) {
    const open = (maxTokens: number) => Promise.resolve(new ReferenceBackend({ maxTokens }));
    figures.push(...await measure({ name: "reference", open }, REFERENCE_TOKENS));
  }
  if (options.json) {
    console.log(JSON.stringify(figures, null, 2));
  } else {
    const rows = figures.map(({ backend, tokens, operation, milliseconds, gflops }) => [
      backend,
      operation,
      String(tokens),
      milliseconds.toFixed(3),
      gflops.toFixed(1),
    ]);
    console.log(`sequences of ${options.length} tokens`);
    console.log(
      formatTable(["backend", "operation", "tokens", "ms", "GFLOP/s"], rows, [
        "left",
        "left",
        "right",
        "right",
        "right",
      ]),
    );
  }
}
