/**
 * Writes one file beside its output, flushes it and reads it back.
 *
 * @module
 */

import { InterruptedError, SafetensorsError, TinygraftError } from "../errors.ts";
import type { Header } from "../safetensors/header.ts";
import { readHeader } from "../safetensors/reader.ts";
import { type FileLayout, layoutFile } from "../safetensors/writer.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { chunkBuffer, Turns } from "./chunks.ts";
import { crc32, sha256 } from "./hash.ts";
import type { PlannedFile, TensorStep } from "./plan.ts";
import { NewFile } from "./save.ts";
import { FileSource } from "./sources.ts";

/** Length and content of a file that was written and read back. */
export interface StagedResult {
  /** Length in bytes. */
  readonly bytes: number;
  /** SHA-256 of the content, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What a stage needs to know. */
export interface StageOptions {
  /** Bytes that the whole plan writes. */
  readonly total: number;
  /** The output as the user gave it, for messages. */
  readonly output: string;
  /** Stops the work. */
  readonly signal?: AbortSignal;
  /** Told how many bytes of how many are written, and of which file. */
  readonly onProgress?: (done: number, total: number, label: string) => void;
}

/** Collects bytes into chunks for one new file. */
export interface ChunkWriter {
  /** Appends bytes. */
  append(bytes: Uint8Array): Promise<void>;
  /** Appends the range `[begin, end)` of a source. */
  copy(source: ByteSource, begin: number, end: number): Promise<void>;
}

/** One plan's progress, signal and chunk buffer, shared by all its files. */
export class Stage {
  /** The file being written, for progress. */
  label = "";
  /** The output as the user gave it, for messages. */
  readonly output: string;
  readonly #options: StageOptions;
  readonly #buffer = chunkBuffer();
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
   * @param check Judges the file as read back, before its content is compared.
   * @returns Length and SHA-256 of the content as read back.
   * @throws {TinygraftError} with `verify-failed` when other bytes come back.
   * @throws {InterruptedError} when the signal aborts.
   */
  async write(
    path: string,
    fill: (writer: ChunkWriter) => Promise<void>,
    check?: (source: FileSource) => Promise<void>,
  ): Promise<StagedResult> {
    const file = new NewFile(path);
    try {
      const writer = new BufferedWriter(file, this.#buffer, (bytes) => this.#advance(bytes));
      await fill(writer);
      await writer.flush();
      // Flushing takes longest of all, so the file is read back meanwhile.
      const [flushed, verified] = await Promise.allSettled([
        file.sync(),
        this.#readBack(path, file, check),
      ]);
      if (flushed.status === "rejected") throw flushed.reason;
      if (verified.status === "rejected") throw verified.reason;
      return verified.value;
    } finally {
      file.close();
    }
  }

  async #readBack(
    path: string,
    want: NewFile,
    check: ((source: FileSource) => Promise<void>) | undefined,
  ): Promise<StagedResult> {
    const source = FileSource.open(path);
    try {
      await check?.(source);
      const { checksum, ...result } = await this.digest(source, `verifying ${this.label}`);
      if (result.bytes !== want.byteLength || checksum !== want.checksum) {
        throw verifyError(this.output, `"${this.label}" came back with other bytes`);
      }
      return result;
    } finally {
      source.close();
    }
  }

  /**
   * Reads a whole file.
   *
   * @param source The file.
   * @param label What to call this in progress.
   * @returns Its length, SHA-256 and CRC-32.
   * @throws {InterruptedError} when the signal aborts.
   */
  async digest(source: FileSource, label: string): Promise<StagedResult & { checksum: number }> {
    const hash = sha256();
    let checksum = 0;
    for (let at = 0; at < source.byteLength;) {
      const chunk = this.#buffer.subarray(0, Math.min(this.#buffer.length, source.byteLength - at));
      await source.readInto(at, chunk);
      hash.update(chunk);
      checksum = crc32(chunk, checksum);
      at += chunk.byteLength;
      await this.#turn(chunk.byteLength, label);
    }
    return { bytes: source.byteLength, sha256: hash.hex(), checksum };
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

/** Small tensors share a chunk; large ones go through it piece by piece. */
class BufferedWriter implements ChunkWriter {
  #used = 0;

  constructor(
    readonly file: NewFile,
    readonly buffer: Uint8Array<ArrayBuffer>,
    readonly onFlush: (bytes: number) => Promise<void>,
  ) {}

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const room = this.#room(bytes.byteLength - at);
      room.set(bytes.subarray(at, at + room.byteLength));
      at += room.byteLength;
      await this.#commit(room.byteLength);
    }
  }

