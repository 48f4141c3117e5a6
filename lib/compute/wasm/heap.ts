/**
 * The memory that kernels and threads share.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { MAX_PAGES } from "../assembler/module.ts";
import { FreeList } from "./free_list.ts";

const PAGE_BYTES = 65536;
/** The memory grows by this much at least, so that it seldom does. */
const GROWTH_BYTES = 1 << 24;

/** A shared memory that grows up to 4 GiB, and what of it is in use. */
export class Heap {
  /** The memory, as kernels import it. */
  readonly memory: WebAssembly.Memory;
  readonly #list = new FreeList();
  #floats: Float32Array<ArrayBufferLike>;
  /** Memory from here on was never handed out, and is zero. */
  #untouched: number;

  /**
   * Makes a memory.
   *
   * @param reserved Bytes at its beginning that are not handed out.
   */
  constructor(reserved: number) {
    const initial = Math.ceil(reserved / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial, maximum: MAX_PAGES, shared: true });
    this.#floats = new Float32Array(this.memory.buffer);
    this.#untouched = initial * PAGE_BYTES;
  }

  /** Bytes that are handed out. */
  get takenBytes(): number {
    return this.#list.takenBytes;
  }

  /**
   * Takes a range of zeros.
   *
   * @param what What it is for, for the message.
   * @param bytes How long it is.
   * @returns Its address, a multiple of 64.
   * @throws {DeviceError} With code `out-of-memory` when it would end past 4 GiB, or the system
   * gives no more memory.
   */
  take(what: string, bytes: number): number {
    const address = this.#list.take(bytes) ?? this.#grow(what, bytes);
    const end = address + bytes;
    if (address < this.#untouched) {
      this.floats(address, (Math.min(end, this.#untouched) - address) / 4).fill(0);
    }
    this.#untouched = Math.max(this.#untouched, end);
    return address;
  }

  /**
   * Gives a range back.
   *
   * @param address What `take` gave.
   */
  give(address: number): void {
    this.#list.give(address);
  }

  /**
   * Numbers at an address.
   *
   * @param address A multiple of 4.
   * @param length How many, in elements.
   * @returns A view of the memory, which stays valid when the memory grows.
   */
  floats(address: number, length: number): Float32Array<ArrayBufferLike> {
    return this.#floats.subarray(address / 4, address / 4 + length);
  }

  /** Grows the memory until a range fits. */
  #grow(what: string, bytes: number): number {
    const end = this.#floats.byteLength;
    const missing = this.#list.missing(bytes, end);
    const pages = Math.ceil(missing / PAGE_BYTES);
    const left = MAX_PAGES - end / PAGE_BYTES;
    const wanted = Math.min(Math.max(pages, GROWTH_BYTES / PAGE_BYTES), left);
    try {
      if (wanted < pages) throw new RangeError("Cannot grow: over the maximum");
      this.memory.grow(wanted);
    } catch (cause) {
      throw new DeviceError(
        `Cannot hold "${what}" of ${bytes} bytes in WebAssembly's memory: ` +
          `${this.takenBytes} bytes are in use, expected at most ${MAX_PAGES * PAGE_BYTES} in ` +
          "all: take smaller batches, or a WebGPU device",
        { code: "out-of-memory", cause },
      );
    }
    this.#floats = new Float32Array(this.memory.buffer);
    this.#list.add(end, end + wanted * PAGE_BYTES);
    return this.#list.take(bytes)!;
  }
}
