/**
 * What differs between two checkpoints: names, dtypes, shapes, metadata and, on request, values.
 *
 * @module
 */

import { InterruptedError } from "../errors.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import {
  DifferenceMeter,
  type DifferenceTolerance,
  type ValueDifference,
} from "../tensor/difference.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { numberReader } from "../tensor/numbers.ts";
import { sameBytes } from "../tensor/ulp.ts";
import { CHUNK_BYTES, chunkBuffer, Turns } from "./chunks.ts";
import { diffMetadata, type MetadataDifference } from "./diff_metadata.ts";
import type { Checkpoint, TensorEntry } from "./open.ts";

/** One side of a tensor that differs. */
export interface TensorSide {
  /** Its dtype. */
  readonly dtype: Dtype;
  /** Its shape, in elements. */
  readonly shape: readonly number[];
}

/** A tensor that both checkpoints have, but not alike. */
export interface TensorChange {
  /** Its name. */
  readonly name: string;
  /** In what it differs. */
  readonly differs: readonly ("dtype" | "shape" | "values")[];
  /** What it is in the first checkpoint. */
  readonly a: TensorSide;
  /** What it is in the second. */
  readonly b: TensorSide;
  /**
   * How far its values are apart; `null` where they were not compared as numbers: without `values`,
   * for unlike shapes, and for complex numbers and elements narrower than a byte.
   */
  readonly values: ValueDifference | null;
}

/** What differs between two checkpoints. */
export interface CheckpointDifference {
  /** Whether nothing differs of what was compared. */
  readonly equal: boolean;
  /** Whether values were compared, or only names, dtypes, shapes and metadata. */
  readonly valuesCompared: boolean;
  /** Tensors that both have. */
  readonly common: number;
  /** Common tensors whose bits differ, but within the tolerance. */
  readonly withinTolerance: number;
  /** Names that only the first has. */
  readonly onlyInA: readonly string[];
  /** Names that only the second has. */
  readonly onlyInB: readonly string[];
  /** Common tensors that differ: with values, those that changed most first; else by name. */
  readonly changed: readonly TensorChange[];
  /** What differs in `__metadata__`. */
  readonly metadata: MetadataDifference;
}

/** How checkpoints are compared. */
export interface DiffOptions {
  /** Whether to read and compare values. */
  readonly values?: boolean;
  /**
   * What still counts as equal; without one, values are equal when their bits are. With one, NaN
   * equals NaN, whatever its bits, and an infinity itself.
   */
  readonly tolerance?: DifferenceTolerance;
  /** Stops the work when aborted. */
  readonly signal?: AbortSignal;
  /** Called with the bytes of A compared so far and of all that are to be. */
  readonly onProgress?: (done: number, total: number) => void;
}

type Pair = readonly [a: TensorEntry, b: TensorEntry];

/**
 * Compares two checkpoints tensor by tensor, whatever files they lie in.
 *
 * @param a The first, which relative measures refer to.
 * @param b The second.
 * @param options Whether to compare values, and with what tolerance. Both sides are streamed: memory
 *   holds one chunk of each.
 * @returns What differs.
 * @throws {TinygraftError} with `unreadable` or `changed-while-open`.
 * @throws {InterruptedError} when the signal is aborted.
 *
 * @example A changed value, and by how much
 * ```ts
 * import { diffCheckpoints, openCheckpoint, serialize } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const write = async (name: string, values: number[]) => {
 *   const data = new Uint8Array(Float32Array.from(values).buffer);
 *   const bytes = serialize([{ name: "w", dtype: "F32", shape: [2], data }]);
 *   await Deno.writeFile(`${folder}/${name}`, bytes);
 *   return await openCheckpoint(`${folder}/${name}`);
 * };
 * using a = await write("a.safetensors", [3, 4]);
 * using b = await write("b.safetensors", [3, 4.5]);
 *
 * const { equal, changed } = await diffCheckpoints(a, b, { values: true });
 * assertEquals(equal, false);
 * assertEquals(changed[0]?.values?.maxAbs, 0.5);
 * assertEquals(changed[0]?.values?.relativeL2, 0.1);
 * ```
 */
export async function diffCheckpoints(
  a: Pick<Checkpoint, "files" | "tensors">,
  b: Pick<Checkpoint, "files" | "tensors">,
  options: DiffOptions = {},
): Promise<CheckpointDifference> {
  const pairs = [...a.tensors.values()].flatMap((entry): Pair[] => {
    const other = b.tensors.get(entry.name);
    return other === undefined ? [] : [[entry, other]];
  });
  const found = options.values
    ? await compareValues(pairs, options)
    : { changes: pairs.flatMap((pair) => changeOf(pair, [], null)), withinTolerance: 0 };
  const onlyInA = [...a.tensors.keys()].filter((name) => !b.tensors.has(name));
  const onlyInB = [...b.tensors.keys()].filter((name) => !a.tensors.has(name));
  const metadata = diffMetadata(a.files, b.files);
  const differences = [onlyInA, onlyInB, found.changes, ...Object.values(metadata)];
  return {
    equal: differences.every((list) => list.length === 0),
    valuesCompared: options.values === true,
    common: pairs.length,
    withinTolerance: found.withinTolerance,
    onlyInA,
    onlyInB,
    changed: found.changes,
    metadata,
  };
}

