// A small writer of zip archives, with ways to make them wrong.

import { crc32 } from "../../lib/zip/crc32.ts";

/** One member to write. */
export interface MemberSpec {
  readonly name: string;
  readonly data: Uint8Array;
  /** 0 stored (unless given), 8 deflated. */
  readonly method?: number;
  readonly flags?: number;
  /** What the directory claims instead of the truth. */
  readonly claims?: {
    readonly crc32?: number;
    readonly byteLength?: number;
    readonly compressedLength?: number;
    readonly headerOffset?: number;
  };
  /** The name in the local header, where it differs. */
  readonly localName?: string;
  /** Bytes of padding in the local header. */
  readonly padding?: number;
}

/** How the archive is written. */
export interface ZipSpec {
  /** Whether lengths, offsets and the end record are in their zip64 form. */
  readonly isZip64?: boolean;
  readonly comment?: string;
  /** Bytes before the archive, not counted in its offsets. */
  readonly prefix?: Uint8Array;
}

const encode = (text: string) => new TextEncoder().encode(text);

function record(fields: readonly (readonly [width: 2 | 4 | 8, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

async function deflate(data: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(data)]).stream()
    .pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Writes an archive. */
export async function zip(
  members: readonly MemberSpec[],
  spec: ZipSpec = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const body: Uint8Array[] = [];
  const entries: Uint8Array[] = [];
  let at = 0;
  for (const { name, data, method = 0, flags = 0, claims = {}, padding = 0, ...rest } of members) {
    const compressed = method === 8 ? await deflate(data) : data;
    const localName = encode(rest.localName ?? name);
    const local = concat(
      record([
        [4, 0x04034b50],
        [2, 20],
        [2, flags],
        [2, method],
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 0],
        [2, localName.byteLength],
        [2, padding],
      ]),
      localName,
      new Uint8Array(padding),
    );
    const lengths = [
      claims.byteLength ?? data.byteLength,
      claims.compressedLength ?? compressed.byteLength,
      claims.headerOffset ?? at,
    ] as const;
    const fits = (value: number) => spec.isZip64 ? 0xffffffff : value;
    const extra = spec.isZip64
      ? record([[2, 1], [2, 24], ...lengths.map((value) => [8, value] as const)])
      : new Uint8Array();
    entries.push(
      record([
        [4, 0x02014b50],
        [2, 20],
        [2, 20],
        [2, flags],
        [2, method],
        [4, 0],
        [4, claims.crc32 ?? crc32(data)],
        [4, fits(lengths[1])],
        [4, fits(lengths[0])],
        [2, encode(name).byteLength],
        [2, extra.byteLength],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
        [4, fits(lengths[2])],
      ]),
      encode(name),
      extra,
    );
    body.push(local, compressed);
    at += local.byteLength + compressed.byteLength;
  }
  const directory = concat(...entries);
  const end64 = concat(
    record([[4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]]),
    record([[8, members.length], [8, members.length], [8, directory.byteLength], [8, at]]),
    record([[4, 0x07064b50], [4, 0], [8, at + directory.byteLength], [4, 1]]),
  );
  const comment = encode(spec.comment ?? "");
  const count = spec.isZip64 ? 0xffff : members.length;
  const end = record([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, spec.isZip64 ? 0xffffffff : directory.byteLength],
    [4, spec.isZip64 ? 0xffffffff : at],
    [2, comment.byteLength],
  ]);
  const tail = spec.isZip64 ? [end64, end, comment] : [end, comment];
  return concat(spec.prefix ?? new Uint8Array(), ...body, directory, ...tail);
}
