/**
 * Taking an adapter out of a checkpoint that carries it: its folder back, or the base without it.
 *
 * @module
 */

import { basename } from "@std/path";
import type { Checkpoint, CheckpointFile } from "../checkpoint/open.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { TinygraftError } from "../errors.ts";
import { type AdapterConfig, parseAdapterConfig } from "./config.ts";
import {
  CONFIG_JSON_KEY,
  CONFIG_METADATA_KEY,
  findEmbeddedConfig,
  locateAdapterTensors,
} from "./embedded.ts";
import { copySteps, withFormat } from "./inject.ts";
import { removeMember } from "./json_text.ts";
import { embeddedAdapter } from "./open.ts";
import { adapterSteps, planAdapter } from "./plan.ts";
import { planRewrite, type WeightsFile } from "./rewrite.ts";

/**
 * Plans the adapter folder of a checkpoint made by `inject`: the same tensor bytes, and the text of
 * `adapter_config.json` exactly as it was injected.
 *
 * @param checkpoint The open checkpoint; stays open until the plan is executed.
 * @param output The folder to be made.
 * @returns The plan and the adapter's config.
 * @throws {TinygraftError} with code `no-adapter` when it carries none, or as `openAdapter` for an
 *   adapter that is not whole.
 *
 * @example What inject put in, extract gives back
 * ```ts
 * import { execute, openAdapter, openCheckpoint, openModel, planExtract, planInject } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * using base = await openModel("fixtures/mini/encoder");
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const options = { as: "checkpoint" } as const;
 * const injected = await planInject(
 *   base.checkpoint,
 *   base.model,
 *   adapter,
 *   `${folder}/model`,
 *   options,
 * );
 * await execute(injected.plan);
 *
 * using checkpoint = await openCheckpoint(`${folder}/model`);
 * const { plan } = await planExtract(checkpoint, `${folder}/adapter`);
 * await execute(plan);
 * using back = await openAdapter(`${folder}/adapter`);
 * assertEquals(await back.contentHash(), await adapter.contentHash());
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function planExtract(
  checkpoint: Checkpoint,
  output: string,
): Promise<{ plan: Plan; config: AdapterConfig }> {
  return Promise.try(() => {
    const adapter = embeddedAdapter(checkpoint, { withoutClassifier: true });
    if (adapter === undefined) throw noAdapter(checkpoint, "extract");
    const { config, configText, sources } = adapter;
    const inputs = [...adapter.inputs, ...checkpoint.kind === "folder" ? [checkpoint.folder] : []];
    const options = { configText, sources };
    const plan = planAdapter(config, adapterSteps(adapter), output, inputs, options);
    return { plan, config };
  });
}

/**
 * Plans a copy of a checkpoint without the adapter that it carries.
 *
 * Files without a trace of the adapter are copied as they are, a shard with nothing else is left
 * out, the others are written anew; config.json loses the key that `inject` added and no other
 * byte. Where one weights file is left it is `model.safetensors`, without an index, so that both
 * forms of `inject` give back the layout that the base had.
 *
 * @param checkpoint The open checkpoint; stays open until the plan is executed.
 * @param output A path that ends in `.safetensors` for one file, else the folder to be made.
 * @returns The plan.
 * @throws {TinygraftError} with code `no-adapter` when it carries none.
 */
export async function planStrip(checkpoint: Checkpoint, output: string): Promise<Plan> {
  const found = findEmbeddedConfig(checkpoint);
  if (found === undefined) throw noAdapter(checkpoint, "strip");
  const config = parseAdapterConfig(found.json, found.path);
  const located = locateAdapterTensors(checkpoint, config);
  const adapter = new Set([...located.values()].map(({ name }) => name));
  const kept = checkpoint.files.filter((file) => !holdsOnly(file, adapter));
  return await planRewrite(checkpoint, output, {
    files: (kept.length > 0 ? kept : checkpoint.files.slice(0, 1)).map((file) =>
      strippedFile(checkpoint, file, adapter)
    ),
    editConfig: (text) => removeMember(text, CONFIG_JSON_KEY),
    inputs: [],
    sources: [],
  });
}

function holdsOnly({ header }: CheckpointFile, names: ReadonlySet<string>): boolean {
  return header.tensors.size > 0 && [...header.tensors.keys()].every((name) => names.has(name));
}

function strippedFile(
  checkpoint: Checkpoint,
  file: CheckpointFile,
  adapter: ReadonlySet<string>,
): WeightsFile {
  const { tensors, metadata } = file.header;
  const touched = metadata.has(CONFIG_METADATA_KEY) ||
    [...tensors.keys()].some((name) => adapter.has(name));
  if (!touched) return { kind: "copy", file };
  const rest = withFormat(checkpoint, metadata);
  rest.delete(CONFIG_METADATA_KEY);
  return {
    kind: "write",
    name: basename(file.path),
    tensors: copySteps(checkpoint, file, adapter),
    metadata: rest,
  };
}

function noAdapter(checkpoint: Checkpoint, verb: string): TinygraftError {
  return new TinygraftError(
    `Cannot ${verb} "${checkpoint.location}": it carries no tiny-attention adapter, expected the ` +
      "output of inject",
    { code: "no-adapter", path: checkpoint.location },
  );
}
