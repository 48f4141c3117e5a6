/**
 * A file on a server, read by ranges.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { showUrl } from "./address.ts";
import type { Answer, RemoteClient, RemoteFile } from "./client.ts";
import { assertNoPage } from "./text.ts";
import { TransientError } from "./failures.ts";

/** Bytes of the first request: the whole header of nearly every file, or all of a small file. */
export const HEAD_BYTES = 128 * 1024;
/** Bytes that a small read fetches at least: its neighbours are likely to be wanted next. */
const LEAST_FETCH = 64 * 1024;
/** From here on a read is fetched by itself; reading ahead would gain nothing. */
const LARGE_READ = 1024 * 1024;

/** Where the header of a safetensors file stands, behind its length. */
const HEADER_START = 8;
/** The longest header that is kept; files are often looked at more than once. */
const LONGEST_KEPT_HEADER = 16 * 1024 * 1024;

/** What one answer says about the file. */
interface RangeAnswer {
  readonly byteLength: number;
  /** Differs when the content does; `undefined` where the server gives none. */
  readonly version: string | undefined;
}

/** Bytes of the file from `begin` on. */
interface Window {
  readonly begin: number;
  readonly bytes: Uint8Array;
}

const NOTHING: Window = { begin: 0, bytes: new Uint8Array(0) };

/**
 * A file on a server. The head of the file comes with the first request and is kept, as is a
 * longer header; small reads fetch some bytes more than asked, at most 1 MiB, so that a run of
 * them costs few requests.
 */
export class HttpSource implements ByteSource {
  /** The file's address as it may be shown. */
  readonly path: string;
  /** Length of the file, in bytes. */
  readonly byteLength: number;
  readonly #client: RemoteClient;
  readonly #url: URL;
  readonly #version: string | undefined;
  #head: Window;
  #window = NOTHING;
  /** Where the last fetch ended, and how much to fetch if the next goes on from there. */
  #next = { begin: -1, ahead: LEAST_FETCH };
  /** Where redirects led; storage behind a redirect answers for a while without it. */
  #direct: URL | undefined;

  private constructor(
    client: RemoteClient,
    file: RemoteFile,
    answer: RangeAnswer,
    head: Uint8Array,
    direct: URL,
  ) {
    this.path = file.path;
    this.#url = file.url;
    this.#client = client;
    this.byteLength = answer.byteLength;
    this.#version = answer.version;
    this.#head = { begin: 0, bytes: head };
    this.#direct = direct;
  }

  /**
   * Opens a file with one request, which also brings its first bytes.
   *
   * @param client The way to the server.
   * @param file Where it is.
   * @returns The source; nothing need be closed.
   * @throws {TinygraftError} with `range-ignored` when the server cannot send ranges,
   * `size-mismatch` when it sends fewer bytes than it announces, else as
   * {@linkcode RemoteClient.get}.
   */
  static async open(client: RemoteClient, file: RemoteFile): Promise<HttpSource> {
    const request = () => ({
      url: file.url,
      headers: { "range": `bytes=0-${HEAD_BYTES - 1}` },
      accept: [200, 206, 416],
    });
    return await client.get(file.path, request, async (answer) => {
      const empty = answer.status === 416 && answer.headers.get("content-range") === "bytes */0";
      const found = empty
        ? { byteLength: 0, version: versionOf(answer) }
        : checkRange(answer, file.path, 0, HEAD_BYTES);
      const head = new Uint8Array(Math.min(HEAD_BYTES, found.byteLength));
      if (!empty) await fill(answer, file.path, head, () => {});
      return new HttpSource(client, file, found, head, answer.url);
    });
  }

