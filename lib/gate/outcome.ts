/**
 * What came out of a gated check, for the ways in which continuous integration shows it.
 *
 * @module
 */

import type { CheckResult } from "../eval/check.ts";

/** The rules that a gated check can break; `error` where it could not be run. */
export type GateFailureCode = "max-drop" | "max-drop-upper" | "baseline" | "error";

/** One rule that a check broke. */
export interface GateFailure {
  /** Which rule. */
  readonly code: GateFailureCode;
  /** What was found and what is allowed, in one sentence without a full stop. */
  readonly message: string;
  /** The lines of a file that a reader should look at, where known; counted from 1. */
  readonly location?: GateLocation;
}

/** A place in a text file. */
export interface GateLocation {
  /** The file, as the user gave it. */
  readonly file: string;
  /** The line, from 1. */
  readonly line: number;
  /** The column in UTF-16 units, from 1. */
  readonly column?: number;
}

/** One gated check: what was compared, what came out, why it failed. */
export interface GateOutcome {
  /** The entry's name in tinygraft.yaml, else the task's or the data file's. */
  readonly name: string;
  /** The base, as the user gave it. */
  readonly base: string;
  /** The adapter before the merge, as the user gave it. */
  readonly before: string;
  /** The adapter after the merge, as the user gave it. */
  readonly after: string;
  /** The labelled rows, as the user gave them. */
  readonly data: string;
  /** What the check found; undefined when it could not be run. */
  readonly result: CheckResult | undefined;
  /** Why it failed; empty when it passed. */
  readonly failures: readonly GateFailure[];
  /** Whether the result was taken from an earlier, identical check. */
  readonly cached: boolean;
  /** How long it took, in seconds. */
  readonly seconds: number;
}
