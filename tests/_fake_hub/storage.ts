// Where the fake Hub keeps content: files in a temporary folder, so that gigabytes fit.

import { createHash } from "node:crypto";
import { join } from "@std/path";

/** Content that the Hub holds. */
export class StoredBlob {
  constructor(
    readonly path: string,
    readonly byteLength: number,
    /** Of the content: 64 hexadecimal digits. */
    readonly sha256: string,
  ) {}

  /** The bytes of a half-open range. */
  stream(begin: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    let file: Deno.FsFile | undefined;
    let at = begin;
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        file ??= await openAt(this.path, begin);
        const buffer = new Uint8Array(Math.min(1 << 18, end - at));
        const count = buffer.byteLength === 0 ? null : await file.read(buffer);
        if (count === null) {
          file.close();
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        at += count;
        controller.enqueue(buffer.subarray(0, count));
      },
      cancel: () => file?.close(),
    });
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return Deno.readFile(this.path);
  }
}

async function openAt(path: string, begin: number): Promise<Deno.FsFile> {
  const file = await Deno.open(path);
  await file.seek(begin, Deno.SeekMode.Start);
  return file;
}

/** All content, by SHA-256. */
export class BlobStorage {
  readonly #blobs = new Map<string, StoredBlob>();
  #uploads = 0;

  constructor(readonly folder: string) {}

  get(sha256: string): StoredBlob | undefined {
    return this.#blobs.get(sha256);
  }

  /** Takes content for stored whose bytes went elsewhere. */
  promise(sha256: string, byteLength: number): void {
    this.#blobs.set(sha256, new StoredBlob("", byteLength, sha256));
  }

  /** Forgets content, as if it had never been uploaded. */
  forget(sha256: string): void {
    this.#blobs.delete(sha256);
  }

  /** Takes content in; `expected` refuses any other, as storage does with a signed checksum. */
  async put(
    content: ReadableStream<Uint8Array> | Uint8Array,
    expected?: string,
  ): Promise<StoredBlob | undefined> {
    const path = join(this.folder, `upload-${this.#uploads++}`);
    const hash = createHash("sha256");
    let byteLength = 0;
    using file = await Deno.open(path, { write: true, createNew: true });
    for await (const piece of content instanceof Uint8Array ? [content] : content) {
      hash.update(piece);
      byteLength += piece.byteLength;
      for (let at = 0; at < piece.byteLength;) at += await file.write(piece.subarray(at));
    }
    const sha256 = hash.digest("hex");
    if (expected !== undefined && expected !== sha256) return undefined;
    const blob = new StoredBlob(path, byteLength, sha256);
    this.#blobs.set(sha256, blob);
    return blob;
  }
}

/** What Git calls content: the SHA-1 of a short header and the bytes. */
export function gitSha1(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");
}

/** The text that stands in Git for a large file. */
export function lfsPointer(sha256: string, byteLength: number): Uint8Array {
  return new TextEncoder().encode(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${byteLength}\n`,
  );
}

/** What Xet calls content. The real hash goes by its chunks; that there is one is all that counts. */
export function xetHashOf(sha256: string): string {
  return createHash("sha256").update(`xet ${sha256}`).digest("hex");
}
