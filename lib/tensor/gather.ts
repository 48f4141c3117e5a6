/**
 * Collects the elements of a strided tensor from a byte source, window by window.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";

/** Elements that lie at regular distances in a storage, and where they go. */
export interface Box {
  /** Its dimensions, in any order. */
  readonly dims: readonly BoxDim[];
  /** The first element, counted from the start of the storage. */
  readonly from: number;
  /** Where the first element goes, in elements of the target. */
  readonly to: number;
}

/** One dimension of a box, in elements. */
export interface BoxDim {
  /** How many elements. */
  readonly size: number;
  /** Distance of neighbours in the storage; 0 repeats one element. */
  readonly stride: number;
  /** Distance of neighbours in the target. */
  readonly step: number;
}

/** A window this small costs no more to read than one element. */
const SMALL_WINDOW_BYTES = 64 << 10;
/** The largest window held in memory. */
const LARGE_WINDOW_BYTES = 8 << 20;
/** How many times as many bytes may be read as are wanted. */
const MAX_WASTE = 4;

/** What is copied: whole units of 1, 2 or 4 bytes. */
export type Unit = Uint8Array | Uint16Array | Uint32Array;

/**
 * Splits a range of a tensor's elements, counted in C order, into boxes.
 *
 * @param shape Sizes, outermost first.
 * @param strides Distances in the storage, one a dimension.
 * @param begin First element.
 * @param end The element after the last.
 * @returns At most two boxes a dimension and one more; targets count from `begin`.
 */
export function boxesOfRange(
  shape: readonly number[],
  strides: readonly number[],
  begin: number,
  end: number,
): Box[] {
  const boxes: Box[] = [];
  // Elements of one index of each dimension.
  const inner = shape.map((_, dim) => shape.slice(dim + 1).reduce((a, b) => a * b, 1));
  const add = (dim: number, first: number, last: number, from: number, to: number) => {
    if (first >= last) return;
    const row = inner[dim] ?? 1;
    const stride = strides[dim] ?? 0;
    const firstRow = Math.floor(first / row);
    const lastRow = Math.floor(last / row);
    const head = first - firstRow * row;
    const tail = last - lastRow * row;
    if (head > 0 && firstRow === lastRow) {
      add(dim + 1, head, tail, from + firstRow * stride, to);
      return;
    }
    const headCount = head > 0 ? row - head : 0;
    if (head > 0) add(dim + 1, head, row, from + firstRow * stride, to);
    const wholeFrom = head > 0 ? firstRow + 1 : firstRow;
    if (lastRow > wholeFrom) {
      const dims = [{ size: lastRow - wholeFrom, stride, step: row }];
      for (let d = dim + 1; d < shape.length; d++) {
        dims.push({ size: shape[d]!, stride: strides[d]!, step: inner[d]! });
      }
      boxes.push({ dims, from: from + wholeFrom * stride, to: to + headCount });
    }
    if (tail > 0) {
      const done = headCount + (lastRow - wholeFrom) * row;
      add(dim + 1, 0, tail, from + lastRow * stride, to + done);
    }
  };
  add(0, begin, end, 0, 0);
  return boxes;
}

/** Reads the boxes of one storage through one window of memory. */
export class Gatherer {
  readonly #source: ByteSource;
  readonly #base: number;
  readonly #target: Unit;
  readonly #window: Uint8Array<ArrayBuffer>;

  /**
   * Creates the gatherer.
   *
   * @param source The storage.
   * @param base Where the storage starts in the source, in bytes.
   * @param target Receives the units; the caller owns it.
   */
  constructor(source: ByteSource, base: number, target: Unit) {
    this.#source = source;
    this.#base = base;
    this.#target = target;
    const needed = Math.ceil(source.byteLength / 4) * 4;
    this.#window = new Uint8Array(Math.min(LARGE_WINDOW_BYTES, needed));
  }

  /**
   * Copies a box. Windows are read in ascending order, so a source that can only go forward is
   * read once where the box's elements do not interleave.
   *
   * @param box The box, in units.
   */
  async copy(box: Box): Promise<void> {
    if (box.dims.some(({ size }) => size === 0)) return;
    const dims = box.dims.filter(({ size }) => size > 1);
    // Descending reach: splitting the first dimension separates the parts of the storage.
    dims.sort((a, b) => reach(b) - reach(a));
    const span = 1 + dims.reduce((sum, dim) => sum + reach(dim), 0);
    const count = dims.reduce((product, { size }) => product * size, 1);
    const unit = this.#target.BYTES_PER_ELEMENT;
    const isCheap = span * unit <= SMALL_WINDOW_BYTES ||
      (span <= MAX_WASTE * count && span * unit <= LARGE_WINDOW_BYTES);
    const widest = dims[0];
    if (isCheap || widest === undefined) {
      const window = this.#window.subarray(0, span * unit);
      await this.#source.readInto(this.#base + box.from * unit, window);
      scatter(unitsOf(window, unit), dims, this.#target, box.to);
      return;
    }
    const half = Math.ceil(widest.size / 2);
    const rest = dims.slice(1);
    await this.copy({ ...box, dims: [{ ...widest, size: half }, ...rest] });
    await this.copy({
      dims: [{ ...widest, size: widest.size - half }, ...rest],
      from: box.from + half * widest.stride,
      to: box.to + half * widest.step,
    });
  }
}

/** How far the last index of a dimension is from its first, in units. */
function reach({ size, stride }: BoxDim): number {
  return (size - 1) * stride;
}

/**
 * Views bytes from the start of a buffer as units.
 *
 * @param bytes The bytes, a whole number of units.
 * @param unit Bytes of one unit: 1, 2 or 4.
 * @returns A view of the same memory.
 */
export function unitsOf(bytes: Uint8Array<ArrayBuffer>, unit: number): Unit {
  const { buffer, byteOffset, byteLength } = bytes;
  if (unit === 4) return new Uint32Array(buffer, byteOffset, byteLength / 4);
  return unit === 2 ? new Uint16Array(buffer, byteOffset, byteLength / 2) : bytes;
}

/** Copies the units of one window; the innermost loop runs over the last dimension. */
function scatter(window: Unit, dims: readonly BoxDim[], target: Unit, to: number): void {
  const last = dims.at(-1) ?? { size: 1, stride: 0, step: 0 };
  const { size, stride, step } = last;
  const visit = (dim: number, at: number, to: number) => {
    if (dim >= dims.length - 1) {
      for (let i = 0; i < size; i++) target[to + i * step] = window[at + i * stride]!;
      return;
    }
    const outer = dims[dim]!;
    for (let i = 0; i < outer.size; i++) visit(dim + 1, at + i * outer.stride, to + i * outer.step);
  };
  visit(0, 0, to);
}
