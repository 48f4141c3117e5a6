/**
 * The names of the ways to merge heads and what their options are by default, apart from what they
 * do: a command line needs only these.
 *
 * @module
 */

/**
 * The ways to merge heads: keep them side by side, average their weights, average their weights
 * after aligning them, or average their products.
 */
export const MERGE_METHODS = ["stack", "average", "aligned", "product"] as const;

/** A way to merge heads. */
export type MergeMethod = typeof MERGE_METHODS[number];

/** The ways that need text as well: fitting fewer heads to what all of them add on it. */
export const TEXT_METHODS = ["distil"] as const;

/** Any way to merge the heads of one adapter, with text or without. */
export type AnyMergeMethod = MergeMethod | typeof TEXT_METHODS[number];

/** Rows of unlabelled text that merging is fitted to, unless asked otherwise: fewer overfit. */
export const CALIBRATION_ROWS = 2000;