/** The change of a pair: none where neither its header entries nor its values differ. */
function changeOf(
  [a, b]: Pair,
  differs: TensorChange["differs"],
  values: ValueDifference | null,
): TensorChange[] {
  const dtype = a.dtype === b.dtype ? [] : ["dtype" as const];
  const shape = sameShape(a, b) ? [] : ["shape" as const];
  const all = [...dtype, ...shape, ...differs];
  if (all.length === 0) return [];
  const side = (entry: TensorEntry) => ({ dtype: entry.dtype, shape: entry.shape });
  return [{ name: a.name, differs: all, a: side(a), b: side(b), values }];
}

function sameShape(a: TensorEntry, b: TensorEntry): boolean {
  return a.shape.length === b.shape.length && a.shape.every((size, i) => size === b.shape[i]);
}

async function compareValues(
  pairs: readonly Pair[],
  options: DiffOptions,
): Promise<{ changes: TensorChange[]; withinTolerance: number }> {
  const comparable = pairs.filter(([a, b]) => sameShape(a, b));
  const total = comparable.reduce((sum, [a]) => sum + bytesOf(a), 0);
  let done = 0;
  const streamer = new PairStreamer(options.signal, (bytes) => {
    done += bytes;
    options.onProgress?.(done, total);
  });
  const changes = pairs.filter(([a, b]) => !sameShape(a, b))
    .flatMap((pair) => changeOf(pair, [], null));
  let withinTolerance = 0;
  // The first side's order on disk: the one whose reads then follow each other.
  comparable.sort(([a], [b]) =>
    compareUtf8(a.file.path, b.file.path) || a.dataOffsets[0] - b.dataOffsets[0]
  );
  for (const pair of comparable) {
    const { differing, values } = await streamer.compare(pair, options.tolerance);
    const outside = values === null || options.tolerance === undefined
      ? differing
      : values.outside > 0;
    if (differing && !outside) withinTolerance++;
    changes.push(...changeOf(pair, outside ? ["values"] : [], values));
  }
  return { changes: changes.sort(byChange), withinTolerance };
}

function bytesOf(entry: TensorEntry): number {
  return entry.dataOffsets[1] - entry.dataOffsets[0];
}

/** Shapes first, then what no measure takes, then by relative L2 and largest distance. */
function byChange(one: TensorChange, two: TensorChange): number {
  const keys = ({ differs, values }: TensorChange) => [
    differs.includes("shape") ? 1 : 0,
    values === null ? 1 : 0,
    values?.nonFinite ?? 0,
    // Null stands for a change from all zeros: no finite measure is larger.
    values?.relativeL2 ?? Infinity,
    values?.maxAbs ?? 0,
  ];
  const left = keys(one);
  const right = keys(two);
  const first = left.findIndex((key, i) => key !== right[i]);
  if (first === -1) return compareUtf8(one.name, two.name);
  return right[first]! > left[first]! ? 1 : -1;
}

/** Reads pairs of tensors of one shape side by side, with two buffers for all of them. */
class PairStreamer {
  readonly #bufferA = chunkBuffer();
  readonly #bufferB = chunkBuffer();
  readonly #turns = new Turns();
  readonly #signal: AbortSignal | undefined;
  readonly #onBytes: (bytes: number) => void;

  constructor(signal: AbortSignal | undefined, onBytes: (bytes: number) => void) {
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  /** Whether anything differs, and the measures where both are numeric. */
  async compare(
    [a, b]: Pair,
    tolerance: DifferenceTolerance = { rtol: 0, atol: 0 },
  ): Promise<{ differing: boolean; values: ValueDifference | null }> {
    const readerA = numberReader(a.dtype);
    const readerB = numberReader(b.dtype);
    if (readerA === undefined || readerB === undefined) {
      return { differing: a.dtype === b.dtype && !await this.#sameData(a, b), values: null };
    }
    const meter = new DifferenceMeter(readerA, readerB, tolerance);
    const widths = [readerA.bytesPerElement, readerB.bytesPerElement] as const;
    for await (const [left, right] of this.#chunks([a, b], widths)) meter.add(left, right);
    const values = meter.result();
    return { differing: values.differing > 0, values };
  }

  async #sameData(a: TensorEntry, b: TensorEntry): Promise<boolean> {
    for await (const [left, right] of this.#chunks([a, b], [1, 1])) {
      if (!sameBytes(left, right)) return false;
    }
    return true;
  }

  /** Yields as many elements of both at a time; the arrays hold until the next. */
  async *#chunks(
    [a, b]: Pair,
    [widthA, widthB]: readonly [number, number],
  ): AsyncGenerator<[Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]> {
    const elements = Math.floor(CHUNK_BYTES / Math.max(widthA, widthB));
    const count = bytesOf(a) / widthA;
    for (let at = 0; at < count; at += elements) {
      if (this.#signal?.aborted) throw new InterruptedError();
      const length = Math.min(elements, count - at);
      const left = this.#bufferA.subarray(0, length * widthA);
      const right = this.#bufferB.subarray(0, length * widthB);
      await readPart(a, at * widthA, left);
      await readPart(b, at * widthB, right);
      yield [left, right];
      this.#onBytes(left.byteLength);
      await this.#turns.after(left.byteLength + right.byteLength);
    }
  }
}

function readPart(entry: TensorEntry, begin: number, target: Uint8Array): Promise<void> {
  const { header, source } = entry.file;
  return source.readInto(header.dataStart + entry.dataOffsets[0] + begin, target);
}
