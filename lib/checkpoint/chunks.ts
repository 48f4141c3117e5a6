/**
 * Bounded memory and a responsive process for long synchronous reads and writes.
 *
 * @module
 */

/** Bytes of one read or write; larger chunks are no faster. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

/** Bytes after which other events (Ctrl-C, a progress line) get their turn. */
const BYTES_BETWEEN_TURNS = 64 * 1024 * 1024;

/**
 * Makes a chunk buffer.
 *
 * @returns `CHUNK_BYTES` bytes, away from the 16-byte offset in a page at which large typed arrays
 * start: the system copies into such addresses at a quarter of the speed.
 */
export function chunkBuffer(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(CHUNK_BYTES + 64).subarray(64);
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
    return new Promise((resolve) => setTimeout(resolve, 0));
  }
}
