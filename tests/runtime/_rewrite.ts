// A copy of an architecture's little model under other names and in another dtype.

import { openCheckpoint, readFloats } from "../../lib/checkpoint/open.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import { FOLDER } from "./_architectures.ts";

/** What to write; undefined leaves a tensor out. */
export type Rename = (name: string) => string | undefined;

/** Writes the model of an architecture into a folder, in F32, with its config.json. */
export async function rewrite(architecture: string, folder: string, rename: Rename): Promise<void> {
  const source = `${FOLDER}${architecture}`;
  using checkpoint = await openCheckpoint(source);
  const tensors = [];
  for (const entry of checkpoint.tensors.values()) {
    const name = rename(entry.name);
    if (name === undefined) continue;
    const data = encodeFloats(await readFloats(entry), "F32");
    tensors.push({ name, dtype: "F32" as const, shape: entry.shape, data });
  }
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(
    `${folder}/model.safetensors`,
    serialize(tensors, new Map([["format", "pt"]])),
  );
  await Deno.copyFile(`${source}/config.json`, `${folder}/config.json`);
}
