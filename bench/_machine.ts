// What a machine does at best from WebAssembly: arithmetic in registers alone, and streams of memory.

import { type I32, V128 } from "../lib/compute/assembler/expressions.ts";
import { type FunctionBuilder, ModuleBuilder } from "../lib/compute/assembler/module.ts";
import {
  CONSTANTS,
  defineKernel,
  F32_BYTES,
  type Job,
  type KernelSpec,
  makeJob,
} from "../lib/compute/ops/job.ts";
import { detectTarget } from "../lib/compute/wasm/features.ts";
import { Heap } from "../lib/compute/wasm/heap.ts";
import { CONTROL_BYTES } from "../lib/compute/wasm/thread.ts";
import { Threads } from "../lib/compute/wasm/threads.ts";
import { DeviceError } from "../lib/errors.ts";

/** What threads of WebAssembly reach together. */
export interface Machine {
  readonly threads: number;
  /** Multiplications and additions on registers, in GFLOP/s. */
  readonly gflops: number;
  /** Bytes read and written by `y = s x` over as much as two matrices of a batch, in GB/s. */
  readonly cachedBandwidth: number;
  /** The same over more than any cache holds. */
  readonly memoryBandwidth: number;
}

const VECTOR_BYTES = 16;
/** Sums that do not wait for each other: with the two factors, 14 of 16 vector registers. */
const SUMS = 12;
const UNROLL = 4;
/** Turns of the loop in a chunk: about a millisecond. */
const TURNS = 2 ** 16;
const CHUNKS = 64;
const STREAM_CHUNK = 2 ** 16;
/** Bytes of a stream that lies in caches: a matrix of 1,024 rows of MiniLM's hidden states. */
const CACHED_BYTES = 1024 * 384 * F32_BYTES;
const MEMORY_BYTES = 2 ** 27;
const ROUNDS = 20;

const PEAK: KernelSpec<"turns", never> = { name: "peak", ints: ["turns"], floats: [] };
const STREAM: KernelSpec<"x" | "y" | "bytes", never> = {
  name: "stream",
  ints: ["x", "y", "bytes"],
  floats: [],
};

/** Adds `sum = a b + sum` for sums that depend on themselves only. */
function addPeak(f: FunctionBuilder, turns: I32, scratch: I32): void {
  const [a, b] = [f.let(f.constant(0.5)), f.let(f.constant(1e-6))];
  const sums = Array.from({ length: SUMS }, () => f.let(V128.zero()));
  f.for(0, turns, 1, () => {
    for (let i = 0; i < UNROLL; i++) for (const sum of sums) f.set(sum, f.madd(a, b, sum));
  });
  // What is stored was computed: an engine cannot leave it out.
  for (const [i, sum] of sums.entries()) f.store(scratch, sum, i * VECTOR_BYTES);
}

/** Adds `y = s x` over one chunk. */
function addStream(f: FunctionBuilder, x: I32, y: I32, bytes: I32): void {
  const factor = f.let(f.constant(0.5));
  f.for(0, bytes, UNROLL * VECTOR_BYTES, (at) => {
    const [from, to] = [f.let(x.add(at)), f.let(y.add(at))];
    for (let i = 0; i < UNROLL; i++) {
      f.store(to, from.load(i * VECTOR_BYTES).mul(factor), i * VECTOR_BYTES);
    }
  });
}

/**
 * Measures the machine.
 *
 * @param count How many threads work at the same time.
 * @returns What they reach together, the best of some rounds.
 */
export async function measureMachine(count: number): Promise<Machine> {
  const target = detectTarget();
  if (target === undefined) {
    throw new Error("Cannot measure the machine: there is no WebAssembly SIMD");
  }
  const module = new ModuleBuilder(target, CONSTANTS.address);
  defineKernel(module, PEAK, (f, { turns }, { scratch }) => addPeak(f, turns, scratch));
  defineKernel(module, STREAM, (f, { x, y, bytes }, { chunk }) => {
    const offset = f.let(chunk.mul(bytes));
    addStream(f, x.add(offset), y.add(offset), bytes);
  });
  const heap = new Heap(CONTROL_BYTES);
  const threads = new Threads(heap, new WebAssembly.Module(module.encode()), count);
  const best = async (jobs: readonly Job[]) => {
    let seconds = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      await threads.run(jobs);
      seconds = Math.min(seconds, (performance.now() - started) / 1000);
    }
    return seconds;
  };
  const x = heap.take("x", MEMORY_BYTES);
  const y = heap.take("y", MEMORY_BYTES);
  const bandwidth = async (bytes: number, repeats: number) => {
    const chunks = bytes / STREAM_CHUNK;
    const job = makeJob(STREAM, chunks, { x, y, bytes: STREAM_CHUNK });
    const jobs = Array.from({ length: repeats }, () => job);
    return 2 * bytes * repeats / await best(jobs) / 1e9;
  };
  const turns = makeJob(PEAK, CHUNKS, { turns: TURNS }, SUMS * VECTOR_BYTES);
  const flops = CHUNKS * TURNS * UNROLL * SUMS * 2 * (VECTOR_BYTES / F32_BYTES);
  const machine = {
    threads: count,
    gflops: flops / await best([turns]) / 1e9,
    cachedBandwidth: await bandwidth(CACHED_BYTES, 100),
    memoryBandwidth: await bandwidth(MEMORY_BYTES, 1),
  };
  threads.end(
    new DeviceError("Cannot run: the machine was measured, expected no more work", {
      code: "device-error",
    }),
  );
  return machine;
}
