/**
 * Reading files: byte ranges, whole texts and folder listings, with coded errors.
 *
 * Calls are synchronous inside: for local files that is several times as fast as asynchronous
 * reads, and callers that read much give way to other events in between.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";

/** What is known about a path that exists; symlinks are followed. */
export interface PathStatus {
  /** Whether it is a regular file, a folder or something else (a device, a pipe). */
  readonly kind: "file" | "folder" | "other";
  /** Length in bytes. */
  readonly byteLength: number;
  /** Time of the last change, in milliseconds; 0 where unknown. */
  readonly modified: number;
  /** Device and inode: equal for two names of one file; undefined where the system has none. */
  readonly identity: string | undefined;
}

function toStatus(info: Deno.FileInfo): PathStatus {
  return {
    kind: info.isFile ? "file" : info.isDirectory ? "folder" : "other",
    byteLength: info.size,
    modified: info.mtime?.getTime() ?? 0,
    identity: info.ino === null ? undefined : `${info.dev}:${info.ino}`,
  };
}

/** Turns an error of the system while reading `path` into a coded one. */
function readError(path: string, error: unknown): TinygraftError {
  if (error instanceof TinygraftError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return new TinygraftError(
      `Cannot read "${path}": there is no such file or folder: check the path`,
      { code: "not-found", path, cause: error },
    );
  }
  return new TinygraftError(`Cannot read "${path}": ${message}`, {
    code: "unreadable",
    path,
    cause: error,
  });
}

/**
 * Looks up a path, following symlinks.
 *
 * @param path The path.
 * @returns Its status, or undefined where nothing is there.
 * @throws {TinygraftError} with `unreadable` when the system refuses to tell.
 */
export function statPath(path: string): PathStatus | undefined {
  try {
    return toStatus(Deno.statSync(path));
  } catch (error) {
    const coded = readError(path, error);
    if (coded.code === "not-found") return undefined;
    throw coded;
  }
}

/**
 * Tells whether a path is itself a symlink, also one that leads nowhere.
 *
 * @param path The path.
 * @returns False for anything else, and where nothing is there.
 * @throws {TinygraftError} with `unreadable` when the system refuses to tell.
 */
export function isSymlink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    const coded = readError(path, error);
    if (coded.code === "not-found") return false;
    throw coded;
  }
}

/**
 * Follows every symlink of a path.
 *
 * @param path A path that exists.
 * @returns The absolute path without symlinks.
 * @throws {TinygraftError} with `not-found` when nothing is there, a dangling symlink included.
 */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/**
 * Lists the names of a folder.
 *
 * @param path The folder.
 * @returns Every name, sorted.
 * @throws {TinygraftError} with `not-found` or `unreadable`.
 */
export function listFolder(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  } catch (error) {
    throw readError(path, error);
  }
}

/** A regular file, read by range; notices when the file changes under the reader. */
export class FileSource implements ByteSource {
  /** The path as given to `open`. */
  readonly path: string;
  /** Length of the file when it was opened, in bytes. */
  readonly byteLength: number;
  /** Time of the last change when it was opened, in milliseconds. */
  readonly modified: number;
  readonly #file: Deno.FsFile;
  #closed = false;

  private constructor(path: string, file: Deno.FsFile, status: PathStatus) {
    this.path = path;
    this.#file = file;
    this.byteLength = status.byteLength;
    this.modified = status.modified;
  }

  /**
   * Opens a file for reading; it is never opened for writing.
   *
   * @param path The file.
   * @returns The source; the caller closes it.
   * @throws {TinygraftError} with `not-found` when nothing is there, `unreadable` when it is no
   * regular file or may not be read.
   */
  static open(path: string): FileSource {
    const status = statPath(path);
    if (status !== undefined && status.kind !== "file") {
      // Checked before opening: to open a pipe would wait for its writer.
      throw new TinygraftError(
        `Cannot read "${path}": it is ${status.kind === "folder" ? "a folder" : "a device"}, ` +
          "expected a regular file",
        { code: "unreadable", path },
      );
    }
    try {
      const file = Deno.openSync(path, { read: true });
      return new FileSource(path, file, toStatus(file.statSync()));
    } catch (error) {
      throw readError(path, error);
    }
  }

