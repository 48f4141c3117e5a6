/**
 * Rules between a shard index and the shards that it names.
 *
 * @module
 */

import { basename } from "@std/path";
import type { ErrorCode } from "../errors.ts";
import type { Header } from "../safetensors/header.ts";
import type { ShardIndex } from "../safetensors/shard_index.ts";
import { quote } from "../tensor/quote.ts";

/** A shard with its header read. */
export interface Shard {
  /** The file. */
  readonly path: string;
  /** Its header, checked. */
  readonly header: Header;
}

/** One broken rule. */
export interface IndexFault {
  /** The stable reason. */
  readonly code: ErrorCode;
  /** What was found and expected, for people. */
  readonly message: string;
  /** The tensor at fault, when there is one. */
  readonly tensor?: string;
}

/**
 * Lists where an index and its shards disagree about the tensors.
 *
 * @param index The index.
 * @param shards Every shard that the index names and that could be read.
 * @returns Faults with `tensor-in-two-shards`, `tensor-not-in-index` and `tensor-not-in-shard`.
 */
export function checkIndex(index: ShardIndex, shards: readonly Shard[]): IndexFault[] {
  const faults: IndexFault[] = [];
  const holder = new Map<string, string>();
  const readable = new Set(shards.map(({ path }) => basename(path)));
  for (const { path, header } of shards) {
    const shard = basename(path);
    for (const tensor of header.tensors.keys()) {
      const other = holder.get(tensor);
      if (other !== undefined) {
        faults.push({
          code: "tensor-in-two-shards",
          tensor,
          message: `tensor ${quote(tensor)} is in "${other}" and in "${shard}", expected in one ` +
            "shard only",
        });
        continue;
      }
      holder.set(tensor, shard);
      if (index.weightMap.has(tensor)) continue;
      faults.push({
        code: "tensor-not-in-index",
        tensor,
        message: `tensor ${quote(tensor)} of "${shard}" is not in the index's weight_map`,
      });
    }
  }
  for (const [tensor, shard] of index.weightMap) {
    const found = holder.get(tensor);
    // Of a shard that could not be read nothing is known.
    if (found === shard || !readable.has(shard)) continue;
    faults.push({
      code: "tensor-not-in-shard",
      tensor,
      message: `the index places tensor ${quote(tensor)} in "${shard}", but ` +
        `${found === undefined ? "no shard holds it" : `it is in "${found}"`}`,
    });
  }
  return faults;
}

/**
 * Checks `metadata.total_size` of an index: the sum of all tensors' bytes, headers not counted.
 *
 * @param index The index.
 * @param shards Every shard that the index names, all read.
 * @returns A fault with `wrong-total-size`, or undefined when it is right or absent.
 */
export function checkTotalSize(
  index: ShardIndex,
  shards: readonly Shard[],
): IndexFault | undefined {
  const claimed = index.metadata["total_size"];
  if (claimed === undefined) return undefined;
  let total = 0;
  for (const { header } of shards) {
    for (const { dataOffsets: [begin, end] } of header.tensors.values()) total += end - begin;
  }
  if (claimed === total) return undefined;
  return {
    code: "wrong-total-size",
    message: `metadata.total_size of the index is ${
      JSON.stringify(claimed)
    }, expected ${total}, the bytes of all tensors`,
  };
}
