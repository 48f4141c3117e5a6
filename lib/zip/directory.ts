/**
 * The central directory of a zip archive: which members it has and where.
 *
 * Strict where archives could be read in two ways: no duplicate names, no overlapping members, no
 * bytes before or after the archive. Zip64 is understood; encryption and split archives are not.
 *
 * Source: PKWARE, APPNOTE.TXT, .ZIP File Format Specification 6.3.10, sections 4.3 to 4.5.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";

/** One member of an archive, as the central directory describes it. */
export interface ZipMember {
  /** Its name, a path with forward slashes. */
  readonly name: string;
  /** Whether its bytes stand as they are or compressed. */
  readonly method: "stored" | "deflated";
  /** Bytes in the archive. */
  readonly compressedLength: number;
  /** Bytes when decompressed. */
  readonly byteLength: number;
  /** CRC-32 of the decompressed bytes. */
  readonly crc32: number;
  /** Where its local header starts, in bytes from the start of the archive. */
  readonly headerOffset: number;
  /** The first byte that can no longer be its own: the next member or the directory. */
  readonly limit: number;
}

/** The longest directory that is read, in bytes. */
export const MAX_DIRECTORY_BYTES = 100_000_000;
/** Bytes of a local header before the name. */
export const LOCAL_HEADER_BYTES = 30;

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const ENTRY_BYTES = 46;
const SIGNATURE = { entry: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator: 0x07064b50 };
const ZIP64_EXTRA = 0x0001;
const IN_ZIP64 = 0xffffffff;
const ENCRYPTED_FLAGS = 0x2041;
/** Deflate cannot do better: 258 bytes for two bits, rounded up. */
const MAX_DEFLATE_RATIO = 1032;

interface Directory {
  readonly offset: number;
  readonly byteLength: number;
  readonly count: number;
}

type Entry = Omit<ZipMember, "limit">;

/**
 * Makes the error for a malformed archive.
 *
 * @param path The archive.
 * @param found What is wrong, and what was expected.
 * @returns An error with `invalid-zip`.
 */
export function zipError(path: string, found: string): TinygraftError {
  return new TinygraftError(`Cannot read the zip archive ${quote(path)}: ${found}`, {
    code: "invalid-zip",
    path,
  });
}

/**
 * Reads the central directory.
 *
 * @param source The archive.
 * @param path The archive's path, for messages.
 * @returns The members by name, in the order of their bytes; folders are left out.
 * @throws {TinygraftError} with `invalid-zip` when the directory is malformed or missing, as in a
 * truncated download, or describes something that is not supported.
 */
export async function readDirectory(
  source: ByteSource,
  path: string,
): Promise<Map<string, ZipMember>> {
  const directory = await findDirectory(source, path);
  const { offset, byteLength } = directory;
  const bytes = await source.read(offset, offset + byteLength);
  const entries = parseEntries(bytes, directory, path);
  entries.sort((a, b) => a.headerOffset - b.headerOffset);
  const members = new Map<string, ZipMember>();
  for (const [i, entry] of entries.entries()) {
    const limit = entries[i + 1]?.headerOffset ?? offset;
    const nameLength = new TextEncoder().encode(entry.name).byteLength;
    const end = entry.headerOffset + LOCAL_HEADER_BYTES + nameLength + entry.compressedLength;
    if (end > limit) throw zipError(path, `its member ${quote(entry.name)} overlaps the next`);
    if (members.has(entry.name)) {
      throw zipError(path, `the name ${quote(entry.name)} stands twice, expected once`);
    }
    if (!entry.name.endsWith("/")) members.set(entry.name, { ...entry, limit });
  }
  return members;
}

/** Finds the directory through the record at the archive's end. */
async function findDirectory(source: ByteSource, path: string): Promise<Directory> {
  const { byteLength } = source;
  const tailStart = Math.max(0, byteLength - END_BYTES - MAX_COMMENT_BYTES - LOCATOR_BYTES);
  const tail = viewOf(await source.read(tailStart, byteLength));
  let at = tail.byteLength - END_BYTES;
  const isEnd = (at: number) =>
    tail.getUint32(at, true) === SIGNATURE.end &&
    at + END_BYTES + tail.getUint16(at + 20, true) === tail.byteLength;
  while (at >= 0 && !isEnd(at)) at--;
  if (at < 0) {
    throw zipError(
      path,
      "it does not end with a directory, expected one: it may be truncated, so download or copy " +
        "it anew",
    );
  }
  if (tail.getUint16(at + 4, true) !== 0 || tail.getUint16(at + 6, true) !== 0) {
    throw zipError(path, "it is one part of a split archive, expected a whole one");
  }
  const hasLocator = at >= LOCATOR_BYTES &&
    tail.getUint32(at - LOCATOR_BYTES, true) === SIGNATURE.locator;
  const directory = hasLocator
    ? await readEnd64(source, path, Number(tail.getBigUint64(at - LOCATOR_BYTES + 8, true)))
    : {
      count: tail.getUint16(at + 10, true),
      byteLength: tail.getUint32(at + 12, true),
      offset: tail.getUint32(at + 16, true),
      end: tailStart + at,
    };
  if (directory.offset + directory.byteLength !== directory.end) {
    throw zipError(
      path,
      `its directory ends at byte ${directory.offset + directory.byteLength}, expected ` +
        `${directory.end}`,
    );
  }
  if (directory.byteLength > MAX_DIRECTORY_BYTES) {
    throw zipError(
      path,
      `its directory has ${directory.byteLength} bytes, expected at most ${MAX_DIRECTORY_BYTES}`,
    );
  }
  return directory;
}

