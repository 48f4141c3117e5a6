/**
 * What computing in 16-bit floats costs: the same rows once more in f32.
 *
 * @module
 */

import { classifyRows, type Logits } from "../runtime/classify.ts";
import type { Row } from "../text/dataset.ts";
import { argmax } from "./metrics.ts";
import { encodeRows } from "./run.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

/** Rows that are run again at most, spread over the data. */
const SAMPLE_ROWS = 64;

/** How far logits in f16 are from those in f32. */
export interface PrecisionError {
  /** Rows that were run in both. */
  readonly rows: number;
  /** The largest difference of a logit, over all adapters. */
  readonly maxLogitError: number;
  /** Predictions that change, over all adapters; 0 for regression. */
  readonly changedLabels: number;
}

/**
 * Runs some rows again in f32 and compares.
 *
 * @param options How the session was opened.
 * @param session The session in f16.
 * @param rows The rows that it ran.
 * @param variants Its logits, one set an adapter.
 * @returns The error on at most 64 of the rows.
 * @throws {TinygraftError} when the second session cannot be opened.
 */
export async function measurePrecision(
  options: SessionOptions,
  session: Session,
  rows: readonly Row[],
  variants: readonly Logits[],
): Promise<PrecisionError> {
  const step = Math.max(1, Math.ceil(rows.length / SAMPLE_ROWS));
  const sample = rows.flatMap((_, index) => index % step === 0 ? [index] : []);
  const { onWarning: _, ...quiet } = options;
  using exact = await openSession({ ...quiet, precision: "f32" });
  const encodings = encodeRows(session, sample.map((index) => rows[index]!));
  const { variants: wanted } = await classifyRows(exact.encoder, encodings);
  let maxLogitError = 0;
  let changedLabels = 0;
  for (const [v, { logits, cols }] of variants.entries()) {
    const found = Float32Array.from(
      sample.flatMap((index) => [...logits.subarray(index * cols, (index + 1) * cols)]),
    );
    const want = wanted[v]!.logits;
    for (let i = 0; i < want.length; i++) {
      maxLogitError = Math.max(maxLogitError, Math.abs(found[i]! - want[i]!));
    }
    const classes = argmax(want, sample.length, cols);
    changedLabels += argmax(found, sample.length, cols).filter((label, i) => label !== classes[i])
      .length;
  }
  return { rows: sample.length, maxLogitError, changedLabels };
}

/**
 * Says a precision's error in a line.
 *
 * @param error The error.
 * @returns The line.
 */
export function describePrecision({ rows, maxLogitError, changedLabels }: PrecisionError): string {
  return `f16: logits within ${maxLogitError.toPrecision(2)} of f32 on ${rows} rows, ` +
    `${changedLabels} predictions changed`;
}
