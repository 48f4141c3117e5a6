/**
 * Converting a checkpoint: cast, select, rename, shard or join, edit metadata.
 *
 * @module
 */

import { TinygraftError, UsageError } from "../errors.ts";
import { type CastDtype, isCastFloat, isCastInteger } from "../tensor/cast_dtypes.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { type CastReport, Casts } from "./cast_step.ts";
import { restateDtype } from "./config_dtype.ts";
import {
  checkpointInputs,
  isFileOutput,
  plannedConfig,
  plannedCopy,
  plannedIndex,
} from "./folder_parts.ts";
import { MODEL_CONFIG, MODEL_WEIGHTS, shardName } from "./names.ts";
import { type Checkpoint, type TensorEntry, unionMetadata } from "./open.ts";
import { placeOf } from "./place.ts";
import type { Plan, PlannedFile, TensorStep } from "./plan.ts";
import { splitShards } from "./shards.ts";
import { FileSource } from "./sources.ts";
import { matchingNames, renameTensors, type Renaming } from "./tensor_names.ts";

/** What a conversion changes; without any of these it joins the shards and nothing else. */
export interface ConvertOptions {
  /**
   * The dtype to cast to: a float casts the floating tensors, an integer the integer tensors,
   * unless `cast` names others. Integer buffers such as position ids so stay as they are.
   */
  readonly dtype?: CastDtype;
  /** Globs of the tensors to cast, whatever their dtype. */
  readonly cast?: readonly string[];
  /** Globs of tensors that keep their dtype all the same. */
  readonly keep?: readonly string[];
  /** Whether to clamp values that the dtype cannot hold; else they are refused. */
  readonly saturate?: boolean;
  /** Globs of the tensors to write; all unless given. */
  readonly include?: readonly string[];
  /** Globs of tensors to leave out. */
  readonly exclude?: readonly string[];
  /** Replacements in the names of the tensors written; globs go by the names in the input. */
  readonly rename?: readonly Renaming[];
  /** The most bytes of tensor data in one shard; one file unless given. */
  readonly maxShardBytes?: number;
  /** Metadata to set. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** Keys of metadata to leave out. */
  readonly unsetMetadata?: readonly string[];
  /** Name of the weights in a folder to be made, "model.safetensors" unless given. */
  readonly weights?: string;
}

/** What a conversion will do. */
export interface ConvertResult {
  /** Writes the copy. */
  readonly plan: Plan;
  /** The tensors that are cast; their tallies are filled in as the plan is carried out. */
  readonly casts: readonly CastReport[];
  /** New name by old, for tensors whose name changes. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Names of the tensors left out. */
  readonly leftOut: readonly string[];
  /** Names of floating tensors that keep a dtype which cannot be cast: scales, packed floats. */
  readonly notCast: readonly string[];
}

/**
 * Plans a converted copy of a checkpoint.
 *
 * Tensors that keep their dtype are copied byte for byte; the others are cast as `TensorCast`
 * does, in chunks. All metadata is kept, in every shard, and gets `format` where it is absent. A
 * folder gets config.json, its stated dtype changed where all weights have the new one, and every
 * other file that lies beside the original's weights.
 *
 * @param checkpoint The open checkpoint; stays open until the plan is executed.
 * @param output A path that ends in `.safetensors` for one file, else the folder to be made.
 * @param options What to change.
 * @returns The plan, and what it will change; nothing is written yet.
 * @throws {UsageError} when shards are asked for in one file.
 * @throws {TinygraftError} with `no-match` when a pattern matches no tensor or none is left,
 * `name-collision`, `unsupported-dtype` when a tensor named by `cast` cannot be cast,
 * `metadata-conflict` when shards disagree about a key that is neither set nor unset.
 *
 * @example Half the bytes, under shorter names
 * ```ts
 * import { execute, openCheckpoint, planConvert } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const output = `${await Deno.makeTempDir()}/half.safetensors`;
 * using checkpoint = await openCheckpoint("fixtures/mini/adapter/adapter_model.safetensors");
 * const { plan } = await planConvert(checkpoint, output, {
 *   dtype: "F16",
 *   rename: [{ pattern: /^encoder\./g, replacement: "" }],
 * });
 * await execute(plan);
 *
 * using half = await openCheckpoint(output);
 * const tensor = half.tensors.get("layer.0.tiny_attn.query.weight");
 * assertEquals(tensor?.dtype, "F16");
 * ```
 */
export async function planConvert(
  checkpoint: Checkpoint,
  output: string,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  if (isFileOutput(output) && options.maxShardBytes !== undefined) {
    throw new UsageError(
      `Cannot write "${output}" as shards: it is one file, expected a folder's name`,
    );
  }
  const selected = selectTensors(checkpoint, options);
  const names = renameTensors(selected.map(({ name }) => name), options.rename ?? []);
  const targets = chooseDtypes(selected, options);
  const casts = new Casts({ saturate: options.saturate ?? false });
  const steps = selected.map((from): TensorStep => {
    const name = names.get(from.name)!;
    const target = targets.get(from.name);
    if (target !== undefined && target !== from.dtype) return casts.plan(from, name, target);
    return { kind: "copy", name, dtype: from.dtype, shape: from.shape, from };
  });
  const kept = new Set(selected);
  return {
    plan: await planFiles(checkpoint, output, steps, options),
    casts: casts.reports,
    renamed: new Map([...names].filter(([before, after]) => before !== after)),
    leftOut: [...checkpoint.tensors.values()].filter((entry) => !kept.has(entry))
      .map(({ name }) => name),
    notCast: options.dtype === undefined || !isCastFloat(options.dtype)
      ? []
      : selected.filter(({ dtype }) => isOtherFloat(dtype)).map(({ name }) => name),
  };
}

