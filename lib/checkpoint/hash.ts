/**
 * SHA-256 of tensor content and of files, streamed in chunks.
 *
 * @module
 */

import { createHash } from "node:crypto"; // streams, which crypto.subtle cannot
import { crc32 as crc32Of } from "node:zlib";
import { InterruptedError } from "../errors.ts";
import { compareUtf8 } from "../safetensors/writer.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { chunkBuffer, Turns } from "./chunks.ts";
import type { TensorEntry } from "./open.ts";

/** A SHA-256 under way. */
export interface Sha256 {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** Ends the hash: 64 hexadecimal digits in lower case. */
  hex(): string;
}

/**
 * Starts a SHA-256.
 *
 * @returns The hash of nothing yet.
 */
export function sha256(): Sha256 {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    hex: () => hash.digest("hex"),
  };
}

/**
 * Continues a CRC-32 (ISO 3309), which finds what a disk or a driver garbles at next to no cost.
 *
 * @param bytes The bytes to add.
 * @param before The checksum of the bytes before them, 0 at the start.
 * @returns The checksum of all of them.
 */
export function crc32(bytes: Uint8Array, before: number): number {
  return crc32Of(bytes, before);
}

/** How a hash over much data is followed or stopped. */
export interface HashOptions {
  /** Stops the work when aborted. */
  readonly signal?: AbortSignal;
  /** Called with the bytes read since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Hashes the content of a checkpoint or adapter, independent of file layout, sharding and
 * metadata.
 *
 * SHA-256 over the tensors in the order of their names' bytes, each as name, 0x00, dtype, 0x00,
 * shape in decimal joined by ",", 0x00, data.
 *
 * @example The hash of one tensor
 * ```ts
 * import { contentHash, openCheckpoint, serialize } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * const data = Uint8Array.of(7);
 * await Deno.writeFile(path, serialize([{ name: "w", dtype: "U8", shape: [1], data }]));
 * using checkpoint = await openCheckpoint(path);
 * const hash = await contentHash(
 *   [...checkpoint.tensors].map(([name, entry]) => ({ name, entry })),
 * );
 *
 * const bytes = new TextEncoder().encode("w\0U8\x001\0\x07");
 * const want = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
 * assertEquals(hash, want);
 * ```
 *
 * @param entries The tensors, each with the name to hash it under; in any order.
 * @param options How to follow or stop the work.
 * @returns 64 hexadecimal digits in lower case.
 * @throws {TinygraftError} with `unreadable` or `changed-while-open`.
 * @throws {InterruptedError} when the signal is aborted.
 */
export async function contentHash(
  entries: Iterable<{ readonly name: string; readonly entry: TensorEntry }>,
  options: HashOptions = {},
): Promise<string> {
  const stream = new HashStream(options);
  const encoder = new TextEncoder();
  const sorted = [...entries].sort((a, b) => compareUtf8(a.name, b.name));
  for (const { name, entry } of sorted) {
    const { source, header } = entry.file;
    const [begin, end] = entry.dataOffsets;
    stream.hash.update(encoder.encode(`${name}\0${entry.dtype}\0${entry.shape.join(",")}\0`));
    await stream.addRange(source, header.dataStart + begin, header.dataStart + end);
  }
  return stream.hash.hex();
}

/**
 * Hashes a file's bytes, all of them, as `sha256sum` does.
 *
 * @param source The open file.
 * @param options How to follow or stop the work.
 * @returns 64 hexadecimal digits in lower case.
 * @throws {TinygraftError} with `unreadable` or `changed-while-open`.
 * @throws {InterruptedError} when the signal is aborted.
 */
export async function fileHash(source: ByteSource, options: HashOptions = {}): Promise<string> {
  const stream = new HashStream(options);
  await stream.addRange(source, 0, source.byteLength);
  return stream.hash.hex();
}

/** A SHA-256 that is fed from byte sources through one buffer. */
class HashStream {
  readonly hash = sha256();
  readonly #buffer = chunkBuffer();
  readonly #turns = new Turns();
  readonly #options: HashOptions;

  constructor(options: HashOptions) {
    this.#options = options;
  }

  async addRange(source: ByteSource, begin: number, end: number): Promise<void> {
    for (let at = begin; at < end;) {
      if (this.#options.signal?.aborted) throw new InterruptedError();
      const chunk = this.#buffer.subarray(0, Math.min(this.#buffer.byteLength, end - at));
      await source.readInto(at, chunk);
      this.hash.update(chunk);
      at += chunk.byteLength;
      this.#options.onBytes?.(chunk.byteLength);
      await this.#turns.after(chunk.byteLength);
    }
  }
}
