/**
 * Writes one file beside its output, flushes it and reads it back.
 *
 * @module
 */

import { InterruptedError, TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { chunkBuffer, PIECE_BYTES, READ_AHEAD_BYTES, Turns } from "./chunks.ts";
import { Digest, type Part } from "./digest.ts";
import { NewFile, type Permissions } from "./save.ts";
import { FileSource } from "./sources.ts";

/** Length and content of a file that was written and read back. */
export interface StagedResult {
  /** Length in bytes. */
  readonly bytes: number;
  /** SHA-256 of the content as read back, 64 hexadecimal digits; only where it was asked for. */
  readonly sha256?: string;
}

/** What a stage needs to know. */
export interface StageOptions {
  /** Bytes that the whole plan writes. */
  readonly total: number;
  /** The output as the user gave it, for messages. */
  readonly output: string;
  /** Whether to compare SHA-256 hashes of what is written and what is read back. */
  readonly verify?: boolean;
  /** Stops the work. */
  readonly signal?: AbortSignal;
  /** Told how many bytes of how many are written, and of which file. */
  readonly onProgress?: (done: number, total: number, label: string) => void;
}

/** How one new file is written. */
export interface NewFileOptions {
  /** What the file is to consist of, in order. */
  readonly parts: readonly Part[];
  /** The permissions it gets. */
  readonly like: Permissions | undefined;
  /** Judges the file as read back, before its content is compared. */
  readonly check?: (source: FileSource) => Promise<void>;
}

/** Takes the content of one new file. */
export interface ContentWriter {
  /** Appends bytes. */
  append(bytes: Uint8Array): Promise<void>;
  /** Appends the range `[begin, end)` of a source. */
  copy(source: ByteSource, begin: number, end: number): Promise<void>;
}

/** One plan's progress, signal and buffers, shared by all its files. */
export class Stage {
  /** The file being written, for progress. */
  label = "";
  /** The output as the user gave it, for messages. */
  readonly output: string;
  readonly #options: StageOptions;
  readonly #buffers = [chunkBuffer(READ_AHEAD_BYTES), chunkBuffer(READ_AHEAD_BYTES)] as const;
  readonly #turns = new Turns();
  #done = 0;

  /**
   * Creates the stage.
   *
   * @param options What the plan's files have in common.
   */
  constructor(options: StageOptions) {
    this.output = options.output;
    this.#options = options;
  }

  /**
   * Writes a new file, flushes it to the disk and reads it back.
   *
   * @param path The file to create.
   * @param fill Appends the content.
   * @param options Its parts and permissions, and what is checked beside its content.
   * @returns Length and, where it was asked for, SHA-256 of the content as read back.
   * @throws {TinygraftError} with `verify-failed` when other bytes come back.
   * @throws {InterruptedError} when the signal aborts.
   */
  async write(
    path: string,
    fill: (writer: ContentWriter) => Promise<void>,
    options: NewFileOptions,
  ): Promise<StagedResult> {
    const file = new NewFile(path, options.like);
    try {
      const written = this.#newDigest(options);
      const advance = (bytes: number) => this.#advance(bytes);
      const writer = new BufferedWriter(file, written, this.#buffers, advance);
      await fill(writer);
      await writer.flush();
      // Flushing takes longest of all, so the file is read back meanwhile.
      const [flushed, verified] = await Promise.allSettled([
        file.sync(),
        this.#readBack(path, written, options),
      ]);
      if (flushed.status === "rejected") throw flushed.reason;
      if (verified.status === "rejected") throw verified.reason;
      return verified.value;
    } finally {
      await file.close();
    }
  }

  #newDigest({ parts }: NewFileOptions): Digest {
    return new Digest(parts, this.#options.verify ?? false);
  }

  async #readBack(
    path: string,
    written: Digest,
    options: NewFileOptions,
  ): Promise<StagedResult> {
    const source = FileSource.open(path);
    try {
      await options.check?.(source);
      const found = this.#newDigest(options);
      for (let at = 0; at < source.byteLength;) {
        const piece = this.#buffers[0].subarray(0, Math.min(PIECE_BYTES, source.byteLength - at));
        await source.readInto(at, piece);
        found.update(piece);
        at += piece.byteLength;
        await this.#turn(piece.byteLength, `verifying ${this.label}`);
      }
      return this.#compare(written, found);
    } finally {
      source.close();
    }
  }

  #compare(written: Digest, found: Digest): StagedResult {
    const difference = written.difference(found);
    const [want, sha256] = [written.sha256(), found.sha256()];
    if (difference !== undefined || sha256 !== want) {
      const { tensor } = difference ?? {};
      const what = tensor === undefined ? "" : `tensor ${quote(tensor)} of `;
      throw verifyError(this.output, `${what}"${this.label}" came back with other bytes`, {
        tensor,
      });
    }
    return { bytes: found.byteLength, ...(sha256 === undefined ? {} : { sha256 }) };
  }

  /**
   * Counts bytes that need no writing.
   *
   * @param bytes How many.
   */
  skip(bytes: number): void {
    this.#done += bytes;
    this.#options.onProgress?.(this.#done, this.#options.total, this.label);
  }

  async #advance(bytes: number): Promise<void> {
    this.#done += bytes;
    await this.#turn(bytes, this.label);
  }

  async #turn(bytes: number, label: string): Promise<void> {
    this.#options.onProgress?.(this.#done, this.#options.total, label);
    await this.#turns.after(bytes);
    if (this.#options.signal?.aborted) throw new InterruptedError();
  }
}

