// Hand-made files, valid and malformed, for the tests of the format.

import { checkSource } from "../../lib/safetensors/reader.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import type { TensorSpec } from "../../lib/safetensors/writer.ts";

/** A tensor with its bytes. */
export type TensorWithData = TensorSpec & { readonly data: Uint8Array };

/** A file of eight length bytes, a header as it stands, and data (a count gives zeros). */
export function fileOf(header: string | Uint8Array, data: number | Uint8Array = 0): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const tail = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + json.byteLength + tail.byteLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.byteLength), true);
  file.set(json, 8);
  file.set(tail, 8 + json.byteLength);
  return file;
}

/** One entry of a header. */
export function entry(name: string, dtype: string, shape: string, begin: number, end: number) {
  return `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":${shape},` +
    `"data_offsets":[${begin},${end}]}`;
}

/** The codes of all faults of a file. */
export async function faultCodes(file: Uint8Array): Promise<string[]> {
  const { faults } = await checkSource(new MemorySource(file));
  return faults.map(({ code }) => code);
}

/** The codes of all warnings of a file that must have no fault. */
export async function warningCodes(file: Uint8Array): Promise<string[]> {
  const { faults, warnings } = await checkSource(new MemorySource(file));
  return [...faults, ...warnings].map(({ code }) => code);
}
