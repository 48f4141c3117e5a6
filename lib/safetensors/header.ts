/**
 * What a safetensors file says about itself: the parsed header, its limits and findings about it.
 *
 * @module
 */

import type { ErrorCode } from "../errors.ts";
import type { TensorInfo } from "../tensor/shape.ts";

/** One tensor as a header describes it. */
export interface HeaderTensor extends TensorInfo {
  /** Half-open range in bytes, counted from the start of the data section. */
  readonly dataOffsets: readonly [begin: number, end: number];
}

/** A checked header. */
export interface Header {
  /** The tensors by name, in the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, HeaderTensor>;
  /** The string map `__metadata__`, in header order; empty when absent. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Length of the JSON with its padding, in bytes: the number `N` that the file starts with. */
  readonly headerLength: number;
  /** Where the data section starts, in bytes from the start of the file: `8 + N`. */
  readonly dataStart: number;
}

/**
 * The longest header that is read or written, in bytes: the reference implementation's cap. A
 * length beyond it is refused before anything is allocated.
 */
export const MAX_HEADER_BYTES = 100_000_000;

/** The key of the string map beside the tensors; no tensor may bear this name. */
export const METADATA_KEY = "__metadata__";

/** What each code of a warning means: allowed, but not as it should be. */
export const WARNING_CODES = {
  "unaligned-tensor": "a tensor does not start on a multiple of its element's width",
  "unaligned-header": "the header's length is not a multiple of 8",
  "header-whitespace": "the header starts with white space or ends with other than spaces",
  "unknown-header-key": "a tensor's entry has a key that the format does not define",
  "null-metadata": "__metadata__ is null, which is read as absent",
  "empty-tensor-name": "a tensor's name is empty",
  "nul-in-tensor-name": "a tensor's name holds the character U+0000",
  "missing-index-metadata": "the shard index lacks its metadata, without which loaders fail",
} as const satisfies Record<string, string>;

/** A stable, machine-readable reason for a warning. */
export type WarningCode = keyof typeof WARNING_CODES;

/** One fault or warning about a file. */
export interface Finding {
  /** The stable reason. */
  readonly code: ErrorCode | WarningCode;
  /** What was found, expected and advised, for people. */
  readonly message: string;
  /** The tensor at fault, when there is one. */
  readonly tensor?: string;
}
