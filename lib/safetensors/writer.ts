/**
 * Lays out and writes safetensors files, byte for byte like the reference implementation.
 *
 * @module
 */

import { SafetensorsError } from "../errors.ts";
import { DTYPES, isDtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { bitLength, formatShape, type TensorInfo } from "../tensor/shape.ts";
import { type HeaderTensor, MAX_HEADER_BYTES, METADATA_KEY } from "./header.ts";

/** A tensor to be written: name, dtype and shape. */
export interface TensorSpec extends TensorInfo {
  /** The name, well-formed Unicode other than `__metadata__`. */
  readonly name: string;
}

/** Where everything goes in a file to be written. */
export interface FileLayout<T extends TensorSpec = TensorSpec> {
  /** Everything before the data section: eight length bytes, the JSON and its padding. */
  readonly headerBytes: Uint8Array<ArrayBuffer>;
  /** The tensors in file order, each with its byte range in the data section. */
  readonly tensors: readonly (T & HeaderTensor)[];
  /** Length of the whole file, in bytes. */
  readonly byteLength: number;
}

/**
 * Orders strings as their UTF-8 bytes would be, which `<` on strings does not: it puts U+E000 to
 * U+FFFF after the astral characters.
 *
 * @param a A well-formed string.
 * @param b Another.
 * @returns Negative when `a` comes first, positive when `b` does, 0 when they are equal.
 *
 * @example The last character of the basic plane comes before the astral ones
 * ```ts
 * import { compareUtf8 } from "tinygraft";
 * import { assert } from "@std/assert";
 *
 * assert(compareUtf8("\uffff", "\u{10000}") < 0);
 * ```
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates behind the other UTF-16 units, where their code points belong. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/**
 * Lays out a safetensors file: order, byte ranges and the header, as the reference writer does.
 *
 * Tensors are ordered by dtype, widest first, then by name as UTF-8 bytes, and packed without
 * gaps, so that each starts on a multiple of its element's width. Metadata keys are sorted by
 * their bytes (the reference writer's order of several keys is random); an empty map is left out.
 *
 * @param tensors Specs with unique names; fields beyond a spec's own are carried into the layout.
 * @param metadata The string map `__metadata__`.
 * @returns The header's bytes, which the caller owns, and the tensors in file order.
 * @throws {SafetensorsError} when the file could not be read back: `invalid-tensor-name`,
 * `duplicate-key`, `invalid-metadata`, `unknown-dtype`, `dimension-too-large`,
 * `invalid-tensor-view`, `validation-overflow`, `misaligned-slice`, `header-too-large`.
 *
 * @example Two tensors, the wider first
 * ```ts
 * import { layoutFile } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const layout = layoutFile([
 *   { name: "a", dtype: "F16", shape: [3] },
 *   { name: "b", dtype: "F32", shape: [2] },
 * ]);
 * assertEquals(layout.tensors.map(({ name, dataOffsets }) => [name, ...dataOffsets]), [
 *   ["b", 0, 8],
 *   ["a", 8, 14],
 * ]);
 * assertEquals(layout.byteLength, layout.headerBytes.byteLength + 14);
 * ```
 */
export function layoutFile<T extends TensorSpec>(
  tensors: Iterable<T>,
  metadata: ReadonlyMap<string, string> = new Map(),
): FileLayout<T> {
  const specs = [...tensors];
  checkNames(specs);
  const measured = specs.map((spec) => ({ spec, byteLength: checkedByteLength(spec) }));
  measured.sort(({ spec: a }, { spec: b }) =>
    DTYPES[b.dtype].rank - DTYPES[a.dtype].rank || compareUtf8(a.name, b.name)
  );
  let end = 0;
  const placed = measured.map(({ spec, byteLength }) => {
    const begin = end;
    end += byteLength;
    return { ...spec, dataOffsets: [begin, end] as const };
  });
  const headerBytes = encodeHeader(placed, metadata);
  const byteLength = headerBytes.byteLength + end;
  if (byteLength > Number.MAX_SAFE_INTEGER) {
    throw new SafetensorsError(
      `Cannot write the file: found ${byteLength} bytes in all, expected at most 2^53 - 1`,
      { code: "validation-overflow" },
    );
  }
  return { headerBytes, tensors: placed, byteLength };
}

/**
 * Writes a whole safetensors file in memory; for large ones, lay out and stream instead.
 *
 * @param tensors Specs with their data: little-endian, C order, exactly the shape's bytes.
 * @param metadata The string map `__metadata__`.
 * @returns The file's bytes, in a new buffer that the caller owns.
 * @throws {SafetensorsError} when data has another length than its shape and dtype
 * (`invalid-tensor-view`), or as `layoutFile` does.
 *
 * @example An empty file is sixteen bytes
 * ```ts
 * import { serialize } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new TextDecoder().decode(serialize([]).subarray(8)), "{}      ");
 * ```
 */
export function serialize(
  tensors: Iterable<TensorSpec & { readonly data: Uint8Array }>,
  metadata?: ReadonlyMap<string, string>,
): Uint8Array<ArrayBuffer> {
  const layout = layoutFile(tensors, metadata);
  for (const { name, dtype, shape, data, dataOffsets: [begin, end] } of layout.tensors) {
    if (data.byteLength !== end - begin) {
      throw new SafetensorsError(
        `Cannot write tensor ${quote(name)}: its data has ${data.byteLength} bytes, expected ` +
          `${end - begin} for ${dtype} ${formatShape(shape)}`,
        { code: "invalid-tensor-view", tensor: name },
      );
    }
  }
  const bytes = new Uint8Array(layout.byteLength);
  bytes.set(layout.headerBytes);
  const dataStart = layout.headerBytes.byteLength;
  for (const { data, dataOffsets } of layout.tensors) bytes.set(data, dataStart + dataOffsets[0]);
  return bytes;
}

function checkNames(specs: readonly TensorSpec[]): void {
  const seen = new Set<string>();
  for (const { name } of specs) {
    if (name === METADATA_KEY || !name.isWellFormed()) {
      throw new SafetensorsError(
        `Cannot write tensor ${quote(name)}: found a name that cannot be read back, expected ` +
          `well-formed Unicode other than "${METADATA_KEY}": rename the tensor`,
        { code: "invalid-tensor-name", tensor: name },
      );
    }
    if (seen.has(name)) {
      throw new SafetensorsError(
        `Cannot write tensor ${quote(name)}: found the name twice, expected unique names`,
        { code: "duplicate-key", tensor: name },
      );
    }
    seen.add(name);
  }
}

/** Counts a tensor's bytes by the reader's own rules, so that nothing unreadable is written. */
function checkedByteLength({ name, dtype, shape }: TensorSpec): number {
  const what = `Cannot write tensor ${quote(name)} (${dtype} ${formatShape(shape)})`;
  if (!isDtype(dtype)) {
    throw new SafetensorsError(
      `${what}: found an unknown dtype, expected one of ${Object.keys(DTYPES).join(", ")}`,
      { code: "unknown-dtype", tensor: name },
    );
  }
  for (const size of shape) {
    if (Number.isSafeInteger(size) && size >= 0) continue;
    const tooLarge = Number.isInteger(size) && size > 0;
    throw new SafetensorsError(
      `${what}: found dimension ${size}, expected integers from 0 to 2^53 - 1`,
      { code: tooLarge ? "dimension-too-large" : "invalid-tensor-view", tensor: name },
    );
  }
  const bits = bitLength(dtype, shape);
  if (bits === undefined || bits / 8n > Number.MAX_SAFE_INTEGER) {
    throw new SafetensorsError(`${what}: found more bytes than can be counted`, {
      code: "validation-overflow",
      tensor: name,
    });
  }
  if (bits % 8n !== 0n) {
    throw new SafetensorsError(`${what}: found ${bits} bits, expected a multiple of 8`, {
      code: "misaligned-slice",
      tensor: name,
    });
  }
  return Number(bits / 8n);
}

/** Writes the header by hand: objects would move keys like "0" to the front. */
function encodeHeader(
  tensors: readonly (TensorSpec & HeaderTensor)[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array<ArrayBuffer> {
  const members = tensors.map(({ name, dtype, shape, dataOffsets: [begin, end] }) =>
    `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],` +
    `"data_offsets":[${begin},${end}]}`
  );
  if (metadata.size > 0) members.unshift(`"${METADATA_KEY}":${encodeMetadata(metadata)}`);
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerLength = Math.ceil(json.byteLength / 8) * 8;
  if (headerLength > MAX_HEADER_BYTES) {
    throw new SafetensorsError(
      `Cannot write the file: its header has ${headerLength} bytes, expected at most ` +
        `${MAX_HEADER_BYTES}: split the checkpoint into shards`,
      { code: "header-too-large" },
    );
  }
  const bytes = new Uint8Array(8 + headerLength).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(json, 8);
  return bytes;
}

function encodeMetadata(metadata: ReadonlyMap<string, string>): string {
  for (const part of [...metadata].flat()) {
    if (typeof part === "string" && part.isWellFormed()) continue;
    throw new SafetensorsError(
      `Cannot write the metadata: found ${
        typeof part === "string" ? quote(part) : typeof part
      }, expected keys and values of well-formed Unicode`,
      { code: "invalid-metadata" },
    );
  }
  const sorted = [...metadata].sort(([a], [b]) => compareUtf8(a, b));
  return `{${
    sorted.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")
  }}`;
}
