/**
 * Putting an adapter into a copy of a checkpoint.
 *
 * @module
 */

import { basename } from "@std/path";
import { isFileOutput } from "../checkpoint/folder_parts.ts";
import type { Checkpoint, CheckpointFile } from "../checkpoint/open.ts";
import type { Plan, TensorStep } from "../checkpoint/plan.ts";
import { tensorStats } from "../checkpoint/stats.ts";
import { TinygraftError, UsageError } from "../errors.ts";
import type { ResolvedModel } from "../model/resolve.ts";
import { formatAdapterConfig } from "./config.ts";
import {
  baseContentHash,
  CONFIG_JSON_KEY,
  CONFIG_METADATA_KEY,
  embeddedName,
  findEmbeddedConfig,
  findModuleTensor,
} from "./embedded.ts";
import { addMember, parseObject } from "./json_text.ts";
import { adapterWarnings, checkFits } from "./open.ts";
import { type AdapterSource, adapterSteps } from "./plan.ts";
import { isLeftOut, planRewrite, type WeightsFile } from "./rewrite.ts";
import { CLASSIFIER_TENSORS } from "./tensors.ts";

/** How an adapter is put into a checkpoint. */
export interface InjectOptions {
  /**
   * `checkpoint` rewrites the weights files, the adapter's tensors in the last of them; `shard`
   * leaves them unchanged (linked, or copied where there are no links) and adds one.
   */
  readonly as: "checkpoint" | "shard";
  /** Whether a base of other content than the adapter was made for passes. */
  readonly force?: boolean;
  /** The base's content hash, where the caller has it already; else it is computed when needed. */
  readonly baseHash?: string;
  /** Whether the base's content is left uncompared, which would read all of it; a warning says so. */
  readonly unhashed?: boolean;
}

/** What injecting will do. */
export interface InjectResult {
  /** Writes the copy. */
  readonly plan: Plan;
  /** Names of the adapter's tensors in the copy, in the order of the table. */
  readonly added: string[];
  /**
   * Files of the base's folder that are not carried over: an `adapter_config.json` would make
   * other libraries take the copy for an adapter of theirs.
   */
  readonly leftOut: string[];
  /** What is worth a warning: unknown keys of the config, a base accepted by force, NaN. */
  readonly warnings: string[];
}

/**
 * Plans a copy of a checkpoint that carries an adapter.
 *
 * The base's tensors and the adapter's are copied byte for byte; metadata is kept, and gets
 * `format: pt` where a written file has no format. The adapter's config is recorded, as the exact
 * text it had, in the metadata of the file with the adapter's tensors and, as an object under
 * `tiny_attention`, at the end of config.json, whose other bytes stay as they are.
 *
 * @param base The open base; a single file, a folder or shards.
 * @param model What it was recognised as.
 * @param adapter An open adapter or one made in memory; stays open until the plan is executed.
 * @param output A path that ends in `.safetensors` for one file, else the folder to be made.
 * @param options Which of the two forms.
 * @returns The plan, the names of the added tensors and what is not carried over.
 * @throws {TinygraftError} with code `adapter-mismatch`, `base-mismatch`, `adapter-present` or
 *   `tensor-exists`.
 * @throws {UsageError} when one file is asked for and there would be several.
 *
 * @example Add an adapter as one more shard, without writing anything yet
 * ```ts
 * import { describePlan, openAdapter, openModel, planInject } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using base = await openModel("fixtures/mini/encoder");
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const { plan } = await planInject(base.checkpoint, base.model, adapter, "out", { as: "shard" });
 * const { files } = describePlan(plan);
 * assertEquals(files.slice(0, 2).map(({ path, action }) => [path, action]), [
 *   ["model-00001-of-00002.safetensors", "link"],
 *   ["model-00002-of-00002.safetensors", "write"],
 * ]);
 * ```
 */
export async function planInject(
  base: Checkpoint,
  model: ResolvedModel,
  adapter: AdapterSource,
  output: string,
  options: InjectOptions,
): Promise<InjectResult> {
  if (options.as === "shard" && isFileOutput(output)) {
    throw new UsageError(
      `Cannot write "${output}" as shards: it is one file, expected a folder's name`,
    );
  }
  refuseCarrier(base, model);
  const warnings = [
    ...await checkBase(base, model, adapter, options),
    ...await nonFiniteWarnings(adapter),
  ];
  const steps = adapterSteps(adapter).map((step) => {
    return { ...step, name: embeddedName(step.name, model.prefix) };
  });
  refuseExisting(base, steps);
  if (adapter.numLabels === 0) refuseForeignClassifier(base);
  const configText = "arrays" in adapter ? formatAdapterConfig(adapter.config) : adapter.configText;
  const config = parseObject(configText, output, "the adapter's config");
  const plan = await planRewrite(base, output, {
    files: options.as === "shard"
      ? shardFiles(base, steps, configText)
      : rewrittenFiles(base, steps, configText),
    editConfig: (text) => addMember(text, CONFIG_JSON_KEY, config),
    inputs: "arrays" in adapter ? [] : adapter.inputs,
    sources: "arrays" in adapter ? [] : adapter.sources,
  });
  const leftOut = isFileOutput(output) ? [] : base.companions.filter(isLeftOut);
  return { plan, added: steps.map(({ name }) => name), leftOut, warnings };
}

