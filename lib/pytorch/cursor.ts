/**
 * Reads the pieces of a pickle: lengths are checked against what is there before anything is made.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** The longest line of a text opcode, in bytes: names and decimal integers. */
const MAX_LINE_BYTES = 10_000;
/** The longest integer, in bytes: PyTorch's largest has ten. */
const MAX_INTEGER_BYTES = 64;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Thrown where a pickle goes on beyond the bytes at hand; with more it might be whole. */
export class TruncatedPickleError extends TinygraftError {
  /** The class's name. */
  override name = "TruncatedPickleError";
}

/** A position in a pickle's bytes. */
export class PickleCursor {
  /** The next byte. */
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #path: string;

  /**
   * Creates the cursor.
   *
   * @param bytes The pickle and what may follow it.
   * @param at Where it starts.
   * @param path The file, for messages.
   */
  constructor(bytes: Uint8Array, at: number, path: string) {
    this.at = at;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
  }

  /** Makes an error about the pickle. */
  error(
    found: string,
    code: "invalid-pickle" | "unsafe-pickle" = "invalid-pickle",
  ): TinygraftError {
    return new TinygraftError(`Cannot read ${quote(this.#path)}: ${found}`, {
      code,
      path: this.#path,
    });
  }

  /** Reads an unsigned integer of 1, 2 or 4 bytes, little-endian. */
  uint(width: 1 | 2 | 4): number {
    const at = this.#skip(width);
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  /** Reads a signed integer of 4 bytes, little-endian. */
  int32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /** Reads a length of 8 bytes; one that no buffer can have is refused. */
  length64(): number {
    const length = this.#view.getBigUint64(this.#skip(8), true);
    if (length > Number.MAX_SAFE_INTEGER) {
      throw this.error(`its pickle claims a value of ${length} bytes`, "unsafe-pickle");
    }
    return Number(length);
  }

  /** Steps over bytes that do not matter. */
  skip(length: number): void {
    this.#skip(length);
  }

  /** Reads text of a length in bytes, in UTF-8; lone surrogates could not be written again. */
  text(length: number): string {
    const at = this.#skip(length);
    return this.#decode(this.#bytes.subarray(at, at + length));
  }

  /** Reads the rest of a line, without its end. */
  line(): string {
    const window = this.#bytes.subarray(this.at, this.at + MAX_LINE_BYTES);
    const length = window.indexOf(0x0a);
    if (length < 0 && window.length === MAX_LINE_BYTES) {
      throw this.error(
        `its pickle has a line of more than ${MAX_LINE_BYTES} bytes`,
        "unsafe-pickle",
      );
    }
    if (length < 0) throw this.#truncated();
    this.at += length + 1;
    return this.#decode(window.subarray(0, length));
  }

  /** Reads an integer in two's complement of a length in bytes, little-endian. */
  long(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) {
      throw this.error(`its pickle claims an integer of ${length} bytes`, "unsafe-pickle");
    }
    const at = this.#skip(length);
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(this.#view.getUint8(at + i)) << BigInt(8 * i);
    return plainInteger(length === 0 ? 0n : BigInt.asIntN(8 * length, value));
  }

  #decode(bytes: Uint8Array): string {
    try {
      return DECODER.decode(bytes);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw this.error("its pickle holds text that is not UTF-8");
    }
  }

  #skip(length: number): number {
    const { at } = this;
    if (length > this.#bytes.length - at) throw this.#truncated();
    this.at += length;
    return at;
  }

  #truncated(): TruncatedPickleError {
    return new TruncatedPickleError(
      `Cannot read ${quote(this.#path)}: its pickle goes on beyond byte ${this.#bytes.length}, ` +
        "expected its end before: the file may be truncated, so download or copy it anew",
      { code: "invalid-pickle", path: this.#path },
    );
  }
}

/** A number where it is exact, else a bigint. */
export function plainInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
