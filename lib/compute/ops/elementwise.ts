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

/** The kernel of an operation on each number of some matrices. */
export type ElementwiseSpec<I extends string> = KernelSpec<I | "y" | "bytes", never>;

/**
 * Names a kernel.
 *
 * @param name The name of the exported function.
 * @param inputs Names of the matrices that it reads.
 * @returns The kernel.
 */
export function elementwiseSpec<I extends string>(
  name: string,
  inputs: readonly I[],
): ElementwiseSpec<I> {
  return { name, ints: [...inputs, "y", "bytes"], floats: [] };
}

/**
 * Adds a kernel.
 *
 * @param module The module.
 * @param spec The kernel.
 * @param inputs Names of the matrices that it reads.
 * @param body What becomes of four numbers of each, which are local variables.
 */
export function defineElementwise<I extends string>(
  module: ModuleBuilder,
  spec: ElementwiseSpec<I>,
  inputs: readonly I[],
  body: (f: FunctionBuilder, numbers: Readonly<Record<I, V128>>) => V128,
): void {
  defineKernel(module, spec, (f, args, { chunk }) => {
    const begin = f.let(chunk.mul(CHUNK_BYTES));
    const end = f.let(begin.add(CHUNK_BYTES).min(args.bytes));
    f.for(begin, end, VECTOR_BYTES, (at) => {
      const numbers = inputs.map((input) => [input, f.let((args[input] as I32).add(at).load())]);
      f.store(args.y.add(at), body(f, Object.fromEntries(numbers)));
    });
  });
}

/**
 * Describes an operation as a job.
 *
 * @param spec The kernel.
 * @param inputs What it reads, all of one shape.
 * @param y What it writes, of the same shape.
 * @param layout Where they lie.
 * @returns The job.
 */
export function elementwiseJob<I extends string>(
  spec: ElementwiseSpec<I>,
  inputs: Readonly<Record<I, Value>>,
  y: Value,
  layout: Layout,
): Job {
  const bytes = layout.rows(y) * rowBytes(y.cols);
  const addresses = Object.entries<Value>(inputs).map(([name, value]) => [
    name,
    layout.value(value),
  ]);
  return makeJob(spec, Math.ceil(bytes / CHUNK_BYTES), {
    ...Object.fromEntries(addresses),
    y: layout.value(y),
    bytes,
  });
}
