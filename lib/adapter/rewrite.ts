/**
 * The plan of a changed copy of a checkpoint: weights, index, config.json and companions.
 *
 * @module
 */

import { basename } from "@std/path";
import {
  checkpointInputs,
  isFileOutput,
  plannedConfig,
  plannedCopy,
  plannedIndex,
} from "../checkpoint/folder_parts.ts";
import { MODEL_CONFIG, MODEL_WEIGHTS, shardName } from "../checkpoint/names.ts";
import type { Checkpoint, CheckpointFile } from "../checkpoint/open.ts";
import type { Plan, PlannedFile, TensorStep } from "../checkpoint/plan.ts";
import { isSymlink } from "../checkpoint/sources.ts";
import { UsageError } from "../errors.ts";
import { isRemote } from "../remote/address.ts";
import type { TensorInfo } from "../tensor/shape.ts";
import { ADAPTER_CONFIG, fileSources } from "./open.ts";

/** One weights file of the copy: written tensor by tensor, or an input's bytes as a whole. */
export type WeightsFile =
  | {
    readonly kind: "write";
    /** The name in the original, for the copy's name; `undefined` for a new file. */
    readonly name: string | undefined;
    readonly tensors: readonly TensorStep[];
    readonly metadata: ReadonlyMap<string, string>;
  }
  | { readonly kind: "link" | "copy"; readonly file: CheckpointFile };

/** What a copy of a checkpoint is to be. */
export interface Rewrite {
  /** The weights files, in the order in which shards are numbered. */
  readonly files: readonly WeightsFile[];
  /** Changes the text of config.json. */
  readonly editConfig: (text: string) => string;
  /** Inputs beside the checkpoint itself. */
  readonly inputs: readonly string[];
  /** Open files beside the checkpoint's. */
  readonly sources: Plan["sources"];
}

/**
 * Whether a file beside the weights is not carried over to a copy: with an `adapter_config.json`
 * in it, other libraries would take the folder for an adapter of theirs.
 *
 * @param name A companion's name.
 */
export function isLeftOut(name: string): boolean {
  return name === ADAPTER_CONFIG;
}

/**
 * Plans a changed copy of a checkpoint.
 *
 * A folder gets the weights (one file: `model.safetensors`; several: shards and an index),
 * config.json and, where the original is a folder, every other file of it, byte for byte. An
 * `adapter_config.json` beside the original is left out: libraries would take the copy for an
 * adapter of another kind.
 *
 * @param base The original, open.
 * @param output A path that ends in `.safetensors` for one file, else the folder to be made.
 * @param rewrite The weights files and the changes.
 * @returns The plan; nothing is written yet.
 * @throws {UsageError} when one file is asked for and there are several.
 */
export async function planRewrite(
  base: Checkpoint,
  output: string,
  rewrite: Rewrite,
): Promise<Plan> {
  const inputs = [...checkpointInputs(base), ...rewrite.inputs];
  const sources = [...fileSources(base), ...rewrite.sources ?? []];
  if (isFileOutput(output)) {
    const [file] = rewrite.files;
    if (file === undefined || rewrite.files.length > 1) {
      throw new UsageError(
        `Cannot write "${output}": the checkpoint would have ${rewrite.files.length} files, ` +
          "expected one: name a folder instead",
      );
    }
    return { output, kind: "file", inputs, sources, files: [plannedWeights(file, "")] };
  }
  const names = nameFiles(rewrite.files);
  const files = rewrite.files.map((file, i) => plannedWeights(file, names[i]!));
  if (files.length > 1) {
    const shards = rewrite.files.map((file, i) => ({ path: names[i]!, tensors: tensorsOf(file) }));
    files.push(plannedIndex(base, shards, MODEL_WEIGHTS));
  }
  if (base.config !== undefined) files.push(await plannedConfig(base, rewrite.editConfig));
  for (const name of base.companions) {
    if (name !== MODEL_CONFIG && !isLeftOut(name)) files.push(await plannedCopy(base, name));
  }
  return { output, kind: "folder", inputs, sources, files };
}

function plannedWeights(file: WeightsFile, path: string): PlannedFile {
  if (file.kind === "write") {
    const { tensors, metadata } = file;
    return { kind: "safetensors", path, tensors, metadata };
  }
  const { path: from, source } = file.file;
  const { byteLength } = source;
  if (isRemote(from)) return { kind: "copy", path, from, byteLength, source };
  // What a symlink leads to, such as the Hub's cache, is somebody else's: a second name for it would
  // let changes of the output through.
  const kind = isSymlink(from) ? "copy" : file.kind;
  return { kind, path, from, byteLength };
}

/**
 * Names the weights files of a folder. One file is `model.safetensors`. Shards that are numbered
 * in the usual form are numbered anew, so that the count in their names stays true; shards with
 * names of their own keep them, and a new one is called after the adapter.
 */
function nameFiles(files: readonly WeightsFile[]): string[] {
  if (files.length === 1) return [MODEL_WEIGHTS];
  const names = files.map((file) => file.kind === "write" ? file.name : basename(file.file.path));
  const usual = /^model(-\d{5}-of-\d{5})?\.safetensors$/;
  if (names.every((name) => name === undefined || usual.test(name)) || names[0] === undefined) {
    return names.map((_, i) => shardName(MODEL_WEIGHTS, i + 1, names.length));
  }
  const taken = new Set(names);
  return names.map((name) => name ?? freeName(taken));
}

function freeName(taken: ReadonlySet<string | undefined>): string {
  let name = "model-tiny-attention.safetensors";
  for (let i = 2; taken.has(name); i++) name = `model-tiny-attention-${i}.safetensors`;
  return name;
}

function tensorsOf(file: WeightsFile): [name: string, info: TensorInfo][] {
  if (file.kind === "write") return file.tensors.map((step) => [step.name, step]);
  return [...file.file.header.tensors];
}
