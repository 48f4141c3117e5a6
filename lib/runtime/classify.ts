/**
 * Texts to logits: tokenised rows through every variant of an encoder, batch by batch.
 *
 * @module
 */

import { InterruptedError, TinygraftError } from "../errors.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { packBatches } from "./batch.ts";
import type { Encoder } from "./encoder.ts";

/** Logits of all rows, `f32 [rows, cols]`, row-major, in input order. */
export interface Logits {
  /** The values. */
  readonly logits: Float32Array<ArrayBuffer>;
  /** Rows: examples. */
  readonly rows: number;
  /** Columns: labels. */
  readonly cols: number;
}

/** Where the time of a run went, in seconds. */
export interface RunTimings {
  /** Packing, gathering embeddings, uploading and recording. */
  readonly upload: number;
  /** Waiting for the device to finish. */
  readonly compute: number;
  /** Mapping and copying the logits once the device has finished. */
  readonly readback: number;
}

/** How to run. */
export interface ClassifyOptions {
  /** Most sequences in a batch. */
  readonly maxSequences?: number | undefined;
  /** Stops the run before its next batch. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the rows done and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Runs rows through every variant of an encoder, sharing embeddings and uploads.
 *
 * @param encoder The encoder with its variants.
 * @param encodings One token sequence a row.
 * @param options Batch size, signal and progress.
 * @returns One set of logits a variant, and where the time went.
 * @throws {InterruptedError} when the signal is aborted.
 * @throws {TinygraftError} with code `non-finite` when a logit is NaN or infinite.
 */
export async function classifyRows(
  encoder: Encoder,
  encodings: readonly Encoding[],
  options: ClassifyOptions = {},
): Promise<{ variants: Logits[]; timings: RunTimings }> {
  const limits = {
    maxTokens: encoder.maxTokens,
    maxSequences: options.maxSequences ?? Infinity,
  };
  const before = { ...encoder.waited };
  let upload = 0;
  const variants: { logits: Float32Array<ArrayBuffer>; rows: number; cols: number }[] = [];
  let done = 0;
  for (const batch of packBatches(encodings, limits)) {
    await yieldToSignals();
    if (options.signal?.aborted) throw new InterruptedError();
    const started = performance.now();
    await encoder.record(batch);
    upload += (performance.now() - started) / 1000;
    const outputs = await encoder.read();
    for (const [index, output] of outputs.entries()) {
      const cols = output.length / batch.indices.length;
      variants[index] ??= {
        logits: new Float32Array(encodings.length * cols),
        rows: encodings.length,
        cols,
      };
      scatter(output, batch.indices, variants[index]);
    }
    done += batch.indices.length;
    options.onProgress?.(done, encodings.length);
  }
  const { waited } = encoder;
  const compute = waited.compute - before.compute;
  const readback = waited.readback - before.readback;
  return { variants, timings: { upload, compute, readback } };
}

function scatter(output: Float32Array, indices: readonly number[], into: Logits): void {
  for (const [i, row] of indices.entries()) {
    for (let col = 0; col < into.cols; col++) {
      const value = output[i * into.cols + col]!;
      if (!Number.isFinite(value)) {
        throw new TinygraftError(
          `Cannot classify row ${row}: its logit ${col} is ${value}, expected a finite number: ` +
            "look for extreme values in the weights",
          { code: "non-finite" },
        );
      }
      into.logits[row * into.cols + col] = value;
    }
  }
}

/** A macrotask's pause: signals and timers are served between batches, not after the last. */
function yieldToSignals(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
