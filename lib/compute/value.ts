/**
 * What kernels work on: matrices that live on a backend, and packed ragged batches.
 *
 * @module
 */

/**
 * What decides how many rows a value has: the batch's tokens, its sequences, or nothing but that
 * there is a batch, one row in all, as sums over a batch have it.
 */
export type RowsFollow = "tokens" | "sequences" | "batch";

/** A matrix of activations on a backend, `f32 [rows, cols]`, row-major; rows follow the batch. */
export interface Value {
  /** What it holds, for error messages and debuggers. */
  readonly label: string;
  /** Whether it has one row a token, one row a sequence, or one row in all. */
  readonly rowsFollow: RowsFollow;
  /** Columns, in elements. */
  readonly cols: number;
}

/** A constant matrix on a backend, `f32 [rows, cols]`, row-major as PyTorch stores it; packed once. */
export interface Weight {
  /** The tensor's name, for error messages and debuggers. */
  readonly label: string;
  /** Rows, in elements (1 for a vector). */
  readonly rows: number;
  /** Columns, in elements. */
  readonly cols: number;
}

/** Sequences laid end to end without padding. */
export interface RaggedBatch {
  /** Tokens in all: `T`, the sum of the lengths. */
  readonly tokens: number;
  /** Where each sequence begins, plus the end: `[B + 1]`; every length is at least 1. */
  readonly starts: Uint32Array<ArrayBuffer>;
  /**
   * The token of each sequence that is selected, counted from the batch's first token: `[B]`; the
   * first token of each sequence when left out.
   */
  readonly selected?: Uint32Array<ArrayBuffer>;
}

/**
 * How many rows a value has in a batch.
 *
 * @param value The value.
 * @param counts Tokens and sequences of the batch.
 * @returns The number of rows.
 */
export function rowsOf(
  { rowsFollow }: Value,
  counts: { readonly tokens: number; readonly sequences: number },
): number {
  return rowsFollow === "batch" ? 1 : counts[rowsFollow];
}
