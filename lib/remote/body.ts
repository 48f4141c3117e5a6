/**
 * An answer's body, read piece by piece within a time limit.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { TransientError } from "./failures.ts";

/** The bytes of an answer. */
export interface Body {
  /**
   * Waits for the next bytes.
   *
   * @returns At least one byte; `undefined` at the end.
   * @throws {TransientError} when the connection breaks or stays silent too long.
   */
  next(): Promise<Uint8Array | undefined>;
  /**
   * Reads the rest.
   *
   * @param limit The most bytes to take.
   * @returns All bytes that were left.
   * @throws {TinygraftError} with `unexpected-answer` when there are more; as `next` does.
   */
  all(limit: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A response's body that gives up after a silence. */
export class TimedBody implements Body {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #options: { readonly path: string; readonly timeout: number };

  /**
   * Takes a response over.
   *
   * @param response The response, its body unread.
   * @param options What is read, for errors, and the longest silence in milliseconds.
   */
  constructor(
    response: Response,
    options: { readonly path: string; readonly timeout: number },
  ) {
    this.#reader = response.body?.getReader();
    this.#options = options;
  }

  /** Waits for the next bytes. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) return undefined;
    const { path, timeout } = this.#options;
    const fail = (found: string) =>
      new TransientError(`Cannot read "${path}": ${found}: check the network`, {
        code: "hub-unavailable",
        path,
      });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      const found = `no byte came for ${timeout / 1000} s`;
      timer = setTimeout(() => reject(fail(found)), timeout);
    });
    try {
      for (;;) {
        const { done, value } = await Promise.race([this.#reader.read(), silence]);
        if (done) return undefined;
        if (value.byteLength > 0) return value;
      }
    } catch (error) {
      if (error instanceof TinygraftError) throw error;
      throw fail("the connection broke off");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads the rest. */
  async all(limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let byteLength = 0;
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) {
      byteLength += piece.byteLength;
      if (byteLength > limit) {
        const { path } = this.#options;
        throw new TinygraftError(
          `Cannot read "${path}": the answer has over ${limit} bytes, expected fewer`,
          { code: "unexpected-answer", path },
        );
      }
      pieces.push(piece);
    }
    const bytes = new Uint8Array(byteLength);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.byteLength;
    }
    return bytes;
  }

  /** Drops what has not been read. */
  async drop(): Promise<void> {
    try {
      await this.#reader?.cancel();
    } catch {
      // The connection is broken already; whoever read from it knows.
    }
  }
}
