// Pickles assembled by hand.

import { unpickle, type UnpickleOptions } from "../../lib/pytorch/unpickle.ts";
import type { PickleValue } from "../../lib/pytorch/values.ts";
import { concat, type MemberSpec, zip } from "../zip/_zip.ts";

/** Bytes, or a text whose characters are bytes. */
export type Piece = string | Uint8Array;

/** Joins pieces. */
export function bytesOf(...pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return concat(
    ...pieces.map((piece) =>
      typeof piece === "string" ? Uint8Array.from(piece, (it) => it.charCodeAt(0)) : piece
    ),
  );
}

function uint(width: number, value: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** BINUNICODE. */
export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return bytesOf("X", uint(4, bytes.byteLength), bytes);
}

/** BININT, or LONG1 for what it cannot hold. */
export function int(value: number): Uint8Array {
  return value < 2 ** 31 ? bytesOf("J", uint(4, value)) : bytesOf("\x8a\x08", uint(8, value));
}

/** GLOBAL. */
export function global(module: string, name: string): Uint8Array {
  return bytesOf(`c${module}\n${name}\n`);
}

/** A tuple of any length. */
export function tuple(...items: readonly Piece[]): Uint8Array {
  return bytesOf("(", ...items, "t");
}

/** A dict. */
export function dict(entries: Readonly<Record<string, Piece>>): Uint8Array {
  const items = Object.entries(entries).flatMap(([key, value]) => [text(key), value]);
  return bytesOf("}(", ...items, "u");
}

/** A persistent id of a storage. */
export function storage(type: string, key: string, length: number): Uint8Array {
  const id = tuple(text("storage"), global("torch", type), text(key), text("cpu"), int(length));
  return bytesOf(id, "Q");
}

/** `_rebuild_tensor_v2` of a storage. */
export function tensor(
  from: Piece,
  { offset = 0, shape = [], strides = [] }: {
    offset?: number;
    shape?: readonly number[];
    strides?: readonly number[];
  },
): Uint8Array {
  const hooks = bytesOf(global("collections", "OrderedDict"), ")R");
  const args = [from, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int))];
  return bytesOf(
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple(...args, "\x89", hooks),
    "R",
  );
}

/** A whole pickle of protocol 2. */
export function pickle(...pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return bytesOf("\x80\x02", ...pieces, ".");
}

/** What a pickle without storages holds. */
export function load(bytes: Uint8Array, options: Partial<UnpickleOptions> = {}): PickleValue {
  return unpickle(bytes, { path: "a.pt", ...options }).value;
}

/** An archive as PyTorch writes it. */
export function pytorchZip(
  root: Piece,
  storages: Readonly<Record<string, Uint8Array>> = {},
  more: readonly MemberSpec[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  return zip([
    { name: "x/data.pkl", data: pickle(root) },
    ...Object.entries(storages).map(([key, data]) => ({ name: `x/data/${key}`, data, padding: 5 })),
    ...more,
  ]);
}
