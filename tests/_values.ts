// The values of a whole file or adapter that is small enough to be held.

import { readFloats } from "../lib/checkpoint/open.ts";

type Entries = ReadonlyMap<string, Parameters<typeof readFloats>[0]>;

/** Reads every tensor of an opened checkpoint or adapter, by name, in f32. */
export async function readValues(
  { tensors }: { readonly tensors: Entries },
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, entry] of tensors) values.set(name, await readFloats(entry));
  return values;
}
