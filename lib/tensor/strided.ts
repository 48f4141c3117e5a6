/**
 * Tensors as other formats store them: strided views of a storage, in either byte order.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";
import { type Dtype, DTYPES } from "./dtype.ts";
import { boxesOfRange, Gatherer, unitsOf } from "./gather.ts";
import { formatShape, tensorByteLength, type TensorInfo } from "./shape.ts";
import { checkRange } from "./slice_source.ts";

/** A tensor within a storage. */
export interface StridedTensor extends TensorInfo {
  /** Distance of neighbours in the storage, in elements, outermost first; none negative. */
  readonly strides: readonly number[];
  /** The first element, counted from the start of the storage, in elements. */
  readonly offset: number;
  /** The storage's bytes. */
  readonly storage: ByteSource;
  /** Whether the storage's numbers have their most significant byte first. */
  readonly bigEndian: boolean;
  /** Whether going back in the storage means to start over, as in compressed ones. */
  readonly isSequential?: boolean;
}

/** Bytes of gathered elements that are held in memory at a time. */
const BLOCK_BYTES = 16 << 20;
/** The same for a sequential storage, which is read from its start for each block. */
const SEQUENTIAL_BLOCK_BYTES = 64 << 20;
/** The most dimensions that NumPy and PyTorch know. */
const MAX_RANK = 64;

/**
 * The strides of a tensor without gaps.
 *
 * @param shape Sizes, outermost first.
 * @param order "C" when the last index varies fastest, "F" (Fortran) when the first does.
 * @returns Distances in elements, one a dimension.
 *
 * @example Two by three
 * ```ts
 * import { denseStrides } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(denseStrides([2, 3], "C"), [3, 1]);
 * assertEquals(denseStrides([2, 3], "F"), [1, 2]);
 * ```
 */
export function denseStrides(shape: readonly number[], order: "C" | "F"): number[] {
  const strides: number[] = new Array(shape.length).fill(1);
  let next = 1;
  for (let i = 0; i < shape.length; i++) {
    const dim = order === "C" ? shape.length - 1 - i : i;
    strides[dim] = next;
    next *= Math.max(1, shape[dim] ?? 1);
  }
  return strides;
}

/**
 * Checks that a view stays within its storage.
 *
 * @param view The view.
 * @returns What is wrong with it, for people; undefined when nothing is.
 */
export function stridedFault(view: StridedTensor): string | undefined {
  const { dtype, shape, strides, offset, storage } = view;
  if (shape.length > MAX_RANK) {
    return `it has ${shape.length} dimensions, expected at most ${MAX_RANK}`;
  }
  if (strides.length !== shape.length) {
    return `its strides ${formatShape(strides)} do not fit its shape ${formatShape(shape)}`;
  }
  const numbers = [...shape, ...strides, offset];
  if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    return `its shape ${formatShape(shape)}, strides ${formatShape(strides)} or offset ${offset} ` +
      "are out of range";
  }
  if (shape.includes(0)) return undefined;
  const width = BigInt(widthOf(dtype));
  const byteLength = shape.reduce((product, size) => product * BigInt(size), width);
  if (byteLength > Number.MAX_SAFE_INTEGER) {
    return `its shape ${formatShape(shape)} has ${byteLength} bytes, expected at most 2^53 - 1`;
  }
  const end = shape.reduce(
    (sum, size, dim) => sum + BigInt(size - 1) * BigInt(strides[dim] ?? 0),
    BigInt(offset) + 1n,
  );
  const endByte = end * width;
  if (endByte <= BigInt(storage.byteLength)) return undefined;
  return `it ends at byte ${endByte} of its storage, which has ${storage.byteLength} bytes`;
}

/** Holds the block gathered last; one cache serves all tensors of a file. */
export class BlockCache {
  #owner: object | undefined;
  #index = -1;
  #block: Uint8Array = new Uint8Array();

