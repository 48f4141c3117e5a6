// Runs operations on WebGPU and on the reference, on the same seeded data.

import type { Backend } from "../../../lib/compute/backend.ts";
import type { Op } from "../../../lib/compute/ops/op.ts";
import { ReferenceBackend } from "../../../lib/compute/reference/backend.ts";
import {
  type RaggedBatch,
  type RowsFollow,
  rowsOf,
  type Value,
  type Weight,
} from "../../../lib/compute/value.ts";
import { WebGpuBackend, type WebGpuOptions } from "../../../lib/compute/webgpu/backend.ts";
import { GpuDevice, type OpenDeviceOptions } from "../../../lib/compute/webgpu/device.ts";
import { assertClose, type Tolerance } from "../../_close.ts";
import { noise } from "../../_noise.ts";

/** Opens WebGPU; undefined, with a line, where TINYGRAFT_ALLOW_NO_GPU=1 allows its absence. */
export async function openGpu(options: OpenDeviceOptions = {}): Promise<GpuDevice | undefined> {
  const gpu = await GpuDevice.open(options);
  if (gpu !== undefined) return gpu;
  if (Deno.env.get("TINYGRAFT_ALLOW_NO_GPU") === "1") {
    console.log("no WebGPU adapter: this test was skipped, as TINYGRAFT_ALLOW_NO_GPU=1 allows");
    return undefined;
  }
  throw new Error(
    "no WebGPU adapter: install a driver (Debian: apt-get install mesa-vulkan-drivers), or set " +
      "TINYGRAFT_ALLOW_NO_GPU=1 to skip the tests that need one",
  );
}

/** Opens a WebGPU backend; undefined where its absence is allowed, or the adapter has no f16. */
export async function openWebGpu(options: WebGpuOptions = {}): Promise<WebGpuBackend | undefined> {
  const gpu = await openGpu({ f16: options.precision === "f16" });
  if (gpu !== undefined && options.precision === "f16" && !gpu.f16) {
    console.log(`${gpu.description} has no f16: tests of it are skipped`);
    gpu.destroy();
    return undefined;
  }
  return gpu && new WebGpuBackend(gpu, options);
}

/** A batch of sequences with these lengths. */
export function batchOf(lengths: readonly number[]): RaggedBatch {
  const starts = new Uint32Array(lengths.length + 1);
  for (const [b, length] of lengths.entries()) starts[b + 1] = starts[b]! + length;
  // The last token but one, or the first of short ones: neither the first nor the last everywhere.
  const selected = Uint32Array.from(lengths, (length, b) => starts[b]! + Math.max(0, length - 2));
  return { tokens: starts.at(-1)!, starts, selected };
}

/** Makes the same seeded matrices on whichever backend it is given, and frees them again. */
export class Maker implements Disposable {
  #seed = 1;
  readonly #made: (Value | Weight)[] = [];

  /** Fills matrices of one backend for one batch, with numbers of f16 where `halves` says so. */
  constructor(
    readonly backend: Backend,
    readonly batch: RaggedBatch,
    readonly halves = false,
  ) {}

  /** A value to write to. */
  output(label: string, rowsFollow: RowsFollow, cols: number): Value {
    return this.#keep(this.backend.value(label, rowsFollow, cols));
  }

  /** A value full of seeded noise. */
  input(label: string, cols: number, scale = 1, rowsFollow: RowsFollow = "tokens"): Value {
    const value = this.output(label, rowsFollow, cols);
    const { tokens, starts } = this.batch;
    const rows = rowsOf(value, { tokens, sequences: starts.length - 1 });
    this.backend.write(value, this.#numbers(rows * cols, scale));
    return value;
  }

  /** A value full of seeded bytes. */
  bytes(label: string, cols: number): Value {
    const value = this.output(label, "tokens", cols);
    const numbers = noise(this.batch.tokens * cols, { seed: this.#seed++, scale: 2 ** 20 });
    this.backend.write(value, numbers.map((number) => Math.abs(Math.trunc(number)) % 256));
    return value;
  }

  /** A weight full of seeded noise. */
  weight(label: string, rows: number, cols: number, scale = 1): Weight {
    const data = this.#numbers(rows * cols, scale);
    return this.#keep(this.backend.weight(label, data, rows, cols));
  }

  /** Frees what was made. */
  [Symbol.dispose](): void {
    for (const resource of this.#made) this.backend.free(resource);
  }

  #numbers(length: number, scale: number): Float32Array<ArrayBuffer> {
    const numbers = noise(length, { seed: this.#seed++, scale });
    return this.halves ? new Float32Array(new Float16Array(numbers)) : numbers;
  }

  #keep<T extends Value | Weight>(resource: T): T {
    this.#made.push(resource);
    return resource;
  }
}

/** What an operation writes. */
export function outputsOf(op: Op): Value[] {
  if (op.op === "activation" && op.slope !== undefined) return [op.y, op.slope];
  if ("y" in op) return [op.y];
  if ("gradient" in op) return [op.gradient];
  return "dx" in op ? [op.dx] : [op.dqkv];
}

/** One operation to compare, on data of the maker's backend. */
export type Case = (maker: Maker) => Op;

/** Fails unless an operation gives the same on a backend as by its definition. */
export async function compare(
  backend: Backend | undefined,
  lengths: readonly number[],
  make: Case,
  tolerance: Tolerance,
  halves = false,
): Promise<void> {
  if (backend === undefined) return;
  const batch = batchOf(lengths);
  const reference = new ReferenceBackend({ maxTokens: batch.tokens });
  const results: Float32Array[][] = [];
  for (const each of [backend, reference]) {
    each.begin(batch);
    using maker = new Maker(each, batch, halves);
    const op = make(maker);
    each.run(op);
    results.push(await each.read(outputsOf(op)));
  }
  for (const [output, want] of results[1]!.entries()) {
    assertClose(results[0]![output]!, want, tolerance, `${lengths.length} sequences`);
  }
}