/** Reads the end record of a zip64 archive, which starts at `at`. */
async function readEnd64(
  source: ByteSource,
  path: string,
  at: number,
): Promise<Directory & { end: number }> {
  if (at + END64_BYTES > source.byteLength) {
    throw zipError(path, `its zip64 record would be at byte ${at}, beyond the file`);
  }
  const record = viewOf(await source.read(at, at + END64_BYTES));
  if (record.getUint32(0, true) !== SIGNATURE.end64) {
    throw zipError(path, `found no zip64 record at byte ${at}, expected one`);
  }
  return {
    count: Number(record.getBigUint64(32, true)),
    byteLength: Number(record.getBigUint64(40, true)),
    offset: Number(record.getBigUint64(48, true)),
    end: at,
  };
}

function parseEntries(bytes: Uint8Array, { count }: Directory, path: string): Entry[] {
  const view = viewOf(bytes);
  const entries: Entry[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    if (at + ENTRY_BYTES > bytes.byteLength || view.getUint32(at, true) !== SIGNATURE.entry) {
      throw zipError(path, `found no entry at byte ${at} of its directory, expected one`);
    }
    const nameEnd = at + ENTRY_BYTES + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const end = extraEnd + view.getUint16(at + 32, true);
    if (end > bytes.byteLength) {
      throw zipError(path, `the entry at byte ${at} of its directory is truncated`);
    }
    const name = decodeName(bytes.subarray(at + ENTRY_BYTES, nameEnd), path);
    const extra = bytes.subarray(nameEnd, extraEnd);
    entries.push(parseEntry(new DataView(view.buffer, view.byteOffset + at), name, extra, path));
    at = end;
  }
  if (entries.length !== count) {
    throw zipError(path, `its directory has ${entries.length} entries, expected ${count}`);
  }
  return entries;
}

function parseEntry(view: DataView, name: string, extra: Uint8Array, path: string): Entry {
  if ((view.getUint16(8, true) & ENCRYPTED_FLAGS) !== 0) {
    throw zipError(path, `its member ${quote(name)} is encrypted`);
  }
  const code = view.getUint16(10, true);
  if (code !== 0 && code !== 8) {
    throw zipError(
      path,
      `its member ${quote(name)} is compressed by method ${code}, expected stored or deflate`,
    );
  }
  const large = zip64Values(extra);
  const take = (value: number) => value === IN_ZIP64 ? large() : value;
  // The order in which the zip64 field holds what does not fit 32 bits.
  const byteLength = take(view.getUint32(24, true));
  const compressedLength = take(view.getUint32(20, true));
  const headerOffset = take(view.getUint32(42, true));
  const entry: Entry = {
    name,
    method: code === 0 ? "stored" : "deflated",
    byteLength,
    compressedLength,
    headerOffset,
    crc32: view.getUint32(16, true),
  };
  const isPossible = code === 0
    ? byteLength === compressedLength
    : byteLength <= compressedLength * MAX_DEFLATE_RATIO;
  if (!isPossible || ![byteLength, headerOffset].every(Number.isSafeInteger)) {
    throw zipError(
      path,
      `its member ${
        quote(name)
      } claims ${byteLength} bytes in ${compressedLength}, which cannot be`,
    );
  }
  return entry;
}

/** Yields the 64-bit numbers of the zip64 extra field, one a call; NaN when there are no more. */
function zip64Values(extra: Uint8Array): () => number {
  const view = viewOf(extra);
  let at = 0;
  let end = 0;
  for (let field = 0; field + 4 <= extra.byteLength;) {
    const next = field + 4 + view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === ZIP64_EXTRA && next <= extra.byteLength) {
      [at, end] = [field + 4, next];
      break;
    }
    field = next;
  }
  return () => {
    if (at + 8 > end) return NaN;
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  };
}

function decodeName(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw zipError(path, "the name of a member is not UTF-8");
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
