/**
 * How many heads an imported module has: its tensors tell only heads times width.
 *
 * @module
 */

import type { Checkpoint } from "../checkpoint/open.ts";
import { UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { FoundAdapter } from "./find.ts";

/** What is said about the heads of a module. */
export interface HeadStatement {
  /** Heads of each module, M. */
  readonly heads?: number;
  /** Width of a head, d. */
  readonly headDim?: number;
}

/** The key of a file's metadata that tells the number of heads, as export writes it. */
export const HEADS_KEYS = { authors: "attention_head", nemo: "n_head" } as const;

/** The heads of a module, and how they were found. */
export interface HeadCount {
  /** Heads of each module, M. */
  readonly numHeads: number;
  /** Width of a head, d. */
  readonly headDim: number;
  /** What was assumed. */
  readonly notes: readonly string[];
}

/**
 * Decides how many heads each module has: as the caller says, else as the file's metadata does,
 * else heads of width 1.
 *
 * @param found The adapter.
 * @param input Its checkpoint, for the metadata.
 * @param said What the caller says; heads, width or both.
 * @returns Heads and width, whose product is the module's inner size.
 * @throws {UsageError} where they do not divide it.
 */
export function countHeads(
  { innerSize, layout }: FoundAdapter,
  input: Checkpoint,
  said: HeadStatement,
): HeadCount {
  const { heads, headDim } = said;
  if (heads === undefined && headDim === undefined) {
    const recorded = input.metadata.get(HEADS_KEYS[layout]);
    if (recorded !== undefined) {
      const found = Number(recorded);
      return { ...divide(found, innerSize / found, innerSize, input), notes: [] };
    }
    const notes = innerSize === 1 ? [] : [
      `${innerSize} heads of width 1 are assumed: the tensors tell only that heads times width ` +
      `is ${innerSize}`,
    ];
    return { numHeads: innerSize, headDim: 1, notes };
  }
  const numHeads = heads ?? innerSize / headDim!;
  return { ...divide(numHeads, headDim ?? innerSize / numHeads, innerSize, input), notes: [] };
}

function divide(numHeads: number, headDim: number, innerSize: number, input: Checkpoint) {
  const isCount = (value: number) => Number.isInteger(value) && value >= 1;
  if (isCount(numHeads) && isCount(headDim) && numHeads * headDim === innerSize) {
    return { numHeads, headDim };
  }
  const heads = isCount(numHeads) ? `${numHeads} heads` : "heads";
  const width = isCount(headDim) ? ` of width ${headDim}` : "";
  throw new UsageError(
    `Cannot divide the modules of ${quote(input.location)} into ${heads}${width}: ` +
      `their inner size is ${innerSize}, expected heads times width: give --heads or --head-dim`,
    { path: input.location },
  );
}