  async copy(source: ByteSource, begin: number, end: number): Promise<void> {
    for (let at = begin; at < end;) {
      const room = this.#room(end - at);
      await source.readInto(at, room);
      at += room.byteLength;
      await this.#commit(room.byteLength);
    }
  }

  async flush(): Promise<void> {
    const bytes = this.#used;
    this.#used = 0;
    this.file.write(this.buffer.subarray(0, bytes));
    await this.onFlush(bytes);
  }

  #room(wanted: number): Uint8Array {
    return this.buffer.subarray(this.#used, Math.min(this.buffer.length, this.#used + wanted));
  }

  async #commit(bytes: number): Promise<void> {
    this.#used += bytes;
    if (this.#used === this.buffer.length) await this.flush();
  }
}

/**
 * Hashes an input that needs no writing because it was linked.
 *
 * @param source The input.
 * @param stage The plan's stage.
 * @returns Its length and SHA-256.
 */
export async function hashFile(source: FileSource, stage: Stage): Promise<StagedResult> {
  const { checksum: _, ...result } = await stage.digest(source, `hashing ${stage.label}`);
  stage.skip(result.bytes);
  return result;
}

/**
 * Writes a safetensors file tensor by tensor and checks what the strict reader makes of it.
 *
 * @param file The file's plan.
 * @param path The file to create.
 * @param stage The plan's stage.
 * @returns Length and SHA-256 of the file.
 * @throws {TinygraftError} with `invalid-tensor-view` when computed data has another length than
 * planned, or `verify-failed`.
 */
export async function stageTensors(
  file: Extract<PlannedFile, { kind: "safetensors" }>,
  path: string,
  stage: Stage,
): Promise<StagedResult> {
  const layout = layoutFile(file.tensors, file.metadata);
  const fill = async (writer: ChunkWriter) => {
    await writer.append(layout.headerBytes);
    for (const step of layout.tensors) {
      const [begin, end] = step.dataOffsets;
      await appendStep(step, end - begin, writer, stage);
    }
  };
  return await stage.write(path, fill, async (source) => {
    checkHeader(await rereadHeader(source, stage), layout, file.metadata, stage);
  });
}

async function appendStep(
  step: TensorStep,
  byteLength: number,
  writer: ChunkWriter,
  stage: Stage,
): Promise<void> {
  if (step.kind === "copy") {
    const { file, dataOffsets: [begin, end] } = step.from;
    await writer.copy(file.source, file.header.dataStart + begin, file.header.dataStart + end);
    return;
  }
  const bytes = await step.data();
  if (bytes.byteLength !== byteLength) {
    throw new TinygraftError(
      `Cannot write "${stage.output}": tensor ${quote(step.name)} was made with ` +
        `${bytes.byteLength} bytes, expected ${byteLength} by its shape and dtype`,
      { code: "invalid-tensor-view", path: stage.output, tensor: step.name },
    );
  }
  await writer.append(bytes);
}

async function rereadHeader(source: FileSource, stage: Stage): Promise<Header> {
  try {
    return await readHeader(source, { path: source.path });
  } catch (error) {
    if (error instanceof SafetensorsError) throw verifyError(stage.output, error.message, error);
    throw error;
  }
}

function checkHeader(
  header: Header,
  layout: FileLayout<TensorStep>,
  metadata: ReadonlyMap<string, string>,
  stage: Stage,
): void {
  const same = header.tensors.size === layout.tensors.length &&
    header.dataStart === layout.headerBytes.byteLength &&
    header.metadata.size === metadata.size &&
    layout.tensors.every(({ name, dtype, shape, dataOffsets }) => {
      const found = header.tensors.get(name);
      return found?.dtype === dtype && found.shape.join() === shape.join() &&
        found.dataOffsets.join() === dataOffsets.join();
    }) &&
    [...metadata].every(([key, value]) => header.metadata.get(key) === value);
  if (!same) throw verifyError(stage.output, `"${stage.label}" came back with another header`);
}

function verifyError(output: string, found: string, cause?: Error): TinygraftError {
  return new TinygraftError(
    `Cannot write "${output}": ${found}, expected what was written: check the disk`,
    { code: "verify-failed", path: output, cause },
  );
}
