// A byte source that counts what is asked of it.

import type { ByteSource } from "../../lib/tensor/byte_source.ts";

/** Counts the bytes that a reader asks for: all that it allocates for a file's content. */
export class CountingSource implements ByteSource {
  /** Bytes asked for so far. */
  bytes = 0;

  constructor(readonly inner: ByteSource) {}

  get byteLength(): number {
    return this.inner.byteLength;
  }

  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    this.bytes += end - begin;
    return this.inner.read(begin, end);
  }

  readInto(begin: number, target: Uint8Array): Promise<void> {
    this.bytes += target.byteLength;
    return this.inner.readInto(begin, target);
  }
}
