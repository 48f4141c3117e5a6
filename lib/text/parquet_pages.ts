/**
 * Looks through the pages of a Parquet column before a library decodes them.
 *
 * A few bytes of a page can stand for billions of values, by design or by damage; decoding would then
 * take minutes, or all memory. Here only counts and lengths are read, and what goes beyond the bounds
 * is refused. All else that may be wrong with a page the library finds itself.
 *
 * The format: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 *
 * @module
 */

import type { PageHeader } from "hyparquet";
import type { ByteSource } from "../tensor/byte_source.ts";

/** Values of one column in a row group at most; writers make groups of a million rows or less. */
export const MAX_VALUES: number = 1 << 24;
/** One page of one column at most, when it is unpacked, and so are its values joined, in bytes. */
export const MAX_PAGE_BYTES: number = 256 * 1024 * 1024;
/** Differences in a block at most; writers use 128. */
const MAX_BLOCK = 1 << 16;

/** A column's part of one row group, as the footer has it. */
export interface PageColumn {
  /** How pages are packed, such as `SNAPPY`. */
  readonly codec: string;
  /** How many values it has, nulls among them. */
  readonly "num_values": bigint;
  /** Its length in the file, in bytes. */
  readonly "total_compressed_size": bigint;
  /** Where its first page of data begins. */
  readonly "data_page_offset": bigint;
  /** Where its words begin, if it has any. */
  readonly "dictionary_page_offset"?: bigint;
}

/** The deepest repetition and definition of a column's values: how often it repeats and may be null. */
export interface PageLevels {
  /** The deepest repetition; 0 where there is one value a row. */
  readonly repetition: number;
  /** The deepest definition; 0 where every row has a value. */
  readonly definition: number;
}

/** What unpacks pages and makes errors. */
export interface PageTools {
  /** Unpacks a page, none beyond the bound, by the name of the compression. */
  readonly compressors: Readonly<
    Record<string, ((bytes: Uint8Array, length: number) => Uint8Array) | undefined>
  >;
  /** Makes the error for what is wrong. */
  readonly refuse: (found: string) => Error;
}

/** The part of the library that reads headers and differences; loaded with it. */
interface Library {
  readonly parquetHeader: (reader: Reader) => PageHeader;
  readonly readVarInt: (reader: Reader) => number;
  readonly deltaBinaryUnpack: (reader: Reader, count: number, output: Int32Array) => void;
}

/** A place in bytes. */
interface Reader {
  readonly view: DataView<ArrayBuffer>;
  offset: number;
}

/**
 * Looks through the pages of a column.
 *
 * @param source The file.
 * @param meta The column's part of a row group.
 * @param levels How deep its values are nested.
 * @param tools What unpacks pages and makes errors.
 * @throws What `refuse` makes, for a count or length beyond its bound; what the library throws for
 * pages that end too early.
 */
export async function checkPages(
  source: ByteSource,
  meta: PageColumn,
  levels: PageLevels,
  tools: PageTools,
): Promise<void> {
  const library: Library = {
    ...await import("hyparquet/src/column.js"),
    ...await import("hyparquet/src/thrift.js"),
    ...await import("hyparquet/src/delta.js"),
  };
  const begin = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const end = begin + Number(meta.total_compressed_size);
  if (!(begin >= 0 && begin <= end && end <= source.byteLength)) {
    throw tools.refuse(`a column's bytes are ${begin} to ${end} of ${source.byteLength}`);
  }
  const { buffer } = await source.read(begin, end);
  const reader = readerOf(new Uint8Array(buffer));
  const pages = new Pages(meta, levels, tools, library);
  while (reader.offset < reader.view.byteLength - 1) pages.check(reader);
}

function readerOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Reader {
  return { view: new DataView(buffer, byteOffset, byteLength), offset: 0 };
}

class Pages {
  #values = 0;

  constructor(
    readonly meta: PageColumn,
    readonly levels: PageLevels,
    readonly tools: PageTools,
    readonly library: Library,
  ) {}

