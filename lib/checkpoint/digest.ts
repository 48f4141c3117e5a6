/**
 * What a file should read like: a checksum of each of its parts, and a hash of all where asked for.
 *
 * @module
 */

import { crc32, type Sha256, sha256 } from "./hash.ts";

/** Consecutive bytes of a file: its header, one tensor, or all of it. */
export interface Part {
  /** Its length in bytes. */
  readonly byteLength: number;
  /** The name of the tensor that it is, when it is one. */
  readonly tensor?: string;
}

/** A difference between two digests of files with the same parts. */
export interface Difference {
  /** The tensor whose bytes differ, when it is one tensor's. */
  readonly tensor: string | undefined;
}

/** Takes in the bytes of one file and sums them up part by part. */
export class Digest {
  readonly #parts: readonly Part[];
  readonly #checksums: number[] = [];
  readonly #hash: Sha256 | undefined;
  #checksum = 0;
  /** Bytes that the present part still lacks. */
  #missing: number;
  #byteLength = 0;

  /**
   * Creates the digest of an empty file.
   *
   * @param parts What the file is to consist of.
   * @param hashed Whether to take the SHA-256 of all bytes too: it costs more than copying them.
   */
  constructor(parts: readonly Part[], hashed: boolean) {
    this.#parts = parts;
    this.#hash = hashed ? sha256() : undefined;
    this.#missing = parts[0]?.byteLength ?? 0;
  }

  /** Bytes taken in. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /**
   * Takes in the bytes that follow.
   *
   * @param bytes The bytes; not kept. Those beyond the last part only count.
   */
  update(bytes: Uint8Array): void {
    this.#byteLength += bytes.byteLength;
    this.#hash?.update(bytes);
    for (let at = 0; this.#checksums.length < this.#parts.length;) {
      const piece = bytes.subarray(at, at + this.#missing);
      this.#checksum = crc32(piece, this.#checksum);
      this.#missing -= piece.byteLength;
      at += piece.byteLength;
      if (this.#missing > 0) return; // the bytes are used up
      this.#checksums.push(this.#checksum);
      this.#checksum = 0;
      this.#missing = this.#parts[this.#checksums.length]?.byteLength ?? 0;
    }
  }

  /**
   * Ends the digest.
   *
   * @returns The SHA-256 of all bytes as 64 hexadecimal digits, where it was asked for.
   */
  sha256(): string | undefined {
    return this.#hash?.hex();
  }

  /**
   * Compares the bytes with those that another digest of the same parts took in.
   *
   * @param other The other digest.
   * @returns The first difference; undefined when there is none.
   */
  difference(other: Digest): Difference | undefined {
    const at = this.#parts.findIndex((_, i) => this.#checksums[i] !== other.#checksums[i]);
    if (at >= 0) return { tensor: this.#parts[at]!.tensor };
    return this.#byteLength === other.#byteLength ? undefined : { tensor: undefined };
  }
}
