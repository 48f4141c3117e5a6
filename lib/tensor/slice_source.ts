/**
 * A part of a byte source as a source of its own.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "./byte_source.ts";

/** A range of another source, such as one member of an archive. */
export class SliceSource implements ByteSource {
  /** Length of the range, in bytes. */
  readonly byteLength: number;
  readonly #source: ByteSource;
  readonly #begin: number;

  /**
   * Creates the source; it does not own the other one.
   *
   * @param source The source to read from.
   * @param begin First byte of the range.
   * @param end The byte after its last.
   */
  constructor(source: ByteSource, begin: number, end: number) {
    this.#source = source;
    this.#begin = begin;
    this.byteLength = end - begin;
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
    await this.#source.readInto(this.#begin + begin, target);
  }
}

/**
 * Refuses a read beyond a source's end.
 *
 * @param source The source.
 * @param begin First byte to read.
 * @param byteLength How many bytes.
 * @throws {TinygraftError} with `unreadable` when the range is not within the source.
 */
export function checkRange(
  source: Pick<ByteSource, "byteLength">,
  begin: number,
  byteLength: number,
): void {
  if (begin >= 0 && begin + byteLength <= source.byteLength) return;
  throw new TinygraftError(
    `Cannot read bytes [${begin}, ${
      begin + byteLength
    }): the source has ${source.byteLength} bytes`,
    { code: "unreadable" },
  );
}