  /** Looks through one page; the reader goes to its end. */
  check(reader: Reader): void {
    const header = this.library.parquetHeader(reader);
    const packed = this.#bounded(header.compressed_page_size, "a page's length", MAX_PAGE_BYTES);
    const length = this.#bounded(header.uncompressed_page_size, "a page's length", MAX_PAGE_BYTES);
    const { buffer, byteOffset } = reader.view;
    const bytes = new Uint8Array(buffer, byteOffset + reader.offset, packed);
    reader.offset += packed;
    const { data_page_header: first, data_page_header_v2: second, dictionary_page_header: words } =
      header;
    if (words !== undefined) this.#bounded(words.num_values, "a count of words", MAX_VALUES);
    if (first !== undefined) {
      const count = this.#count(first.num_values);
      const { repetition, definition } = this.levels;
      const values = readerOf(this.#unpack(bytes, length));
      for (const deepest of [repetition, definition]) {
        if (deepest > 0) this.#checkRuns(values, count, bitsOf(deepest), undefined);
      }
      this.#checkValues(values, first.encoding, count);
    }
    if (second === undefined) return;
    const count = this.#count(second.num_values);
    this.#bounded(second.num_nulls, "a page's count of nulls", count);
    const { repetition_levels_byte_length: one, definition_levels_byte_length: two } = second;
    const levels = this.#bounded(one, "levels", length) + this.#bounded(two, "levels", length);
    this.#checkLevels(bytes, count, [one, two]);
    const rest = bytes.subarray(levels);
    const page = second.is_compressed === false ? rest : this.#unpack(rest, length - levels);
    this.#checkValues(readerOf(page), second.encoding, count);
  }

  #bounded(value: number | undefined, what: string, most: number): number {
    if (value !== undefined && Number.isInteger(value) && value >= 0 && value <= most) return value;
    throw this.tools.refuse(`${what} is ${value}, out of 0 to ${most}`);
  }

  /** Takes a page's values; all of them are as many as the footer says at most. */
  #count(value: number): number {
    const most = Math.min(MAX_VALUES, Number(this.meta.num_values)) - this.#values;
    const count = this.#bounded(value, "a page's count of values", most);
    this.#values += count;
    return count;
  }

  #unpack(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
    const { codec } = this.meta;
    if (codec === "UNCOMPRESSED" || length === 0) return bytes;
    const unpack = this.tools.compressors[codec];
    if (unpack === undefined) throw this.tools.refuse(`its compression is ${codec}`);
    return new Uint8Array(unpack(bytes, length));
  }

  #checkLevels(
    bytes: Uint8Array<ArrayBuffer>,
    count: number,
    [one, two]: readonly [number, number],
  ): void {
    const { repetition, definition } = this.levels;
    const reader = readerOf(bytes);
    if (repetition > 0) this.#checkRuns(reader, count, bitsOf(repetition), one);
    reader.offset = one;
    if (definition > 0) this.#checkRuns(reader, count, bitsOf(definition), two);
  }

  #checkValues(reader: Reader, encoding: string, count: number): void {
    if (encoding.endsWith("_DICTIONARY")) {
      if (count === 0) return;
      const bits = reader.view.getUint8(reader.offset++);
      this.#checkRuns(reader, count, bits, reader.view.byteLength - reader.offset);
    } else if (encoding === "RLE") {
      this.#checkRuns(reader, count, 1, undefined);
    } else if (encoding === "DELTA_BYTE_ARRAY") {
      this.#checkJoined(reader, count);
    } else if (encoding.startsWith("DELTA_")) {
      this.#checkBlocks(reader);
    }
  }

  /**
   * Runs of equal values and of packed ones, which may be longer than all memory. They may go on
   * beyond the values, of which nulls are not known here, but not beyond the bound.
   */
  #checkRuns(reader: Reader, count: number, bits: number, length: number | undefined): void {
    const { readVarInt } = this.library;
    const { view } = reader;
    const own = length ?? view.getUint32(reader.offset, true);
    if (length === undefined) reader.offset += 4;
    const end = Math.min(reader.offset + own, view.byteLength);
    const begin = reader.offset;
    for (let seen = 0; seen < count && reader.offset < end;) {
      const header = readVarInt(reader) >>> 0;
      const run = (header & 1) === 1 ? (header >>> 1) * 8 : header >>> 1;
      seen += this.#bounded(run, "a run of values", MAX_VALUES);
      reader.offset += (header & 1) === 1 ? (header >>> 1) * bits : (bits + 7) >> 3;
    }
    reader.offset = begin + own;
  }

  /** The sizes of blocks of differences; the reader stays where it was. */
  #checkBlocks(reader: Reader): void {
    const { readVarInt } = this.library;
    const ahead = { ...reader };
    const block = this.#bounded(readVarInt(ahead), "a block of differences", MAX_BLOCK);
    const parts = this.#bounded(readVarInt(ahead), "a count of small blocks", block);
    if (parts === 0) throw this.tools.refuse("a block of differences has no parts");
  }

  /** Texts that begin like the one before: together they may be far longer than the page. */
  #checkJoined(reader: Reader, count: number): void {
    const lengths = [new Int32Array(count), new Int32Array(count)];
    if (count === 0) return;
    for (const each of lengths) {
      this.#checkBlocks(reader);
      this.library.deltaBinaryUnpack(reader, count, each);
    }
    let total = 0;
    for (const each of lengths) for (const length of each) total += length < 0 ? Infinity : length;
    this.#bounded(total, "the length of a page's texts", MAX_PAGE_BYTES);
  }
}

/** Bits that tell the levels from 0 to the deepest apart. */
function bitsOf(deepest: number): number {
  return 32 - Math.clz32(deepest);
}