/** Small tensors share a buffer; of large ones a buffer is read ahead while another is written. */
class BufferedWriter implements ContentWriter {
  #used = 0;

  constructor(
    readonly file: NewFile,
    readonly digest: Digest,
    readonly buffers: readonly [Uint8Array, Uint8Array],
    readonly onWritten: (bytes: number) => Promise<void>,
  ) {}

  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength >= READ_AHEAD_BYTES) {
      await this.flush();
      for (let at = 0; at < bytes.byteLength; at += READ_AHEAD_BYTES) {
        await this.#pass(bytes.subarray(at, at + READ_AHEAD_BYTES));
      }
      return;
    }
    for (let at = 0; at < bytes.byteLength;) {
      const room = this.#room(bytes.byteLength - at);
      room.set(bytes.subarray(at, at + room.byteLength));
      at += room.byteLength;
      await this.#commit(room);
    }
  }

  async copy(source: ByteSource, begin: number, end: number): Promise<void> {
    if (end - begin > READ_AHEAD_BYTES) return await this.#copyAhead(source, begin, end);
    for (let at = begin; at < end;) {
      const room = this.#room(end - at);
      await source.readInto(at, room);
      at += room.byteLength;
      await this.#commit(room);
    }
  }

  async flush(): Promise<void> {
    const bytes = this.#used;
    this.#used = 0;
    if (bytes === 0) return;
    this.file.write(this.buffers[0].subarray(0, bytes));
    await this.onWritten(bytes);
  }

  /** While one buffer is checked and written, a thread fills the other. */
  async #copyAhead(source: ByteSource, begin: number, end: number): Promise<void> {
    await this.flush();
    let [buffer, next] = this.buffers;
    const read = (at: number, target: Uint8Array) =>
      source instanceof FileSource ? source.readAhead(at, target) : source.readInto(at, target);
    let reading = read(begin, buffer);
    try {
      for (let at = begin; at < end;) {
        await reading;
        const ready = buffer.subarray(0, end - at);
        at += ready.byteLength;
        if (at < end) reading = read(at, next.subarray(0, end - at));
        await this.#pass(ready);
        [buffer, next] = [next, buffer];
      }
    } finally {
      // Nobody may close the source or use the buffers before.
      await reading.catch(() => {});
    }
  }

  /** Checks and writes bytes that need no collecting. */
  async #pass(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      this.digest.update(piece);
      this.file.write(piece);
    }
    await this.onWritten(bytes.byteLength);
  }

  #room(wanted: number): Uint8Array {
    return this.buffers[0].subarray(this.#used, this.#used + wanted);
  }

  async #commit(bytes: Uint8Array): Promise<void> {
    this.digest.update(bytes);
    this.#used += bytes.byteLength;
    if (this.#used === READ_AHEAD_BYTES) await this.flush();
  }
}

/**
 * Makes the error for a file that does not read as it was written.
 *
 * @param output The output as the user gave it.
 * @param found What was found.
 * @param details The tensor at fault and the error behind this one, where there are such.
 * @returns An error with `verify-failed`.
 */
export function verifyError(
  output: string,
  found: string,
  details: { readonly tensor?: string | undefined; readonly cause?: Error } = {},
): TinygraftError {
  return new TinygraftError(
    `Cannot write "${output}": ${found}, expected what was written: check the disk`,
    { code: "verify-failed", path: output, ...details },
  );
}
