/**
 * What an operation asks of WebGPU, as plain data: no device is needed to make or to test it.
 *
 * There are two families of kernels. Both take matrices in entries of four columns; columns past
 * the end are zero, and kernels keep them so.
 *
 * For software drivers matrices are `rgba32float` textures: texel (c, r) holds columns 4c to 4c + 3 of row r. A value's
 * height is rounded up to {@linkcode ROW_MULTIPLE}, as is a weight's; weight rows past the end are
 * zero. Value rows past the end hold anything.
 *
 * Textures and not storage buffers, because a software driver fetches a texel 7 to 10 times as fast
 * as four numbers of a buffer. Kernels also write textures: on llvmpipe a `linear` that writes a
 * buffer and leaves a copy to be made is 3 % faster at K = 384 (3.31 against 3.46 ms for 128 rows,
 * 384 columns), about what the copy costs, and a texture needs neither the copy nor its alignment.
 *
 * For real GPUs matrices are storage buffers of `vec4<f32>` or `vec4<f16>`, row after row, bound up
 * to their last row in use. The backend names the entry type of binding `i` `Entry<i>`; kernels
 * compute in f32.
 *
 * @module
 */

import type { Value, Weight } from "../value.ts";

/** Rows of every texture are a multiple of this, so that a tile of up to this size fits. */
export const ROW_MULTIPLE = 16;

/**
 * Rows of one sequence in an entry of `blocks`, by family: what an invocation of the texture
 * family's `attention` handles, and a workgroup of the buffer family's. With textures on llvmpipe,
 * 1024 tokens of MiniLM in sequences of 25 cost 11.4, 9.0 and 7.6 ms of CPU time with 2, 4 and 8
 * rows, in sequences of 128 34, 23 and 17 ms; 8 rows take twice the time to compile and twice the
 * registers.
 */
export const BLOCK_ROWS = { textures: 4, buffers: 32 } as const;

/**
 * Entries in a line of a row that is as long as it likes: a matrix whose rows follow the batch is one
 * row, which may be longer than a texture is wide, and goes on in the texture's next row then.
 */
export const LINE_ENTRIES = 1024;

/** Invocations of a workgroup of the buffer family that share the columns of a row. */
export const LANES = 64;

/** A kernel's text, made when it is first needed. */
export interface Kernel {
  /** Names the text: two kernels with one name have one text. */
  readonly name: string;
  /** Makes the WGSL text; its entry point is `main`. */
  readonly code: () => string;
}

/** A matrix that the backend lends to the dispatches of one operation. */
export interface Temporary {
  /** Which one, among those of the operation. */
  readonly temporary: string;
  /** Columns, in elements; it has one row a token. */
  readonly cols: number;
  /** Whether it is f32 in any case. */
  readonly precise?: true;
}

/**
 * What a kernel is bound to: a matrix, or one of the batch's index buffers.
 * `spans` holds `vec2u (begin, end)` of its sequence for each token; `blocks` holds
 * `vec4u (first, last + 1, begin, end)` for each run of up to {@linkcode BLOCK_ROWS} tokens of one
 * sequence; `selected` holds the same for the selected token of each sequence; `starts` holds the
 * first token of each sequence. All are zero past the end. `counts` holds the numbers of tokens and
 * of sequences.
 */
export type Binding = Value | Weight | Temporary | IndexName;

/** The batch's index buffers. */
export type IndexName = "spans" | "blocks" | "selected" | "starts" | "counts";

/** How many of each thing a batch has. */
export interface BatchCounts {
  /** Tokens. */
  readonly tokens: number;
  /** Sequences. */
  readonly sequences: number;
  /** Pairs of tokens that attend to each other: the sum of the squared lengths. */
  readonly pairs: number;
  /** Entries of `blocks`. */
  readonly blocks: number;
}

/** One dispatch of one kernel. */
export interface Dispatch {
  /** Shown in device errors and debuggers. */
  readonly label: string;
  /** What to run. */
  readonly kernel: Kernel;
  /** Values of the kernel's `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
  /** What is bound, in the order of `@binding`, all in group 0. */
  readonly bindings: readonly Binding[];
  /** Workgroups along x and y. */
  readonly workgroups: readonly [x: number, y: number];
  /** Floating-point operations, about; backends split long work by it. */
  readonly flops: number;
}

/**
 * Entries of four columns in a row.
 *
 * @param cols Columns, in elements.
 * @returns The number of entries.
 */
export function entries(cols: number): number {
  return Math.ceil(cols / 4);
}
