/**
 * `adapter_config.json`: its type, its reading and its writing. Snake-case keys stay in here and
 * in `config_fields.ts`.
 *
 * @module
 */

import { type ErrorCode, TinygraftError } from "../errors.ts";
import { countModules } from "../model/adapter_places.ts";
import { ConfigFields } from "./config_fields.ts";
import { stringifySorted } from "./json_text.ts";
import { type Placement, PLACEMENT_NAMES } from "./placement.ts";

/** The value of `adapter_type` in every adapter of tinygraft. */
export const ADAPTER_TYPE = "TINY_ATTENTION";

/** The newest `format_version` that this version reads, and the one that it writes. */
export const FORMAT_VERSION = 1;

/** What the adapter's classifier decides. */
export interface AdapterTask {
  /** `regression` has one output. */
  readonly type: "classification" | "regression";
  /** Labels in the order of the classifier's rows; `null` where they have no names. */
  readonly labels: readonly string[] | null;
  /** The data set it was trained on, such as `glue/sst2`. */
  readonly dataset?: string;
  /** Keys that tinygraft does not know, kept as they are. */
  readonly extra?: ReadonlyMap<string, unknown>;
}

/** One source of a merged adapter. */
export interface MergedFrom {
  /** Content hash of the source adapter, 64 hexadecimal digits. */
  readonly contentHash: string;
  /** Its heads in every layer, or one number a layer. */
  readonly heads: number | readonly number[];
  /** How it was merged, such as `average`. */
  readonly method: string;
  /** Its share in the result. */
  readonly weight: number;
  /** Keys that tinygraft does not know, kept as they are. */
  readonly extra?: ReadonlyMap<string, unknown>;
}

/** The content of `adapter_config.json`. */
export interface AdapterConfig {
  /** Name or path of the base model, for people. */
  readonly baseModelNameOrPath: string | null;
  /** `model_type` of the base's config.json. */
  readonly baseModelType: string;
  /** Width of the base's hidden states, D. */
  readonly hiddenSize: number;
  /** Layers of the base; each has one module. */
  readonly numHiddenLayers: number;
  /** Heads, M: of every layer, or one number a layer. */
  readonly numHeads: number | readonly number[];
  /** Width of a head, d. */
  readonly headDim: number;
  /** Whether the heads' outputs are added up or averaged. */
  readonly combine: "sum" | "mean";
  /** Where in the layer the module stands. */
  readonly placement: Placement;
  /** Epsilon of the modules' LayerNorm. */
  readonly layerNormEps: number;
  /** What the classifier decides. */
  readonly task: AdapterTask;
  /** Which hidden state the classifier reads. */
  readonly pooling: "first_token";
  /** Content hash of the base, 64 hexadecimal digits; `null` where it is not known. */
  readonly baseModelSha256: string | null;
  /** What the adapter was merged from; absent in one that was trained. */
  readonly mergedFrom?: readonly MergedFrom[];
  /** The version of tinygraft that wrote it. */
  readonly tinygraftVersion: string;
  /** Top-level keys that tinygraft does not know, kept as they are. */
  readonly extra: ReadonlyMap<string, unknown>;
}

/** One thing wrong with an adapter config. */
export interface ConfigFault {
  /** The stable reason. */
  readonly code: ErrorCode;
  /** The key, what was found and what was expected. */
  readonly message: string;
}

/**
 * Reads an adapter config, throwing the first fault.
 *
 * @param json The parsed content of `adapter_config.json`.
 * @param path The file, for messages.
 * @returns The config; keys that are not known are in its `extra` maps.
 * @throws {TinygraftError} with code `not-an-adapter` for a PEFT or AdapterHub config,
 *   `unsupported-format-version` for one of a newer tinygraft, else `invalid-adapter-config`.
 *
 * @example Refuse an adapter of another kind
 * ```ts
 * import { parseAdapterConfig, TinygraftError } from "tinygraft";
 * import { assertThrows } from "@std/assert";
 *
 * const read = () => parseAdapterConfig({ peft_type: "LORA" }, "lora/adapter_config.json");
 * assertThrows(read, TinygraftError, "PEFT");
 * ```
 */
export function parseAdapterConfig(
  json: Readonly<Record<string, unknown>>,
  path: string,
): AdapterConfig {
  const { config, faults } = checkAdapterConfig(json, path);
  const [fault] = faults;
  if (fault !== undefined) throw new TinygraftError(fault.message, { code: fault.code, path });
  return config!; // without a fault there is a config
}

