// Folders and shorthands of the tests of adapters.

import { execute, type ExecuteOptions, type WrittenFile } from "../../lib/checkpoint/execute.ts";
import { type Checkpoint, openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import type { OpenModel } from "../../lib/checkpoint/open_model.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { type Adapter, openAdapter } from "../../lib/adapter/open.ts";
import { type InjectResult, planInject } from "../../lib/adapter/inject.ts";
import { planExtract } from "../../lib/adapter/extract.ts";

/** Runs a test with a folder that is removed afterwards. */
export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-adapter-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Bytes of every tensor with dtype and shape, by name. */
export async function contents(location: string): Promise<Map<string, string>> {
  using checkpoint = await openCheckpoint(location);
  return await tensorContents(checkpoint);
}

/** The same of an open checkpoint. */
export async function tensorContents(checkpoint: Checkpoint): Promise<Map<string, string>> {
  const result = new Map<string, string>();
  for (const [name, entry] of checkpoint.tensors) {
    const bytes = await readTensor(entry);
    result.set(name, `${entry.dtype} ${entry.shape} ${bytes.toHex()}`);
  }
  return result;
}

/** Injects an adapter folder into a base and writes the result. */
export async function inject(
  base: string,
  adapter: string,
  output: string,
  as: "checkpoint" | "shard",
  options: ExecuteOptions = {},
): Promise<{ written: WrittenFile[] } & Omit<InjectResult, "plan">> {
  using opened: OpenModel = await openModel(base);
  using graft: Adapter = await openAdapter(adapter);
  const { plan, ...rest } = await planInject(opened.checkpoint, opened.model, graft, output, {
    as,
  });
  return { written: await execute(plan, options), ...rest };
}

/** Extracts the adapter of a checkpoint into a folder. */
export async function extract(checkpoint: string, output: string): Promise<void> {
  using opened = await openCheckpoint(checkpoint);
  const { plan } = await planExtract(opened, output);
  await execute(plan);
}

/** Names in a folder, sorted. */
export function list(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** Rewrites a JSON file through a function. */
export function editJson(path: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(Deno.readTextFileSync(path));
  edit(json);
  Deno.writeTextFileSync(path, JSON.stringify(json, null, 2) + "\n");
}
