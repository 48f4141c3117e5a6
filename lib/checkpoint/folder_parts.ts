/**
 * The parts of a plan that every changed copy of a checkpoint has beside its weights: the shard
 * index, config.json and the files that are carried over.
 *
 * @module
 */

import { isRemote } from "../remote/address.ts";
import { formatShardIndex } from "../safetensors/shard_index.ts";
import { isFloatDtype } from "../tensor/dtype.ts";
import { isFloat8 } from "../tensor/float8.ts";
import { elementCount, tensorByteLength, type TensorInfo } from "../tensor/shape.ts";
import { indexName, MODEL_CONFIG } from "./names.ts";
import type { Checkpoint } from "./open.ts";
import { placeOf } from "./place.ts";
import type { PlannedFile } from "./plan.ts";
import { statPath } from "./sources.ts";

/** The tensors that one weights file of a copy will hold. */
export interface ShardContent {
  /** The file's name. */
  readonly path: string;
  /** Its tensors by name. */
  readonly tensors: Iterable<readonly [name: string, info: TensorInfo]>;
}

/**
 * Whether an output of this name is one safetensors file, rather than a folder.
 *
 * @param output The path that was asked for.
 */
export function isFileOutput(output: string): boolean {
  return output.toLowerCase().endsWith(".safetensors");
}

/**
 * Lists every path that a copy of a checkpoint reads.
 *
 * @param base The open checkpoint.
 * @returns Files and, first, the folder where the checkpoint is one.
 */
export function checkpointInputs(base: Checkpoint): string[] {
  const files = base.files.map(({ path }) => path);
  const place = placeOf(base);
  const companions = base.companions.map((name) => place.path(name));
  return base.kind === "file" ? [...files, ...companions] : [base.folder, ...files, ...companions];
}

/** Elements that count as parameters: integer tensors, such as position ids, are buffers. */
function parametersOf({ dtype, shape }: TensorInfo): number {
  return isFloatDtype(dtype) || isFloat8(dtype) ? elementCount(shape) : 0;
}

/**
 * Plans the index of a copy's shards. Loaders need its `metadata`; `total_parameters` follows the
 * original's count where it has one, which may count tied tensors in its own way.
 *
 * @param base The original, open.
 * @param shards What each file of the copy holds.
 * @param weights Name of the unsharded weights, such as "model.safetensors".
 * @returns The file to write.
 */
export function plannedIndex(
  base: Checkpoint,
  shards: readonly ShardContent[],
  weights: string,
): PlannedFile {
  const weightMap = new Map<string, string>();
  let bytes = 0;
  let parameters = 0;
  for (const { path, tensors } of shards) {
    for (const [name, info] of tensors) {
      weightMap.set(name, path);
      bytes += tensorByteLength(info.dtype, info.shape);
      parameters += parametersOf(info);
    }
  }
  const before = base.index?.metadata ?? {};
  const counted = before["total_parameters"];
  if (typeof counted === "number") {
    parameters += counted;
    for (const entry of base.tensors.values()) parameters -= parametersOf(entry);
  }
  const metadata = { ...before, "total_size": bytes, "total_parameters": parameters };
  return {
    kind: "bytes",
    path: indexName(weights),
    bytes: new TextEncoder().encode(formatShardIndex({ weightMap, metadata })),
    origin: "index of the shards",
  };
}

/**
 * Plans a copy's config.json.
 *
 * @param base The original, open, which has one.
 * @param edit Changes the text.
 * @returns The file to write.
 * @throws {TinygraftError} when it cannot be read.
 */
export async function plannedConfig(
  base: Checkpoint,
  edit: (text: string) => string,
): Promise<PlannedFile> {
  const place = placeOf(base);
  const from = place.path(MODEL_CONFIG);
  const bytes = new TextEncoder().encode(edit(await place.readText(MODEL_CONFIG)));
  return { kind: "bytes", path: MODEL_CONFIG, bytes, origin: `${from}, edited` };
}

/**
 * Plans to carry one of a checkpoint's companions over, byte for byte.
 *
 * @param base The original, open.
 * @param name The companion's name.
 * @returns The file to copy.
 * @throws {TinygraftError} when it cannot be opened.
 */
export async function plannedCopy(base: Checkpoint, name: string): Promise<PlannedFile> {
  const place = placeOf(base);
  const from = place.path(name);
  if (!isRemote(from)) {
    return { kind: "copy", path: name, from, byteLength: statPath(from)?.byteLength ?? 0 };
  }
  const source = await place.open(name);
  return { kind: "copy", path: name, from, byteLength: source.byteLength, source };
}