/**
 * Reads an adapter config and lists everything that is wrong with it.
 *
 * @param json The parsed content of `adapter_config.json`.
 * @param path The file, for messages.
 * @returns The config, if there is no fault, and the faults in the order of the keys read.
 */
export function checkAdapterConfig(
  json: Readonly<Record<string, unknown>>,
  path: string,
): { config: AdapterConfig | undefined; faults: ConfigFault[] } {
  const foreign = foreignKind(json, path);
  if (foreign !== undefined) return { config: undefined, faults: [foreign] };
  const fields = new ConfigFields(json, `Cannot read "${path}"`);
  const numHiddenLayers = fields.layerCount("num_hidden_layers");
  const config: AdapterConfig = {
    baseModelNameOrPath: fields.nullableText("base_model_name_or_path"),
    baseModelType: fields.text("base_model_type"),
    hiddenSize: fields.count("hidden_size"),
    numHiddenLayers,
    numHeads: fields.counts("num_heads", numHiddenLayers),
    headDim: fields.count("head_dim"),
    combine: fields.oneOf("combine", ["sum", "mean"]),
    placement: fields.oneOf("placement", PLACEMENT_NAMES),
    layerNormEps: fields.positive("layer_norm_eps"),
    task: readTask(fields.object("task")),
    pooling: fields.oneOf("pooling", ["first_token"]),
    baseModelSha256: fields.nullableHash("base_model_sha256"),
    ...optional("mergedFrom", readMergedFrom(fields, numHiddenLayers)),
    tinygraftVersion: fields.text("tinygraft_version"),
    extra: fields.rest(["adapter_type", "format_version"]),
  };
  const { baseModelType, numHeads } = config;
  const isShared = countModules(baseModelType, numHiddenLayers) < numHiddenLayers;
  if (isShared && typeof numHeads !== "number" && new Set(numHeads).size > 1) {
    const expected = "expected one number: all layers of such a base share one module";
    fields.fault("num_heads", `is ${JSON.stringify(numHeads)}, ${expected}`);
  }
  return { config: fields.faults.length > 0 ? undefined : config, faults: fields.faults };
}

/** An `adapter_config.json` is also what PEFT and AdapterHub write: both are told apart here. */
function foreignKind(
  json: Readonly<Record<string, unknown>>,
  path: string,
): ConfigFault | undefined {
  const refuse = (found: string, remedy: string): ConfigFault => ({
    code: "not-an-adapter",
    message: `Cannot read "${path}" as a tiny-attention adapter: ${found}, expected ` +
      `"adapter_type": "${ADAPTER_TYPE}": ${remedy}`,
  });
  const type = JSON.stringify(json.adapter_type);
  if ("peft_type" in json) {
    return refuse(`it is a PEFT adapter of type ${JSON.stringify(json.peft_type)}`, "use PEFT");
  }
  if (json.adapter_type === undefined && "config" in json && "model_class" in json) {
    return refuse("it is an AdapterHub adapter", "use the adapters library");
  }
  if (json.adapter_type !== ADAPTER_TYPE) {
    return refuse(`its adapter_type is ${type ?? "missing"}`, "name a folder that tinygraft wrote");
  }
  const version = json.format_version;
  if (!Number.isSafeInteger(version) || Number(version) < 1) {
    return {
      code: "invalid-adapter-config",
      message: `Cannot read "${path}": format_version is ${JSON.stringify(version) ?? "missing"}` +
        `, expected ${FORMAT_VERSION}`,
    };
  }
  if (Number(version) > FORMAT_VERSION) {
    return {
      code: "unsupported-format-version",
      message: `Cannot read "${path}": format_version is ${version}, expected at most ` +
        `${FORMAT_VERSION}: use a newer tinygraft`,
    };
  }
  return undefined;
}

function readTask(fields: ConfigFields): AdapterTask {
  const type = fields.oneOf("type", ["classification", "regression"]);
  const labels = fields.nullableLabels("labels");
  if (type === "regression" && labels !== null && labels.length !== 1) {
    fields.fault("labels", `has ${labels.length} entries, expected null or one for regression`);
  }
  const dataset = fields.optionalText("dataset");
  return { type, labels, ...optional("dataset", dataset), ...extraOf(fields) };
}

