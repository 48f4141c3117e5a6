/**
 * A zip archive as a set of byte sources.
 *
 * @module
 */

import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import { checkRange, SliceSource } from "../tensor/slice_source.ts";
import { crc32 } from "./crc32.ts";
import { LOCAL_HEADER_BYTES, readDirectory, zipError, type ZipMember } from "./directory.ts";
import { InflateSource } from "./inflate.ts";

const LOCAL_SIGNATURE = 0x04034b50;

/** How a member is opened. */
export interface MemberOptions {
  /**
   * Whether to compare the checksum of a stored member when it is read from its start to its end
   * in one pass. PyTorch can be told to leave it wrong; a deflated member is always compared.
   */
  readonly isChecked?: boolean;
}

/** An open archive; it does not own its source. */
export class ZipArchive {
  /** The archive's path, for messages. */
  readonly path: string;
  /** The members by name, in the order of their bytes; folders are left out. */
  readonly members: ReadonlyMap<string, ZipMember>;
  readonly #source: ByteSource;
  readonly #inflating: InflateSource[] = [];

  private constructor(
    source: ByteSource,
    path: string,
    members: ReadonlyMap<string, ZipMember>,
  ) {
    this.#source = source;
    this.path = path;
    this.members = members;
  }

  /**
   * Reads an archive's directory.
   *
   * @param source The archive's bytes; they stay the caller's.
   * @param path Its path, for messages.
   * @returns The archive; the caller closes it.
   * @throws {TinygraftError} with `invalid-zip`.
   */
  static async open(source: ByteSource, path: string): Promise<ZipArchive> {
    return new ZipArchive(source, path, await readDirectory(source, path));
  }

  /**
   * Opens a member.
   *
   * @param name Its name.
   * @param options Whether its checksum counts.
   * @returns Its decompressed bytes, owned by the archive.
   * @throws {TinygraftError} with `invalid-zip` when there is none, or its own header disagrees
   * with the directory.
   */
  async member(name: string, options: MemberOptions = {}): Promise<ByteSource> {
    const member = this.members.get(name);
    if (member === undefined) throw zipError(this.path, `found no member ${quote(name)}`);
    const start = await this.#dataStart(member);
    const end = start + member.compressedLength;
    if (end > member.limit) {
      throw zipError(this.path, `its member ${quote(name)} overlaps the next`);
    }
    const data = new SliceSource(this.#source, start, end);
    if (member.method === "stored") {
      return options.isChecked ? new CheckedSource(data, member, this.path) : data;
    }
    const inflating = new InflateSource(data, member, this.path);
    this.#inflating.push(inflating);
    return inflating;
  }

  /** Reads the local header, whose padding only it knows. */
  async #dataStart({ name, headerOffset, limit }: ZipMember): Promise<number> {
    const nameBytes = new TextEncoder().encode(name);
    const nameEnd = LOCAL_HEADER_BYTES + nameBytes.byteLength;
    const available = Math.min(limit, headerOffset + nameEnd);
    const bytes = await this.#source.read(headerOffset, available);
    const view = new DataView(bytes.buffer);
    const isSame = bytes.byteLength === nameEnd &&
      view.getUint32(0, true) === LOCAL_SIGNATURE &&
      view.getUint16(26, true) === nameBytes.byteLength &&
      nameBytes.every((byte, i) => bytes[LOCAL_HEADER_BYTES + i] === byte);
    if (!isSame) {
      throw zipError(
        this.path,
        `found another header than its directory says for member ${quote(name)}`,
      );
    }
    return headerOffset + nameEnd + view.getUint16(28, true);
  }

  /** Lets go of all decompressors. */
  close(): void {
    for (const inflating of this.#inflating) void inflating.close();
  }
}

/** A stored member whose checksum is compared once it has been read in order. */
class CheckedSource implements ByteSource {
  readonly byteLength: number;
  readonly #data: ByteSource;
  readonly #member: ZipMember;
  readonly #path: string;
  #checked = 0;
  #checksum = 0;

  constructor(data: ByteSource, member: ZipMember, path: string) {
    this.byteLength = data.byteLength;
    this.#data = data;
    this.#member = member;
    this.#path = path;
  }

  async read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(end - begin);
    await this.readInto(begin, target);
    return target;
  }

  async readInto(begin: number, target: Uint8Array): Promise<void> {
    checkRange(this, begin, target.byteLength);
    await this.#data.readInto(begin, target);
    if (begin > this.#checked || begin + target.byteLength <= this.#checked) return;
    const checksum = crc32(target.subarray(this.#checked - begin), this.#checksum);
    const checked = begin + target.byteLength;
    if (checked === this.byteLength && checksum !== this.#member.crc32) {
      throw zipError(
        this.#path,
        `the checksum of member ${quote(this.#member.name)} is wrong: download or copy it anew`,
      );
    }
    [this.#checked, this.#checksum] = [checked, checksum];
  }
}
