/**
 * What an operation asks of the WebAssembly backend, as plain data, and how its kernels see it.
 *
 * A job is one kernel over numbered chunks of work, which threads take one after the other; a chunk
 * writes what no other chunk of the job reads or writes. Jobs run in order. What a chunk computes
 * does not depend on the thread or on the other chunks, so that results are the same bits for any
 * number of threads.
 *
 * Matrices are `f32`, row-major, a row every {@linkcode rowBytes} bytes; values have spare rows
 * after the last, and kernels may write anything to spare rows and columns. A weight of several rows
 * is packed into panels of eight rows, `[ceil(rows / 8), cols, 8]`: `panel[k][n]` is
 * `weight[8 panel + n, k]`, zero past the last row.
 *
 * @module
 */

import type { F32, I32 } from "../assembler/expressions.ts";
import type { FunctionBuilder, ModuleBuilder } from "../assembler/module.ts";
import type { Value, Weight } from "../value.ts";

/** Columns of a packed panel. */
export const PANEL = 8;
/** Rows that a tile of a small matrix product covers, as of attention. */
export const TILE_ROWS = 4;
/** Rows that a linear layer works out at a time; matrices have room for as many beyond their end. */
export const LINEAR_ROWS = 5;
/** Bytes of an `f32`. */
export const F32_BYTES = 4;

/** Words of a job in memory: its header, then the kernel's integers, then its floats. */
export const JOB_WORDS = 32;
/**
 * Words of a job's header: kernel, chunks, chunks taken, chunks done, chunks taken from the front and
 * from the back.
 */
export const JOB_HEADER_WORDS = 6;

/** Where the kernels' constants lie in memory, and room for them, in bytes. */
export const CONSTANTS = { address: 256, bytes: 1024 } as const;

/** A kernel's name and the names of what a job tells it. */
export interface KernelSpec<I extends string, F extends string> {
  /** The name of the exported function. */
  readonly name: string;
  /** Integers: addresses and strides in bytes, counts in elements. */
  readonly ints: readonly I[];
  /** Floats. */
  readonly floats: readonly F[];
}

/** One kernel over numbered chunks. */
export interface Job {
  /** The kernel's name. */
  readonly kernel: string;
  /** How many chunks there are. */
  readonly chunks: number;
  /** The kernel's integers, in order; addresses from 2 GiB on are unsigned. */
  readonly ints: readonly number[];
  /** The kernel's floats, in order. */
  readonly floats: readonly number[];
  /** Bytes of memory that each thread needs for itself. */
  readonly scratchBytes: number;
}

/** Where matrices lie; what an operation's `wasm.ts` asks when it describes its jobs. */
export interface Layout {
  /** The address of a value. */
  value(value: Value): number;
  /** The address of a weight's panels. */
  panels(weight: Weight): number;
  /** The address of a weight of one row, as it is; zeros follow up to a multiple of {@linkcode PANEL}. */
  vector(weight: Weight): number;
  /** The address of a matrix that is lent for one operation, `[tokens, cols]`. */
  temporary(name: string, cols: number): number;
  /** How many rows of a value the batch uses. */
  rows(value: Value): number;
  /** The address of `i32 [sequences + 1]`: where each sequence begins, plus the end. */
  readonly starts: number;
  /** The address of `i32 [sequences]`: the selected token of each sequence. */
  readonly selected: number;
  /** The address of eight zeros, then eight of {@linkcode MASKED}. */
  readonly masks: number;
  /** Tokens of the batch. */
  readonly tokens: number;
  /** Sequences of the batch. */
  readonly sequences: number;
  /** Tokens of the longest sequence. */
  readonly longest: number;
}

/** Added to a score that must not count: far below all others, finite when multiplied. */
export const MASKED: number = -1e30;

/**
 * Bytes from a row of a matrix to the next.
 *
 * @param cols Columns, in elements.
 * @returns The columns' bytes, rounded up to whole panels.
 */
export function rowBytes(cols: number): number {
  return Math.ceil(cols / PANEL) * PANEL * F32_BYTES;
}

/**
 * Adds a kernel to a module and exports it.
 *
 * @param module The module.
 * @param spec Its name and what a job tells it.
 * @param build Appends its statements, for one chunk; `args` are local variables, `scratch` is the
 * address of the thread's own memory.
 * @throws {RangeError} When a job has no room for what the kernel is told.
 */
export function defineKernel<I extends string, F extends string>(
  module: ModuleBuilder,
  spec: KernelSpec<I, F>,
  build: (
    f: FunctionBuilder,
    args: Record<I, I32> & Record<F, F32>,
    thread: { readonly chunk: I32; readonly scratch: I32 },
  ) => void,
): void {
  const words = JOB_HEADER_WORDS + spec.ints.length + spec.floats.length;
  if (words > JOB_WORDS) {
    throw new RangeError(
      `Cannot define kernel ${spec.name}: its jobs take ${words} words, expected ${JOB_WORDS}`,
    );
  }
  const handle = module.function(["job", "chunk", "scratch"], (f, { job, chunk, scratch }) => {
    const offset = (word: number) => (JOB_HEADER_WORDS + word) * F32_BYTES;
    const floatsFrom = spec.ints.length;
    const args = Object.fromEntries([
      ...spec.ints.map((int, i) => [int, f.let(job.loadI32(offset(i)))]),
      ...spec.floats.map((float, i) => [float, f.let(job.loadF32(offset(floatsFrom + i)))]),
    ]);
    build(f, args as Record<I, I32> & Record<F, F32>, { chunk, scratch });
  });
  module.export(spec.name, handle);
}

/**
 * Makes a job of a kernel.
 *
 * @param spec The kernel.
 * @param chunks How many chunks there are.
 * @param args The kernel's integers and floats, by name.
 * @param scratchBytes Bytes of memory that each thread needs for itself.
 * @returns The job.
 */
export function makeJob<I extends string, F extends string>(
  spec: KernelSpec<I, F>,
  chunks: number,
  args: Readonly<Record<I | F, number>>,
  scratchBytes = 0,
): Job {
  return {
    kernel: spec.name,
    chunks,
    ints: spec.ints.map((int) => args[int]),
    floats: spec.floats.map((float) => args[float]),
    scratchBytes,
  };
}