function readMergedFrom(fields: ConfigFields, layers: number): MergedFrom[] | undefined {
  return fields.optionalObjects("merged_from")?.map((source) => ({
    contentHash: source.hash("content_hash"),
    heads: source.counts("heads", layers),
    method: source.text("method"),
    weight: source.finite("weight"),
    ...extraOf(source),
  }));
}

/** The property, or nothing where it has no value: `undefined` is no value of such a property. */
function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : { [key]: value } as { [P in K]: V };
}

function extraOf(fields: ConfigFields): { extra?: ReadonlyMap<string, unknown> } {
  const extra = fields.rest([]);
  return extra.size > 0 ? { extra } : {};
}

/**
 * Writes an adapter config: two spaces of indent, sorted keys, final newline, unknown keys kept.
 *
 * @param config The config; not changed.
 * @returns The text of `adapter_config.json`; the same config always gives the same text.
 */
export function formatAdapterConfig(config: AdapterConfig): string {
  const { task, mergedFrom } = config;
  const json = new Map<string, unknown>([
    ["adapter_type", ADAPTER_TYPE],
    ["format_version", FORMAT_VERSION],
    ["base_model_name_or_path", config.baseModelNameOrPath],
    ["base_model_type", config.baseModelType],
    ["hidden_size", config.hiddenSize],
    ["num_hidden_layers", config.numHiddenLayers],
    ["num_heads", config.numHeads],
    ["head_dim", config.headDim],
    ["combine", config.combine],
    ["placement", config.placement],
    ["layer_norm_eps", config.layerNormEps],
    ["task", taskJson(task)],
    ["pooling", config.pooling],
    ["base_model_sha256", config.baseModelSha256],
    ["tinygraft_version", config.tinygraftVersion],
    ...config.extra,
  ]);
  if (mergedFrom !== undefined) json.set("merged_from", mergedFrom.map(mergedFromJson));
  return `${stringifySorted(json)}\n`;
}

function taskJson(task: AdapterTask): Map<string, unknown> {
  const json = new Map<string, unknown>([["type", task.type], ["labels", task.labels]]);
  if (task.dataset !== undefined) json.set("dataset", task.dataset);
  for (const [key, value] of task.extra ?? []) json.set(key, value);
  return json;
}

function mergedFromJson(source: MergedFrom): Map<string, unknown> {
  return new Map<string, unknown>([
    ["content_hash", source.contentHash],
    ["heads", source.heads],
    ["method", source.method],
    ["weight", source.weight],
    ...(source.extra ?? []),
  ]);
}

/**
 * Lists the keys that tinygraft does not know, for one warning.
 *
 * @param config A config as read.
 * @returns Names such as `notes` or `task.split`, in the order of the file.
 */
export function unknownKeys(config: AdapterConfig): string[] {
  const merged = (config.mergedFrom ?? []).flatMap((source, i) =>
    [...source.extra?.keys() ?? []].map((key) => `merged_from[${i}].${key}`)
  );
  const task = [...config.task.extra?.keys() ?? []].map((key) => `task.${key}`);
  return [...config.extra.keys(), ...task, ...merged];
}

/**
 * Gives the number of heads of one layer's module.
 *
 * @param config The adapter's config.
 * @param layer The layer, from 0.
 * @returns M, at least 1.
 * @throws {RangeError} when there is no such layer.
 */
export function headsOfLayer(config: AdapterConfig, layer: number): number {
  if (!Number.isInteger(layer) || layer < 0 || layer >= config.numHiddenLayers) {
    throw new RangeError(
      `Cannot look up layer ${layer}: the adapter has ${config.numHiddenLayers}`,
    );
  }
  const { numHeads } = config;
  return typeof numHeads === "number" ? numHeads : numHeads[layer]!;
}

/**
 * Gives the number of the classifier's rows: 1 for regression, else one a label.
 *
 * @param config The adapter's config.
 * @param classifierShape Shape of `classifier.weight`, needed where the labels have no names.
 * @returns The number of labels, at least 1.
 * @throws {TinygraftError} with code `invalid-adapter-config` when neither tells.
 */
export function numLabels(config: AdapterConfig, classifierShape?: readonly number[]): number {
  const { type, labels } = config.task;
  if (type === "regression") return 1;
  const count = labels?.length ?? classifierShape?.[0];
  if (count !== undefined && count > 0) return count;
  throw new TinygraftError(
    "Cannot tell the number of labels: task.labels is null and classifier.weight has no rows, " +
      "expected labels or a classifier",
    { code: "invalid-adapter-config" },
  );
}
