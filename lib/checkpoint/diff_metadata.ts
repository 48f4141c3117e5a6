/**
 * What differs in the `__metadata__` of two checkpoints.
 *
 * @module
 */

import { compareUtf8 } from "../safetensors/writer.ts";
import type { CheckpointFile } from "./open.ts";

/** A metadata key that both checkpoints have, with unlike values. */
export interface MetadataChange {
  /** The key. */
  readonly key: string;
  /** Its value in the first checkpoint. */
  readonly a: string;
  /** Its value in the second. */
  readonly b: string;
}

/** What differs in the metadata of two checkpoints. */
export interface MetadataDifference {
  /** Keys that only the first has. */
  readonly onlyInA: readonly string[];
  /** Keys that only the second has. */
  readonly onlyInB: readonly string[];
  /** Keys whose values differ. */
  readonly changed: readonly MetadataChange[];
}

/**
 * Compares the metadata of two checkpoints, however many files they have.
 *
 * Where files of one checkpoint disagree about a key, its value is the JSON array of all its
 * values: that is a fact to show, no reason to stop.
 *
 * @param a The first checkpoint's files.
 * @param b The second's.
 * @returns What differs, in the order of the keys' UTF-8 bytes.
 */
export function diffMetadata(
  a: readonly Pick<CheckpointFile, "header">[],
  b: readonly Pick<CheckpointFile, "header">[],
): MetadataDifference {
  const left = valuesByKey(a);
  const right = valuesByKey(b);
  return {
    onlyInA: [...left.keys()].filter((key) => !right.has(key)),
    onlyInB: [...right.keys()].filter((key) => !left.has(key)),
    changed: [...left].flatMap(([key, value]) => {
      const other = right.get(key);
      return other === undefined || other === value ? [] : [{ key, a: value, b: other }];
    }),
  };
}

function valuesByKey(files: readonly Pick<CheckpointFile, "header">[]): Map<string, string> {
  const sets = new Map<string, Set<string>>();
  for (const { header } of files) {
    for (const [key, value] of header.metadata) {
      sets.set(key, (sets.get(key) ?? new Set()).add(value));
    }
  }
  const joined = [...sets].map(([key, values]): [string, string] => {
    const [first = ""] = values;
    return [key, values.size === 1 ? first : JSON.stringify([...values].sort())];
  });
  return new Map(joined.sort(([one], [two]) => compareUtf8(one, two)));
}