function selectTensors(checkpoint: Checkpoint, options: ConvertOptions): TensorEntry[] {
  const { include, exclude = [] } = options;
  const names = checkpoint.tensors.keys();
  const included = include && matchingNames(names, include, "--include");
  const excluded = matchingNames(checkpoint.tensors.keys(), exclude, "--exclude");
  const entries = [...checkpoint.tensors.values()];
  const selected = entries.filter(({ name }) =>
    (included?.has(name) ?? true) && !excluded.has(name)
  );
  if (selected.length === 0 && entries.length > 0) {
    throw new TinygraftError(
      `Cannot convert "${checkpoint.location}": no tensor is left of ${entries.length}, expected ` +
        "one at least: exclude fewer",
      { code: "no-match", path: checkpoint.location },
    );
  }
  return selected;
}

/** The dtype of each tensor that is to be cast, by name in the input. */
function chooseDtypes(
  selected: readonly TensorEntry[],
  options: ConvertOptions,
): Map<string, CastDtype> {
  const { dtype, cast, keep = [] } = options;
  if (dtype === undefined) return new Map();
  const names = selected.map(({ name }) => name);
  const named = cast && matchingNames(names, cast, "--cast");
  const kept = matchingNames(names, keep, "--keep");
  const isSameKind = isCastFloat(dtype) ? isCastFloat : isCastInteger;
  const chosen = selected.filter((entry) =>
    !kept.has(entry.name) && (named?.has(entry.name) ?? isSameKind(entry.dtype))
  );
  return new Map(chosen.map(({ name }) => [name, dtype]));
}

/** Floats that are not cast by kind: block scales and what is packed below 8 bits. */
function isOtherFloat(dtype: Dtype): boolean {
  return dtype.startsWith("F") && !isCastFloat(dtype);
}

async function planFiles(
  checkpoint: Checkpoint,
  output: string,
  steps: readonly TensorStep[],
  options: ConvertOptions,
): Promise<Plan> {
  const metadata = editMetadata(checkpoint, options);
  const inputs = checkpointInputs(checkpoint);
  const sources = checkpoint.files.map(({ source }) => source)
    .filter((source) => source instanceof FileSource);
  if (isFileOutput(output)) {
    const files = [{ kind: "safetensors", path: "", tensors: steps, metadata } as const];
    return { output, kind: "file", inputs, sources, files };
  }
  const weights = options.weights ?? MODEL_WEIGHTS;
  const shards = splitShards(steps, options.maxShardBytes ?? Infinity);
  const files = shards.map((tensors, i): PlannedFile => ({
    kind: "safetensors",
    path: shards.length === 1 ? weights : shardName(weights, i + 1, shards.length),
    tensors,
    metadata,
  }));
  if (shards.length > 1) {
    const content = shards.map((tensors, i) => ({
      path: files[i]!.path,
      tensors: tensors.map((step) => [step.name, step] as const),
    }));
    files.push(plannedIndex(checkpoint, content, weights));
  }
  files.push(...await planCompanions(checkpoint, steps, options));
  return { output, kind: "folder", inputs, sources, files };
}

function editMetadata(checkpoint: Checkpoint, options: ConvertOptions): Map<string, string> {
  const { metadata: set = new Map<string, string>(), unsetMetadata: unset = [] } = options;
  const decided = new Set([...set.keys(), ...unset]);
  const files = checkpoint.files.map(({ path, header }) => {
    const metadata = new Map([...header.metadata].filter(([key]) => !decided.has(key)));
    return { path, header: { ...header, metadata } };
  });
  const edited = new Map([...unionMetadata(files), ...set]);
  // Some loaders refuse a file without it.
  if (!edited.has("format") && !unset.includes("format")) edited.set("format", "pt");
  return edited;
}

async function planCompanions(
  checkpoint: Checkpoint,
  steps: readonly TensorStep[],
  options: ConvertOptions,
): Promise<PlannedFile[]> {
  const others = checkpoint.companions.filter((name) => name !== MODEL_CONFIG);
  const copies = await Promise.all(others.map((name) => plannedCopy(checkpoint, name)));
  if (checkpoint.config === undefined) return copies;
  const path = placeOf(checkpoint).path(MODEL_CONFIG);
  const { dtype } = options;
  const floats = steps.filter((step) => isCastFloat(step.dtype));
  const isUniform = floats.length > 0 && floats.every((step) => step.dtype === dtype);
  const config = dtype !== undefined && isUniform
    ? await plannedConfig(checkpoint, (text) => restateDtype(text, dtype, path))
    : await plannedCopy(checkpoint, MODEL_CONFIG);
  return [config, ...copies];
}