  /**
   * Returns a block, gathering it when it is not the last one.
   *
   * @param owner The source whose block it is.
   * @param index The block's number.
   * @param gather Makes the block.
   * @returns Its bytes; the cache owns them.
   */
  async get(
    owner: object,
    index: number,
    gather: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    if (this.#owner === owner && this.#index === index) return this.#block;
    this.#block = new Uint8Array(); // let go of the old block before the new one is made
    this.#owner = undefined;
    const block = await gather();
    [this.#owner, this.#index, this.#block] = [owner, index, block];
    return block;
  }
}

/**
 * The bytes of a strided tensor as safetensors wants them: C order, little-endian. Dense tensors
 * are read straight from the storage; others are gathered a block at a time.
 */
export class StridedSource implements ByteSource {
  /** Length of the tensor's data, in bytes. */
  readonly byteLength: number;
  readonly #tensor: StridedTensor;
  readonly #cache: BlockCache;
  readonly #isDense: boolean;
  readonly #blockBytes: number;

  /**
   * Creates the source.
   *
   * @param tensor The tensor, without a fault by `stridedFault`.
   * @param cache Holds its gathered block.
   */
  constructor(tensor: StridedTensor, cache: BlockCache = new BlockCache()) {
    this.byteLength = tensorByteLength(tensor.dtype, tensor.shape);
    this.#tensor = tensor;
    this.#cache = cache;
    this.#isDense = isDense(tensor);
    this.#blockBytes = tensor.isSequential ? SEQUENTIAL_BLOCK_BYTES : BLOCK_BYTES;
  }

  /** Reads the half-open range `[begin, end)` into a new buffer. */
  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(end - begin);
    await this.readInto(begin, target);
    return target;
  }

  /** Fills `target` with the bytes from `begin` on. */
  async readInto(begin: number, target: Uint8Array): Promise<void> {
    checkRange(this, begin, target.byteLength);
    if (target.byteLength === 0) return; // an empty tensor may start anywhere
    if (this.#isDense) await this.#readDense(begin, target);
    else await this.#readBlocks(begin, target);
  }

  async #readDense(begin: number, target: Uint8Array): Promise<void> {
    const { dtype, offset, storage, bigEndian } = this.#tensor;
    const start = offset * widthOf(dtype);
    const width = bigEndian ? numberWidth(dtype) : 1;
    if (width === 1) return await storage.readInto(start + begin, target);
    const end = begin + target.byteLength;
    const first = Math.floor(begin / width) * width;
    const last = Math.ceil(end / width) * width;
    const whole = first === begin && last === end ? target : new Uint8Array(last - first);
    await storage.readInto(start + first, whole);
    swapBytes(whole, width);
    if (whole !== target) target.set(whole.subarray(begin - first, end - first));
  }

  async #readBlocks(begin: number, target: Uint8Array): Promise<void> {
    for (let at = 0; at < target.byteLength;) {
      const index = Math.floor((begin + at) / this.#blockBytes);
      const block = await this.#cache.get(this, index, () => this.#gather(index));
      const from = begin + at - index * this.#blockBytes;
      const part = block.subarray(from, Math.min(block.length, from + target.byteLength - at));
      target.set(part, at);
      at += part.byteLength;
    }
  }

  async #gather(index: number): Promise<Uint8Array> {
    const { dtype, shape, strides, offset, storage, bigEndian } = this.#tensor;
    const width = widthOf(dtype);
    const unit = Math.min(width, 4);
    const begin = index * this.#blockBytes;
    const end = Math.min(this.byteLength, begin + this.#blockBytes);
    const block = new Uint8Array(end - begin);
    const target = unitsOf(block, unit);
    // Elements of 8 bytes are pairs of units: copied as f64, a NaN could change its bits.
    const pair = width / unit;
    const gatherer = new Gatherer(storage, offset * width, target);
    for (const box of boxesOfRange(shape, strides, begin / width, end / width)) {
      const dims = box.dims.map((dim) => ({
        size: dim.size,
        stride: dim.stride * pair,
        step: dim.step * pair,
      }));
      if (pair > 1) dims.push({ size: pair, stride: 1, step: 1 });
      await gatherer.copy({ dims, from: box.from * pair, to: box.to * pair });
    }
    if (bigEndian) swapBytes(block, numberWidth(dtype));
    return block;
  }
}

/** Whether the elements lie one after another in C order. */
function isDense({ shape, strides }: StridedTensor): boolean {
  if (shape.includes(0)) return true;
  const dense = denseStrides(shape, "C");
  return shape.every((size, dim) => size === 1 || strides[dim] === dense[dim]);
}

/** Bytes of one element; other formats have no elements of 4 or 6 bits. */
function widthOf(dtype: Dtype): number {
  return DTYPES[dtype].bits / 8;
}

/** Bytes of one number: half an element for complex ones. */
function numberWidth(dtype: Dtype): number {
  return dtype === "C64" ? 4 : widthOf(dtype);
}

/** Turns the byte order of every number, in place. */
function swapBytes(bytes: Uint8Array, width: number): void {
  if (width === 1) return;
  for (let at = 0; at < bytes.byteLength; at += width) {
    for (let i = 0; i < width >> 1; i++) {
      const byte = bytes[at + i]!;
      bytes[at + i] = bytes[at + width - 1 - i]!;
      bytes[at + width - 1 - i] = byte;
    }
  }
}