  /**
   * Reads the half-open range `[begin, end)`, whole or not at all.
   *
   * @param begin First byte.
   * @param end The byte after the last.
   * @returns A new buffer that the caller owns.
   * @throws {TinygraftError} with `unreadable` for a range beyond the file, `changed-while-open`
   * when the file is another than when it was opened, else as `open` does.
   */
  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#checkBounds(begin, end);
    const target = new Uint8Array(end - begin);
    await this.readInto(begin, target);
    return target;
  }

  /**
   * Fills a buffer with the bytes from `begin` on, whole or not at all.
   *
   * @param begin First byte.
   * @param target The buffer; the caller owns it.
   * @throws {TinygraftError} as `read` does.
   */
  async readInto(begin: number, target: Uint8Array): Promise<void> {
    const end = begin + target.byteLength;
    this.#checkBounds(begin, end);
    let at = begin;
    for (const window of [this.#head, this.#window]) {
      at += copyFrom(window, at, target.subarray(at - begin));
    }
    const rest = target.subarray(at - begin);
    if (begin === HEADER_START) {
      if (rest.byteLength > 0) await this.#fetch(at, rest);
      this.#keepHeader(target);
      return;
    }
    if (rest.byteLength === 0) return;
    if (rest.byteLength >= LARGE_READ) {
      await this.#fetch(at, rest);
      this.#next = { begin: end, ahead: LARGE_READ };
      this.#window = NOTHING;
      return;
    }
    const ahead = at === this.#next.begin
      ? Math.min(LARGE_READ, 2 * this.#next.ahead)
      : LEAST_FETCH;
    const fetchEnd = Math.min(this.byteLength, at + Math.max(rest.byteLength, ahead));
    const window = { begin: at, bytes: new Uint8Array(fetchEnd - at) };
    await this.#fetch(at, window.bytes);
    this.#next = { begin: fetchEnd, ahead };
    this.#window = window;
    copyFrom(window, at, rest);
  }

  /** Lets go of bytes read ahead; the source can still be read. */
  close(): void {
    this.#window = NOTHING;
  }

  /** Of a file that is longer than its head only the header is kept: there may be many shards. */
  #keepHeader(header: Uint8Array): void {
    if (this.byteLength <= HEAD_BYTES || header.byteLength > LONGEST_KEPT_HEADER) return;
    const bytes = new Uint8Array(HEADER_START + header.byteLength);
    bytes.set(this.#head.bytes.subarray(0, HEADER_START));
    bytes.set(header, HEADER_START);
    this.#head = { begin: 0, bytes };
  }

  #checkBounds(begin: number, end: number): void {
    if (begin >= 0 && begin <= end && end <= this.byteLength) return;
    throw new TinygraftError(
      `Cannot read bytes [${begin}, ${end}) of "${this.path}": the file has ${this.byteLength} bytes`,
      { code: "unreadable", path: this.path },
    );
  }

  /** Fetches one range; after a broken connection only what is still missing. */
  async #fetch(begin: number, target: Uint8Array): Promise<void> {
    const end = begin + target.byteLength;
    let filled = 0;
    const request = () => ({
      url: this.#direct ?? this.#url,
      headers: { "range": `bytes=${begin + filled}-${end - 1}` },
      accept: [200, 206],
    });
    const use = async (answer: Answer) => {
      const found = checkRange(answer, this.path, begin + filled, end);
      this.#assertSame(found);
      this.#direct = answer.url;
      await fill(answer, this.path, target.subarray(filled), (count) => filled += count);
    };
    try {
      await this.#client.get(this.path, request, use);
    } catch (error) {
      // A signed address may have run out: the one given to us leads to a new one.
      const refused = error instanceof TinygraftError && EXPIRED.has(error.code);
      if (!refused || this.#direct === undefined || this.#direct.href === this.#url.href) {
        throw error;
      }
      this.#direct = undefined;
      await this.#client.get(this.path, request, use);
    }
  }

  #assertSame({ byteLength, version }: RangeAnswer): void {
    const same = byteLength === this.byteLength &&
      (version === this.#version || version === undefined || this.#version === undefined);
    if (same) return;
    const found = byteLength === this.byteLength
      ? "it has another version now"
      : `it has ${byteLength} bytes now, expected ${this.byteLength}`;
    throw new TinygraftError(
      `Cannot go on reading "${this.path}": it changed while being read: ${found}: run again`,
      { code: "changed-while-open", path: this.path },
    );
  }
}

/** How storage refuses an address whose signature has run out. */
const EXPIRED: ReadonlySet<string> = new Set([
  "hub-unauthorized",
  "hub-forbidden",
  "file-not-found",
  "unexpected-answer",
]);

/** Copies what a window holds of the bytes from `begin` on; returns how many. */
function copyFrom(window: Window, begin: number, target: Uint8Array): number {
  const from = begin - window.begin;
  if (from < 0 || from >= window.bytes.byteLength) return 0;
  const bytes = window.bytes.subarray(from, from + target.byteLength);
  target.set(bytes);
  return bytes.byteLength;
}

/** A strong ETag; weak ones, and those that differ from server to server, prove nothing. */
function versionOf({ headers }: Answer): string | undefined {
  const tag = headers.get("etag");
  return tag?.startsWith('"') ? tag : undefined;
}

/** Checks that an answer is the range `[begin, end)`, or as much of it as the file has. */
function checkRange(answer: Answer, path: string, begin: number, end: number): RangeAnswer {
  const { status, headers, url } = answer;
  const refuse = (found: string) =>
    new TinygraftError(
      `Cannot read "${path}" by ranges: ${showUrl(url)} ${found}, expected bytes ${begin} to ` +
        `${end - 1} only: download the file and give its path`,
      { code: "range-ignored", path },
    );
  assertNoPage(answer, path);
  if (status === 200) throw refuse("ignores the request for a range and sends the whole file");
  const header = headers.get("content-range");
  if (header === null) throw refuse("sent no Content-Range");
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header)?.map(Number) ?? [];
  const byteLength = total ?? NaN;
  const matches = Number.isSafeInteger(byteLength) && first === begin &&
    last === Math.min(end, byteLength) - 1;
  if (!matches) throw refuse(`sent the Content-Range ${JSON.stringify(header.slice(0, 100))}`);
  return { byteLength, version: versionOf(answer) };
}

/** Reads exactly as many bytes as the target takes; tells how many have come, as they come. */
async function fill(
  { body, url }: Answer,
  path: string,
  target: Uint8Array,
  onBytes: (count: number) => void,
): Promise<void> {
  const excess = () =>
    new TinygraftError(
      `Cannot read "${path}": ${showUrl(url)} sent more than the ${target.byteLength} bytes that ` +
        "it announced: download the file and give its path",
      { code: "size-mismatch", path },
    );
  let filled = 0;
  while (filled < target.byteLength) {
    const piece = await body.next();
    if (piece === undefined) {
      throw new TransientError(
        `Cannot read "${path}": ${showUrl(url)} sent ${filled} bytes, expected ` +
          `${target.byteLength} as it announced: try again later`,
        { code: "size-mismatch", path },
      );
    }
    if (piece.byteLength > target.byteLength - filled) throw excess();
    target.set(piece, filled);
    filled += piece.byteLength;
    onBytes(piece.byteLength);
  }
  // Reading to the very end lets the connection serve the next request.
  if (await body.next().catch(() => undefined) !== undefined) throw excess();
}