  /**
   * Reads the half-open range `[begin, end)`, whole or not at all.
   *
   * @param begin First byte.
   * @param end The byte after the last.
   * @returns A new buffer that the caller owns.
   * @throws {TinygraftError} with `changed-while-open` when the file has become shorter,
   * `unreadable` when the system refuses or the range is beyond the file.
   */
  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
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
  readInto(begin: number, target: Uint8Array): Promise<void> {
    try {
      this.#fill(begin, target);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(readError(this.path, error));
    }
  }

  /**
   * Fills a buffer as `readInto` does, on a thread of its own, so that the caller can do other
   * work meanwhile; worth it for large pieces only.
   *
   * @param begin First byte.
   * @param target The buffer; the caller owns it and leaves it alone meanwhile.
   * @returns When it is full; until then nothing else may be read and the source stays open.
   * @throws {TinygraftError} as `read` does.
   */
  async readAhead(begin: number, target: Uint8Array): Promise<void> {
    try {
      this.#seek(begin, target);
      for (let filled = 0; filled < target.byteLength;) {
        const count = await this.#file.read(target.subarray(filled));
        if (count === null) throw this.#changed(`it ends at byte ${begin + filled}`);
        filled += count;
      }
    } catch (error) {
      throw readError(this.path, error);
    }
  }

  #fill(begin: number, target: Uint8Array): void {
    this.#seek(begin, target);
    for (let filled = 0; filled < target.byteLength;) {
      const count = this.#file.readSync(target.subarray(filled));
      if (count === null) throw this.#changed(`it ends at byte ${begin + filled}`);
      filled += count;
    }
  }

  #seek(begin: number, target: Uint8Array): void {
    const end = begin + target.byteLength;
    if (begin < 0 || end > this.byteLength) {
      throw new TinygraftError(
        `Cannot read bytes [${begin}, ${end}) of "${this.path}": the file has ` +
          `${this.byteLength} bytes`,
        { code: "unreadable", path: this.path },
      );
    }
    this.#file.seekSync(begin, Deno.SeekMode.Start);
  }

  #changed(found: string): TinygraftError {
    return new TinygraftError(
      `Cannot go on reading "${this.path}": it changed while being read: ${found}, expected ` +
        `${this.byteLength} bytes as when it was opened: run again when nothing writes to it`,
      { code: "changed-while-open", path: this.path },
    );
  }

  /**
   * Checks that the file is as long and as old as when it was opened.
   *
   * @throws {TinygraftError} with `changed-while-open` when it is not, or when it was closed.
   */
  assertUnchanged(): void {
    if (this.#closed) throw this.#changed("it was closed");
    const { byteLength, modified } = toStatus(this.#file.statSync());
    if (byteLength !== this.byteLength) throw this.#changed(`it has ${byteLength} bytes now`);
    if (modified !== this.modified) throw this.#changed("it was written to");
  }

  /** Closes the file; calling it again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}

/**
 * Reads a whole file.
 *
 * @param path The file.
 * @returns Its bytes, which the caller owns.
 * @throws {TinygraftError} with `not-found` or `unreadable`.
 */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const source = FileSource.open(path);
  try {
    return await source.read(0, source.byteLength);
  } finally {
    source.close();
  }
}

/**
 * Reads a UTF-8 text file; a byte-order mark at its start is dropped.
 *
 * @param path The file.
 * @returns The text.
 * @throws {TinygraftError} with `not-found`, `unreadable`, or `invalid-encoding` when the bytes
 * are not UTF-8.
 */
export async function readTextFile(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TinygraftError(
      `Cannot read "${path}": its bytes are not valid UTF-8: save it as UTF-8`,
      { code: "invalid-encoding", path, cause },
    );
  }
}

/**
 * Reads a JSON file that holds one object, such as config.json.
 *
 * @param path The file.
 * @returns The object.
 * @throws {TinygraftError} as `readTextFile` does, or with `invalid-json` when the text is not
 * JSON or not an object.
 */
export async function readJsonFile(path: string): Promise<Record<string, unknown>> {
  return parseJsonObject(await readTextFile(path), path);
}

/**
 * Parses JSON text that holds one object.
 *
 * @param text The text.
 * @param path Where it is from, for messages.
 * @returns The object.
 * @throws {TinygraftError} with `invalid-json` when the text is not JSON or not an object.
 */
export function parseJsonObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TinygraftError(`Cannot read "${path}": it is not valid JSON: ${reason}`, {
      code: "invalid-json",
      path,
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TinygraftError(`Cannot read "${path}": found no JSON object, expected {…}`, {
      code: "invalid-json",
      path,
    });
  }
  return value as Record<string, unknown>;
}
