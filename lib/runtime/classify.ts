/**
 * Texts to logits: tokenised rows through every variant of an encoder, batch by batch.
 *
 * @module
 */

import { DeviceError, InterruptedError, TinygraftError } from "../errors.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { nextTurn } from "../turn.ts";
import { packBatches, type PackedBatch } from "./batch.ts";
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
  /** Stops the run at once; a batch under way ends with the backend, or by itself. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the rows done and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Runs rows through every variant of an encoder, sharing embeddings and uploads. A batch for which
 * the device has no room is tried again in halves.
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
  const before = { ...encoder.waited };
  let upload = 0;
  const variants: { logits: Float32Array<ArrayBuffer>; rows: number; cols: number }[] = [];
  let done = 0;
  const maxSequences = options.maxSequences ?? Infinity;
  let batches = packBatches(encodings, { maxTokens: encoder.maxTokens, maxSequences });
  while (batches.length > 0) {
    const batch = batches[0]!;
    await nextTurn(); // signals are served between batches, not after the last
    if (options.signal?.aborted) throw new InterruptedError();
    const started = performance.now();
    await encoder.record(batch);
    upload += (performance.now() - started) / 1000;
    const outputs = await untilAborted(encoder.read(), options.signal).catch((error: unknown) => {
      batches = repackSmaller(batches, encodings, maxSequences, error);
      return undefined;
    });
    if (outputs === undefined) continue;
    for (const [index, output] of outputs.entries()) {
      const cols = output.length / batch.indices.length;
      variants[index] ??= {
        logits: new Float32Array(encodings.length * cols),
        rows: encodings.length,
        cols,
      };
      scatter(output, batch.indices, variants[index]);
    }
    batches = batches.slice(1);
    done += batch.indices.length;
    options.onProgress?.(done, encodings.length);
  }
  const { waited } = encoder;
  const compute = waited.compute - before.compute;
  const readback = waited.readback - before.readback;
  return { variants, timings: { upload, compute, readback } };
}

/**
 * Packs what is left into batches of half the first one's size, for a device that had no room for
 * it; throws the error when that cannot help.
 */
function repackSmaller(
  batches: readonly PackedBatch[],
  encodings: readonly Encoding[],
  maxSequences: number,
  error: unknown,
): PackedBatch[] {
  const { tokens, indices: { length: sequences } } = batches[0]!;
  const helps = error instanceof DeviceError && error.code === "out-of-memory" && sequences > 1;
  if (!helps) throw error;
  const left = batches.flatMap(({ indices }) => indices);
  const longest = Math.max(...left.map((index) => encodings[index]!.ids.length));
  const limits = { maxTokens: Math.max(longest, Math.floor(tokens / 2)), maxSequences };
  return packBatches(left.map((index) => encodings[index]!), limits).map((batch) => ({
    ...batch,
    indices: batch.indices.map((index) => left[index]!),
  }));
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

/** Waits for work, but not longer than until the signal is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  const interrupt = () => interrupted.reject(new InterruptedError());
  signal?.addEventListener("abort", interrupt, { once: true });
  if (signal?.aborted) interrupt();
  try {
    return await Promise.race([work, interrupted.promise]);
  } finally {
    signal?.removeEventListener("abort", interrupt);
  }
}
