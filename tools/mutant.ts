/**
 * What a deliberate fault is.
 *
 * @module
 */

/** One fault. */
export interface Mutant {
  /** What is wrong with it, and its name for `--only`. */
  readonly name: string;
  /** The file, relative to the checkout's root. */
  readonly file: string;
  /** What stands there once. */
  readonly from: string;
  /** What stands there instead. */
  readonly to: string;
  /** The test files one of which must fail. */
  readonly tests: readonly string[];
}
