/**
 * Dividing tensors into shards of a largest size.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { tensorByteLength, type TensorInfo } from "../tensor/shape.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["KB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["TB", 1e12],
  ["KIB", 2 ** 10],
  ["MIB", 2 ** 20],
  ["GIB", 2 ** 30],
  ["TIB", 2 ** 40],
]);

/**
 * Reads a shard's size as the Hugging Face libraries spell it: `5GB` is 5 * 10^9 bytes, `5GiB` is
 * 5 * 2^30.
 *
 * @param text A number with a unit; without one it counts bytes.
 * @returns The size in bytes, a whole number of at least 1.
 * @throws {UsageError} when it is none.
 *
 * @example Decimal and binary units
 * ```ts
 * import { parseShardSize } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([parseShardSize("1.5GB"), parseShardSize("2KiB")], [1_500_000_000, 2048]);
 * ```
 */
export function parseShardSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = UNITS.get(match?.[2]?.toUpperCase() ?? "?");
  const bytes = Math.floor(Number(match?.[1]) * (unit ?? NaN));
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new UsageError(
    `Cannot read the shard size "${text}": expected a number and a unit, such as 5GB or 500MiB`,
  );
}

/**
 * Divides tensors into shards, in the given order, each filled as far as it goes. A tensor above
 * the limit gets a shard of its own.
 *
 * @param tensors The tensors, in the order in which they are to be stored.
 * @param limit The most bytes of tensor data in one shard; headers come on top.
 * @returns The shards, none of them empty unless there are no tensors at all.
 */
export function splitShards<T extends TensorInfo>(tensors: Iterable<T>, limit: number): T[][] {
  const shards: T[][] = [];
  let current: T[] = [];
  let used = 0;
  for (const tensor of tensors) {
    const bytes = tensorByteLength(tensor.dtype, tensor.shape);
    if (bytes > limit) {
      shards.push([tensor]);
      continue;
    }
    if (used + bytes > limit) {
      shards.push(current);
      current = [];
      used = 0;
    }
    current.push(tensor);
    used += bytes;
  }
  if (current.length > 0 || shards.length === 0) shards.push(current);
  return shards;
}