/** Two adapters in one checkpoint could not be told apart. */
function refuseCarrier(base: Checkpoint, model: ResolvedModel): void {
  const recorded = findEmbeddedConfig(base);
  const tensor = findModuleTensor(base, model);
  if (recorded === undefined && tensor === undefined) return;
  const found = tensor === undefined
    ? `"${recorded?.path}" records one`
    : `it has the tensor "${tensor}"`;
  throw new TinygraftError(
    `Cannot inject into "${base.location}": it carries a tiny-attention adapter already ` +
      `(${found}): take it out first with extract --strip`,
    { code: "adapter-present", path: base.location, tensor },
  );
}

/** Returns warnings; the base is hashed only where the adapter says what it was made for. */
async function checkBase(
  base: Checkpoint,
  model: ResolvedModel,
  adapter: AdapterSource,
  options: InjectOptions,
): Promise<string[]> {
  const force = options.force ?? false;
  const fits = { force, basePath: base.location };
  checkFits(adapter, model, undefined, fits); // the cheap part first
  if ("arrays" in adapter) return []; // made for this very base
  const warnings = adapterWarnings(adapter);
  if (adapter.config.baseModelSha256 === null) return warnings;
  if (options.unhashed) {
    const unread =
      `the content of "${base.location}" is not compared with the base that the adapter ` +
      "was made for: all of its weights would be fetched for that";
    return [...warnings, unread];
  }
  const hash = options.baseHash ?? await baseContentHash(base, model);
  const accepted = checkFits(adapter, model, hash, fits);
  return accepted === undefined ? warnings : [...warnings, accepted];
}

/** Inside a checkpoint a classifier is the adapter's: the base's own would be taken for it. */
function refuseForeignClassifier(base: Checkpoint): void {
  const own = CLASSIFIER_TENSORS.find(({ name }) => base.tensors.has(name));
  if (own === undefined) return;
  throw new TinygraftError(
    `Cannot inject into "${base.location}": it has a tensor "${own.name}" of its own, and the ` +
      "adapter has no classifier, expected a base without one: keep the adapter as a folder beside it",
    { code: "tensor-exists", path: base.location, tensor: own.name },
  );
}

/** What is injected comes back out byte for byte, so NaN goes through; whoever ran it would see. */
async function nonFiniteWarnings(adapter: AdapterSource): Promise<string[]> {
  if ("arrays" in adapter) return [];
  const warnings: string[] = [];
  for (const [name, entry] of adapter.tensors) {
    const stats = await tensorStats(entry);
    if (stats === null || stats.nan + stats.inf === 0) continue;
    warnings.push(
      `"${name}" of the adapter holds ${stats.nan} NaN and ${stats.inf} infinite elements, ` +
        "expected finite numbers: check and predict refuse the copy; train or export it again",
    );
  }
  return warnings;
}

function refuseExisting(base: Checkpoint, steps: readonly TensorStep[]): void {
  const taken = steps.find(({ name }) => base.tensors.has(name));
  if (taken === undefined) return;
  const remedy = taken.name.startsWith("classifier.")
    ? "the base has a classification head, and the adapter brings its own: write the base without " +
      'it, with convert BASE OUT --exclude "classifier.*", and inject there (with --force where ' +
      "the adapter records the base as it is)"
    : "rename it first";
  throw new TinygraftError(
    `Cannot inject into "${base.location}": it has a tensor "${taken.name}" already, expected ` +
      `none of that name: ${remedy}`,
    { code: "tensor-exists", path: base.location, tensor: taken.name },
  );
}

function rewrittenFiles(
  base: Checkpoint,
  added: readonly TensorStep[],
  configText: string,
): WeightsFile[] {
  const last = base.files.at(-1);
  return base.files.map((file) => {
    const metadata = withFormat(base, file.header.metadata);
    if (file === last) metadata.set(CONFIG_METADATA_KEY, configText);
    const tensors = copySteps(base, file);
    if (file === last) tensors.push(...added);
    return { kind: "write", name: basename(file.path), tensors, metadata };
  });
}

function shardFiles(
  base: Checkpoint,
  added: readonly TensorStep[],
  configText: string,
): WeightsFile[] {
  const metadata = withFormat(base, new Map());
  metadata.set(CONFIG_METADATA_KEY, configText);
  return [
    ...base.files.map((file) => ({ kind: "link", file }) as const),
    { kind: "write", name: undefined, tensors: added, metadata },
  ];
}

/**
 * Copies metadata, with `format` added where it is absent, since some loaders ask for it: as the
 * checkpoint's other files have it, else `pt`.
 *
 * @param checkpoint The open checkpoint.
 * @param metadata The metadata of one of its files, or of a new one.
 * @returns A new map.
 */
export function withFormat(
  checkpoint: Checkpoint,
  metadata: ReadonlyMap<string, string>,
): Map<string, string> {
  const formats = checkpoint.files.map(({ header }) => header.metadata.get("format"));
  const format = formats.find((each) => each !== undefined) ?? "pt";
  return new Map([["format", format], ...metadata]);
}

/**
 * Lists the steps that copy the tensors of one file of a checkpoint.
 *
 * @param checkpoint The open checkpoint.
 * @param file One of its files.
 * @param without Names to leave out.
 * @returns One step a tensor.
 */
export function copySteps(
  checkpoint: Checkpoint,
  file: CheckpointFile,
  without: ReadonlySet<string> = new Set(),
): TensorStep[] {
  const steps: TensorStep[] = [];
  for (const [name, { dtype, shape }] of file.header.tensors) {
    const from = checkpoint.tensors.get(name);
    if (from === undefined || without.has(name)) continue;
    steps.push({ kind: "copy", name, dtype, shape, from });
  }
  return steps;
}
