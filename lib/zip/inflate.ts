/**
 * A deflated member of a zip archive, decompressed while it is read.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { checkRange } from "../tensor/slice_source.ts";
import { crc32 } from "./crc32.ts";
import { zipError, type ZipMember } from "./directory.ts";

/** Compressed bytes handed over at a time: what they expand to is in memory at once. */
const PIECE_BYTES = 16 << 10;

/**
 * Decompressed bytes by range. Reading forward goes on where the last read ended; reading backward
 * starts anew. Memory holds one piece. Reads take turns; the checksum is compared when a pass
 * reaches the end.
 */
export class InflateSource implements ByteSource {
  /** Length when decompressed, in bytes. */
  readonly byteLength: number;
  readonly #compressed: ByteSource;
  readonly #member: ZipMember;
  readonly #path: string;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #piece: Uint8Array = new Uint8Array();
  #position = 0;
  #checksum = 0;
  #turn: Promise<void> = Promise.resolve();

  /**
   * Creates the source.
   *
   * @param compressed The member's compressed bytes.
   * @param member What the directory says of it.
   * @param path The archive, for messages.
   */
  constructor(compressed: ByteSource, member: ZipMember, path: string) {
    this.#compressed = compressed;
    this.#member = member;
    this.#path = path;
    this.byteLength = member.byteLength;
  }

  /** Reads the half-open range `[begin, end)` into a new buffer. */
  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(end - begin);
    await this.readInto(begin, target);
    return target;
  }

  /** Fills `target` with the bytes from `begin` on. */
  readInto(begin: number, target: Uint8Array): Promise<void> {
    const reading = this.#turn.then(() => this.#fill(begin, target));
    this.#turn = reading.catch(() => {}); // the caller hears of it; the next turn starts all the same
    return reading;
  }

  /** Lets go of the decompressor; reading again starts a new one. */
  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#piece = new Uint8Array();
    this.#position = 0;
    this.#checksum = 0;
    await reader?.cancel().catch(() => {}); // it may have failed already, which was reported
  }

  async #fill(begin: number, target: Uint8Array): Promise<void> {
    checkRange(this, begin, target.byteLength);
    if (target.byteLength === 0) return;
    if (begin < this.#position) await this.close();
    try {
      while (this.#position < begin) {
        this.#take((await this.#next()).subarray(0, begin - this.#position));
      }
      for (let at = 0; at < target.byteLength;) {
        const part = (await this.#next()).subarray(0, target.byteLength - at);
        target.set(part, at);
        at += part.byteLength;
        this.#take(part);
      }
      if (this.#position === this.byteLength) await this.#finish();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Counts bytes of the current piece as read. */
  #take(part: Uint8Array): void {
    this.#checksum = crc32(part, this.#checksum);
    this.#position += part.byteLength;
    this.#piece = this.#piece.subarray(part.byteLength);
  }

  /** The rest of the current piece, or the next one; never empty. */
  async #next(): Promise<Uint8Array> {
    while (this.#piece.byteLength === 0) {
      const piece = await this.#pull();
      if (piece === undefined) throw this.#error(`it ends at byte ${this.#position}`);
      this.#piece = piece;
    }
    return this.#piece;
  }

  async #pull(): Promise<Uint8Array | undefined> {
    this.#reader ??= this.#open();
    try {
      const { value } = await this.#reader.read();
      return value;
    } catch (cause) {
      if (cause instanceof TinygraftError) throw cause;
      throw this.#error("its compressed data is damaged");
    }
  }

  /** At the end: nothing may follow, and the checksum must be right. */
  async #finish(): Promise<void> {
    while (this.#piece.byteLength === 0) {
      const piece = await this.#pull();
      if (piece === undefined) break;
      this.#piece = piece;
    }
    if (this.#piece.byteLength > 0) throw this.#error("it goes on after its end");
    if (this.#checksum !== this.#member.crc32) throw this.#error("its checksum is wrong");
  }

  #open(): ReadableStreamDefaultReader<Uint8Array> {
    const compressed = this.#compressed;
    let at = 0;
    const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        const end = Math.min(compressed.byteLength, at + PIECE_BYTES);
        if (end > at) controller.enqueue(await compressed.read(at, end));
        at = end;
        if (at === compressed.byteLength) controller.close();
      },
    }, { highWaterMark: 0 });
    return pieces.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  }

  #error(found: string): TinygraftError {
    return zipError(
      this.#path,
      `member ${
        quote(this.#member.name)
      } of ${this.byteLength} bytes: ${found}: download or copy ` +
        "the file anew",
    );
  }
}
