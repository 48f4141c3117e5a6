/**
 * Operations on WebAssembly that work on each number by itself. Rows lie end to end with their spare
 * columns, which are worked on as well, so that rows need not be told apart.
 *
 * @module
 */

import type { I32, V128 } from "../assembler/expressions.ts";
import type { FunctionBuilder, ModuleBuilder } from "../assembler/module.ts";
import { defineKernel, type Job, type KernelSpec, type Layout, makeJob, rowBytes } from "./job.ts";
import type { Value } from "../value.ts";

const VECTOR_BYTES = 16;
/** Bytes that a chunk covers of each matrix: some tens of microseconds. */
const CHUNK_BYTES = 2 ** 16;

/** The kernel of an operation on each number of some matrices: those that it reads and writes. */
export interface ElementwiseSpec<I extends string, O extends string> {
  /** Names of the matrices that it reads. */
  readonly inputs: readonly I[];
  /** Names of the matrices that it writes. */
  readonly outputs: readonly O[];
  /** What a job of it tells. */
  readonly kernel: KernelSpec<I | O | "bytes", never>;
}

/**
 * Names a kernel.
 *
 * @param name The name of the exported function.
 * @param inputs Names of the matrices that it reads.
 * @param outputs Names of the matrices that it writes.
 * @returns The kernel.
 */
export function elementwiseSpec<I extends string, O extends string>(
  name: string,
  inputs: readonly I[],
  outputs: readonly O[],
): ElementwiseSpec<I, O> {
  return { inputs, outputs, kernel: { name, ints: [...inputs, ...outputs, "bytes"], floats: [] } };
}

/**
 * Adds a kernel.
 *
 * @param module The module.
 * @param spec The kernel.
 * @param body What becomes of four numbers of each input, which are local variables.
 */
export function defineElementwise<I extends string, O extends string>(
  module: ModuleBuilder,
  { inputs, outputs, kernel }: ElementwiseSpec<I, O>,
  body: (f: FunctionBuilder, numbers: Readonly<Record<I, V128>>) => Readonly<Record<O, V128>>,
): void {
  defineKernel(module, kernel, (f, args, { chunk }) => {
    const begin = f.let(chunk.mul(CHUNK_BYTES));
    const end = f.let(begin.add(CHUNK_BYTES).min(args.bytes));
    f.for(begin, end, VECTOR_BYTES, (at) => {
      const numbers = inputs.map((input) => [input, f.let((args[input] as I32).add(at).load())]);
      const results = body(f, Object.fromEntries(numbers));
      for (const output of outputs) f.store((args[output] as I32).add(at), results[output]);
    });
  });
}

/**
 * Describes an operation as a job.
 *
 * @param spec The kernel.
 * @param matrices What it reads and writes, all of one shape.
 * @param layout Where they lie.
 * @returns The job.
 */
export function elementwiseJob<I extends string, O extends string>(
  { kernel, outputs }: ElementwiseSpec<I, O>,
  matrices: Readonly<Record<I | O, Value>>,
  layout: Layout,
): Job {
  const shape = matrices[outputs[0]!];
  const bytes = layout.rows(shape) * rowBytes(shape.cols);
  const addresses = Object.entries<Value>(matrices).map(([name, value]) => [
    name,
    layout.value(value),
  ]);
  return makeJob(kernel, Math.ceil(bytes / CHUNK_BYTES), {
    ...Object.fromEntries(addresses),
    bytes,
  });
}
