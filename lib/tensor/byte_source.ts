/**
 * Bytes read by range: one small interface for files, memory and, later, HTTP.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";

/** A file, an HTTP resource or memory, read by range. */
export interface ByteSource {
  /** Total length, in bytes. */
  readonly byteLength: number;
  /**
   * Reads the half-open range `[begin, end)`, whole or not at all.
   *
   * @returns A new buffer that the caller owns.
   */
  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Fills `target`, which the caller owns, with the bytes from `begin` on, whole or not at all. */
  readInto(begin: number, target: Uint8Array): Promise<void>;
}

/** A byte source over memory. */
export class MemorySource implements ByteSource {
  readonly #bytes: Uint8Array;

  /**
   * Creates the source.
   *
   * @param bytes The content; not copied, so the caller must leave it unchanged.
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Total length, in bytes. */
  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /** Reads the half-open range `[begin, end)` into a new buffer. */
  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(end - begin);
    await this.readInto(begin, target);
    return target;
  }

  /** Fills `target` with the bytes from `begin` on. */
  readInto(begin: number, target: Uint8Array): Promise<void> {
    const end = begin + target.byteLength;
    if (begin < 0 || end > this.#bytes.byteLength) {
      return Promise.reject(
        new TinygraftError(
          `Cannot read bytes [${begin}, ${end}): the source has ${this.#bytes.byteLength} bytes`,
          { code: "unreadable" },
        ),
      );
    }
    target.set(this.#bytes.subarray(begin, end));
    return Promise.resolve();
  }
}
