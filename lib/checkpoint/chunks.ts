/**
 * Bounded memory and a responsive process for long synchronous reads and writes.
 *
 * @module
 */

import { nextTurn } from "../turn.ts";

/** Bytes of one chunk of work. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Bytes of one write. Such a piece stays in the processor's cache between its checksum and its
 * writing; and with writes of a mebibyte or more some kernels look for so much memory in one piece,
 * which can take several times as long as the copying itself.
 */
export const PIECE_BYTES = 512 * 1024;

/** Bytes that a thread reads while as many are written: enough that starting it costs nothing. */
export const READ_AHEAD_BYTES = 2 * 1024 * 1024;

/** Bytes after which other events (Ctrl-C, a progress line) get their turn. */
const BYTES_BETWEEN_TURNS = 64 * 1024 * 1024;

/**
 * Makes a buffer to read into.
 *
 * @param byteLength Its length, one chunk unless given.
 * @returns So many bytes, away from the 16-byte offset in a page at which large typed arrays
 * start: the system copies into such addresses at a quarter of the speed.
 */
export function chunkBuffer(byteLength: number = CHUNK_BYTES): Uint8Array<ArrayBuffer> {
  return new Uint8Array(byteLength + 64).subarray(64);
}

/** Counts work and, every 64 MiB, lets the event loop run once. */
export class Turns {
  #bytes = 0;

  /**
   * Counts bytes that were worked on.
   *
   * @param bytes How many.
   * @returns A promise when it is time to wait for it, else undefined.
   */
  after(bytes: number): Promise<void> | undefined {
    this.#bytes += bytes;
    if (this.#bytes < BYTES_BETWEEN_TURNS) return undefined;
    this.#bytes = 0;
    return nextTurn();
  }
}
