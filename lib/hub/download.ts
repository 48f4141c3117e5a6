/**
 * One file of the Hub onto the disk: resumed where an earlier run stopped, checked, then named.
 *
 * @module
 */

import { InterruptedError, TinygraftError } from "../errors.ts";
import { showUrl } from "../remote/address.ts";
import type { Answer, RemoteClient, RemoteFile } from "../remote/client.ts";
import { TransientError } from "../remote/failures.ts";
import { assertNoPage } from "../remote/text.ts";
import { syncPath, writeError } from "../checkpoint/save.ts";
import { statPath } from "../checkpoint/sources.ts";
import { type Expected, FileDigest } from "./digest.ts";
import { readPieces, settle } from "./files.ts";

/** A file to fetch. */
export interface Download {
  /** Where it is. */
  readonly file: RemoteFile;
  /** What its content must be. */
  readonly expected: Expected;
  /** Where it grows; what is there already is its beginning. */
  readonly partial: string;
  /** Its name once it is whole and right. */
  readonly target: string;
  /** Stops the work. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes more are there; negative when some are thrown away. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Bytes that must have come for another round of tries after the last one failed. */
const PROGRESS_BYTES = 1 << 20;
/** Bytes after which the disk is set to work, so that it is not left with everything at the end. */
const BYTES_BETWEEN_FLUSHES = 32 << 20;
/** How often content with a wrong checksum is fetched. */
const ROUNDS = 2;

/**
 * Fetches a file. What a run that was killed has left is kept, hashed and continued.
 *
 * @param client The way to the Hub.
 * @param download What to fetch and where it goes; nothing may be at the target.
 * @returns The content's SHA-256.
 * @throws {TinygraftError} with `checksum-mismatch` when the content is not what the Hub lists,
 * `size-mismatch` or `range-ignored` for answers that do not fit, `unwritable-output`, else as
 * {@linkcode RemoteClient.get}. The bytes that came stay for the next run.
 */
export async function downloadFile(client: RemoteClient, download: Download): Promise<string> {
  const { expected, partial, target, file } = download;
  try {
    for (let round = 1;; round++) {
      const growing = await GrowingFile.open(download);
      try {
        await fetchRest(client, download, growing);
      } finally {
        await growing.close();
      }
      const { sha256, isRight } = growing.digest.finish();
      if (isRight) {
        await settle(partial, target);
        return sha256;
      }
      // The start may be from a run whose machine went down, so one more try from the first byte.
      await Deno.remove(partial);
      download.onBytes?.(-expected.byteLength);
      if (round === ROUNDS) throw wrongChecksum(file.path);
    }
  } catch (error) {
    throw writeError(partial, error);
  }
}

function wrongChecksum(path: string): TinygraftError {
  return new TinygraftError(
    `Cannot pull "${path}": its content has another checksum than the Hub lists, after two tries: ` +
      "check the network and any proxy",
    { code: "checksum-mismatch", path },
  );
}

/** A file on the disk that grows, with the checksums of what it holds. */
class GrowingFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #onBytes: (bytes: number) => void;
  #unflushed = 0;
  #flushing: Promise<void> | undefined;
  digest: FileDigest;
  byteLength = 0;

  private constructor(file: Deno.FsFile, { partial, expected, onBytes = () => {} }: Download) {
    this.#file = file;
    this.#path = partial;
    this.#onBytes = onBytes;
    this.digest = new FileDigest(expected);
  }

  static async open(download: Download): Promise<GrowingFile> {
    const { partial, expected, signal } = download;
    const file = await Deno.open(partial, { write: true, create: true });
    const growing = new GrowingFile(file, download);
    const held = statPath(partial)?.byteLength ?? 0;
    if (held > expected.byteLength) {
      file.truncateSync(0);
      return growing;
    }
    for await (const piece of readPieces(partial, { signal })) growing.#count(piece);
    file.seekSync(growing.byteLength, Deno.SeekMode.Start);
    return growing;
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) at += this.#file.writeSync(bytes.subarray(at));
    this.#count(bytes);
    this.#unflushed += bytes.byteLength;
    if (this.#unflushed < BYTES_BETWEEN_FLUSHES || this.#flushing !== undefined) return;
    this.#unflushed = 0;
    this.#flushing = syncPath(this.#path).finally(() => this.#flushing = undefined);
  }

  #count(bytes: Uint8Array): void {
    this.digest.update(bytes);
    this.byteLength += bytes.byteLength;
    this.#onBytes(bytes.byteLength);
  }

  /** Begins again. */
  clear(): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.digest = new FileDigest(this.digest.expected);
    this.#onBytes(-this.byteLength);
    this.byteLength = 0;
  }

  async close(): Promise<void> {
    await this.#flushing;
    this.#file.close();
  }
}

async function fetchRest(
  client: RemoteClient,
  { file, expected, signal }: Download,
  growing: GrowingFile,
): Promise<void> {
  const request = () => ({
    url: file.url,
    headers: growing.byteLength > 0 ? { "range": `bytes=${growing.byteLength}-` } : {},
    accept: growing.byteLength > 0 ? [200, 206, 416] : [200],
  });
  while (growing.byteLength < expected.byteLength) {
    const before = growing.byteLength;
    try {
      await client.get(file.path, request, (answer) => receive(answer, file, expected, growing));
    } catch (error) {
      // As long as each round of tries brings the file on, a bad line is only slow.
      const isBetter = growing.byteLength >= before + PROGRESS_BYTES;
      if (!(error instanceof TransientError) || !isBetter) throw error;
    }
    if (signal?.aborted) throw new InterruptedError();
  }
}

async function receive(
  answer: Answer,
  { path }: RemoteFile,
  { byteLength }: Expected,
  growing: GrowingFile,
): Promise<void> {
  assertNoPage(answer, path);
  if (answer.status === 206) checkRange(answer, path, growing.byteLength, byteLength);
  else if (growing.byteLength > 0) growing.clear(); // all of it comes once more, or it is shorter
  while (answer.status !== 416) {
    const piece = await answer.body.next();
    if (piece === undefined) break;
    if (piece.byteLength > byteLength - growing.byteLength) {
      throw new TinygraftError(
        `Cannot pull "${path}": ${showUrl(answer.url)} sent more than the ${byteLength} bytes ` +
          "that the Hub lists: try again later",
        { code: "size-mismatch", path },
      );
    }
    growing.append(piece);
  }
  if (growing.byteLength === byteLength) return;
  throw new TransientError(
    `Cannot pull "${path}": ${showUrl(answer.url)} sent ${growing.byteLength} bytes, expected ` +
      `${byteLength} as the Hub lists: try again later`,
    { code: "size-mismatch", path },
  );
}

function checkRange({ headers, url }: Answer, path: string, begin: number, end: number): void {
  const found = headers.get("content-range") ?? "none";
  if (found === `bytes ${begin}-${end - 1}/${end}`) return;
  throw new TinygraftError(
    `Cannot pull "${path}": ${showUrl(url)} sent the Content-Range ` +
      `${JSON.stringify(found.slice(0, 100))}, expected bytes ${begin} to ${end - 1} of ${end}: ` +
      "try again later",
    { code: "range-ignored", path },
  );
}
