/**
 * Statistics of a tensor's values, in one streamed pass.
 *
 * @module
 */

import { InterruptedError } from "../errors.ts";
import { Histogram } from "../tensor/histogram.ts";
import { rangeOfInt64 } from "../tensor/int64.ts";
import { Moments } from "../tensor/moments.ts";
import { alignedBytes, type NumberReader, numberReader } from "../tensor/numbers.ts";
import { chunkBuffer, Turns } from "./chunks.ts";
import type { TensorEntry } from "./open.ts";

/** What a tensor's values are like; ranges and averages are those of its finite elements. */
export interface TensorStats {
  /** The least; bigint beyond 2^53, `null` where no element is finite. */
  readonly min: number | bigint | null;
  /** The largest. */
  readonly max: number | bigint | null;
  /** The mean, in f64. */
  readonly mean: number | null;
  /** The population standard deviation (divided by the count), in f64. */
  readonly std: number | null;
  /** Elements that are 0 or -0. */
  readonly zeros: number;
  /** Elements that are NaN. */
  readonly nan: number;
  /** Elements that are infinite, of either sign. */
  readonly inf: number;
  /** Elements in columns of equal width from `min` to `max`; absent unless asked for. */
  readonly histogram?: readonly number[];
}

/** How statistics are taken. */
export interface StatsOptions {
  /** Columns of the histogram; none unless given. */
  readonly columns?: number;
  /** Stops the work when aborted. */
  readonly signal?: AbortSignal;
  /** Called with the bytes read since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

/** Elements taken in at once: their f64 forms stay in the processor's cache. */
const BLOCK_ELEMENTS = 8192;

/**
 * Takes the statistics of one tensor; memory holds one chunk of it.
 *
 * Counts, `min` and `max` are exact for every numeric dtype. Mean and deviation are computed in
 * f64 with errors near its precision, whatever the order of the elements. BOOL counts as 0 and 1.
 *
 * @param entry The tensor, of an open checkpoint.
 * @param options Whether to make a histogram, and how to follow or stop the work.
 * @returns The statistics; `null` for complex numbers and elements narrower than a byte.
 * @throws {TinygraftError} with `unreadable` or `changed-while-open`.
 * @throws {InterruptedError} when the signal is aborted.
 *
 * @example Four numbers, one of them no number
 * ```ts
 * import { openCheckpoint, serialize, tensorStats } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * const data = new Uint8Array(Float32Array.of(0, 2, 4, NaN).buffer);
 * await Deno.writeFile(path, serialize([{ name: "w", dtype: "F32", shape: [4], data }]));
 *
 * using checkpoint = await openCheckpoint(path);
 * const stats = await tensorStats(checkpoint.tensors.get("w")!);
 * assertEquals([stats?.min, stats?.max, stats?.mean, stats?.nan], [0, 4, 2, 1]);
 * ```
 */
export async function tensorStats(
  entry: TensorEntry,
  options: StatsOptions = {},
): Promise<TensorStats | null> {
  const reader = numberReader(entry.dtype);
  if (reader === undefined) return null;
  const meter = new StatsMeter(reader, options.columns !== undefined);
  const buffer = chunkBuffer();
  const turns = new Turns();
  const { source, header } = entry.file;
  const end = header.dataStart + entry.dataOffsets[1];
  let at = header.dataStart + entry.dataOffsets[0];
  while (at < end) {
    if (options.signal?.aborted) throw new InterruptedError();
    const chunk = buffer.subarray(0, Math.min(buffer.byteLength, end - at));
    await source.readInto(at, chunk);
    meter.add(chunk);
    at += chunk.byteLength;
    options.onBytes?.(chunk.byteLength);
    await turns.after(chunk.byteLength);
  }
  return meter.result(options.columns);
}

class StatsMeter {
  readonly #reader: NumberReader;
  readonly #moments = new Moments();
  readonly #histogram: Histogram | undefined;
  readonly #scratch = new Float64Array(BLOCK_ELEMENTS);
  #exact: readonly [min: bigint, max: bigint] | undefined;

  constructor(reader: NumberReader, hasHistogram: boolean) {
    this.#reader = reader;
    this.#histogram = hasHistogram ? new Histogram() : undefined;
  }

  add(bytes: Uint8Array<ArrayBuffer>): void {
    const step = BLOCK_ELEMENTS * this.#reader.bytesPerElement;
    const moments = this.#moments;
    for (let at = 0; at < bytes.byteLength; at += step) {
      const values = this.#reader.decode(bytes.subarray(at, at + step), this.#scratch);
      this.#histogram?.add(moments.add(values), moments.min, moments.max);
      if (this.#histogram === undefined) moments.add(values);
    }
    const { dtype } = this.#reader;
    if (dtype === "I64" || dtype === "U64") {
      const [min, max] = rangeOfInt64(alignedBytes(bytes, 4), dtype);
      const [least, most] = this.#exact ?? [min, max];
      this.#exact = [min < least ? min : least, max > most ? max : most];
    }
  }

  result(columns: number | undefined): TensorStats {
    const { finite, min, max, mean, std, zeros, nan, inf } = this.#moments;
    const [least, most] = this.#exact ?? [min, max];
    const histogram = columns === undefined ? undefined : this.#histogram?.columns(columns);
    return {
      min: finite === 0 ? null : plainInteger(least),
      max: finite === 0 ? null : plainInteger(most),
      mean: finite === 0 ? null : mean,
      std: finite === 0 ? null : std,
      zeros,
      nan,
      inf,
      ...(histogram === undefined ? {} : { histogram }),
    };
  }
}

/** A bigint only where a number would not be exact. */
function plainInteger(value: number | bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
