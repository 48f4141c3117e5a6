/**
 * Recognises a model: config.json and tensor names on one side, an architecture's table on the
 * other.
 *
 * @module
 */

import { closestString } from "@std/text/closest-string";
import { type ErrorCode, TinygraftError } from "../errors.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { quote } from "../tensor/quote.ts";
import { formatShape, type TensorInfo } from "../tensor/shape.ts";
import { type Architecture, fillLayer, type WeightTemplate } from "./architecture.ts";
import {
  type EncoderConfig,
  parseEncoderConfig,
  parseEncoderSizes,
  requireArchitecture,
  unsupportedSetting,
} from "./config.ts";

/** A checkpoint recognised as a model: every weight the runtime needs has a name and a shape. */
export interface ResolvedModel {
  /** The architecture's table. */
  readonly architecture: Architecture;
  /** The checked configuration. */
  readonly config: EncoderConfig;
  /** What stands before the encoder's names in this checkpoint, such as "bert.". */
  readonly prefix: string;
  /**
   * Canonical name (layer filled in, no prefix) to the name in the checkpoint. Optional tensors
   * have an entry where they are present.
   */
  readonly names: ReadonlyMap<string, string>;
}

/** One fault or warning about a model. */
export interface ModelFinding {
  /** The stable reason. */
  readonly code: ErrorCode;
  /** What was found and expected, for people. */
  readonly message: string;
  /** The tensor at fault, when there is one. */
  readonly tensor?: string;
}

/** A tensor that the table asks for. */
interface Expected {
  readonly name: string;
  readonly spellings: readonly string[];
  readonly shape: readonly number[];
  readonly template: WeightTemplate;
}

type Tensors = ReadonlyMap<string, TensorInfo>;

const WEIGHT_DTYPES: readonly Dtype[] = ["F32", "F16", "BF16"];

/**
 * Matches a checkpoint against the architecture that its config.json names.
 *
 * @example A checkpoint without a word table is refused by name
 * ```ts
 * import { resolveModel, TinygraftError } from "tinygraft";
 * import { assertThrows } from "@std/assert";
 *
 * const config = { model_type: "gpt2" };
 * assertThrows(() => resolveModel(config, new Map(), "config.json"), TinygraftError, "gpt2");
 * ```
 *
 * @param configJson The parsed config.json.
 * @param tensors The checkpoint's tensors by name.
 * @param path The checkpoint, for messages.
 * @returns The model.
 * @throws {TinygraftError} with `unsupported-architecture` for an unknown `model_type`,
 * `invalid-config` for a config that cannot be used, `missing-tensor` or `shape-mismatch` where
 * tensors and config disagree, `unsupported-dtype` for weights other than F32, F16 and BF16.
 */
export function resolveModel(
  configJson: Readonly<Record<string, unknown>>,
  tensors: ReadonlyMap<string, TensorInfo>,
  path: string,
): ResolvedModel {
  const architecture = requireArchitecture(configJson, path);
  const config = parseEncoderConfig(configJson, path);
  const match = matchTensors(architecture, config, tensors, path);
  const fault = match.faults[0] ?? match.dtypes[0];
  if (fault !== undefined) throw new TinygraftError(fault.message, { ...fault, path });
  return { architecture, config, prefix: match.prefix, names: match.names };
}

/**
 * Lists every fault and warning of config.json against the tensors.
 *
 * A model that is sound but that tinygraft cannot run (another architecture, activation or weight
 * dtype) gets a warning, since nothing is wrong with its files.
 *
 * @param configJson The parsed config.json.
 * @param tensors The checkpoint's tensors by name.
 * @param path The checkpoint, for messages.
 * @returns Faults, in the table's order, and warnings.
 */
export function checkModel(
  configJson: Readonly<Record<string, unknown>>,
  tensors: ReadonlyMap<string, TensorInfo>,
  path: string,
): { faults: ModelFinding[]; warnings: ModelFinding[] } {
  let architecture: Architecture;
  let config: EncoderConfig;
  try {
    architecture = requireArchitecture(configJson, path);
    config = parseEncoderSizes(configJson, path);
  } catch (error) {
    if (!(error instanceof TinygraftError)) throw error;
    const finding = { code: error.code, message: error.message };
    return error.code === "unsupported-architecture"
      ? { faults: [], warnings: [finding] }
      : { faults: [finding], warnings: [] };
  }
  const match = matchTensors(architecture, config, tensors, path);
  const warnings = [...match.dtypes, ...match.unexpected];
  const setting = unsupportedSetting(configJson);
  if (setting !== undefined) {
    warnings.unshift({ code: "invalid-config", message: `Cannot run "${path}": ${setting}` });
  }
  return { faults: match.faults, warnings };
}

/** Expands the table: every tensor that the architecture knows at these sizes. */
function expectedTensors(architecture: Architecture, config: EncoderConfig): Expected[] {
  const expand = (template: WeightTemplate, layer: number): Expected => ({
    name: fillLayer(template.name, layer),
    spellings: [template.name, ...template.aliases ?? []].map((name) => fillLayer(name, layer)),
    shape: template.shape.map((name) => name === 1 ? 1 : config[name]),
    template,
  });
  const layers = Array.from(
    { length: config.numOwnLayers },
    (_, layer) => architecture.layer.map((template) => expand(template, layer)),
  );
  const narrow = config.embeddingSize !== config.hiddenSize;
  const embeddings = architecture.embeddings.filter(({ narrowOnly }) => narrow || !narrowOnly);
  return [
    ...embeddings.map((template) => expand(template, 0)),
    ...layers.flat(),
    ...architecture.extra.map((template) => expand(template, 0)),
  ];
}

/** The prefix under which most of the expected names are found; the first of equals. */
function choosePrefix(
  architecture: Architecture,
  expected: readonly Expected[],
  tensors: Tensors,
): { prefix: string; found: number } {
  const counts = architecture.prefixes.map((prefix) => ({
    prefix,
    found: expected.filter(({ spellings }) => spellings.some((name) => tensors.has(prefix + name)))
      .length,
  }));
  return counts.reduce((best, next) => next.found > best.found ? next : best);
}

interface Match {
  readonly prefix: string;
  readonly names: ReadonlyMap<string, string>;
  readonly faults: ModelFinding[];
  readonly dtypes: ModelFinding[];
  readonly unexpected: ModelFinding[];
}

function matchTensors(
  architecture: Architecture,
  config: EncoderConfig,
  tensors: Tensors,
  path: string,
): Match {
  const expected = expectedTensors(architecture, config);
  const { prefix, found } = choosePrefix(architecture, expected, tensors);
  const names = new Map<string, string>();
  const claimed = new Set<string>();
  for (const { name, spellings } of expected) {
    const actual = spellings.map((spelling) => prefix + spelling).find((it) => tensors.has(it));
    if (actual === undefined) continue;
    names.set(name, actual);
    claimed.add(actual);
  }
  const unknown = [...tensors.keys()].filter((name) =>
    !claimed.has(name) && !isTolerated(architecture, prefix, name)
  );
  const match: Match = { prefix, names, faults: [], dtypes: [], unexpected: [] };
  if (found === 0) {
    match.faults.push({
      code: "missing-tensor",
      message: `Cannot use "${path}": none of its ${tensors.size} tensors has a name of the ` +
        `architecture "${architecture.modelType}", expected for example ` +
        `"${expected[0]?.name}": choose a checkpoint of that architecture`,
    });
    return match;
  }
  for (const each of expected) checkTensor(match, each, tensors, unknown, path);
  for (const tensor of unknown) {
    match.unexpected.push({
      code: "unexpected-tensor",
      tensor,
      message: `Tensor ${quote(tensor)} in "${path}" is not part of the architecture ` +
        `"${architecture.modelType}" with ${config.numHiddenLayers} layers: it is kept as it is`,
    });
  }
  return match;
}

/** Whether a tensor outside the table is known to occur: a task head or an adapter's module. */
function isTolerated(architecture: Architecture, prefix: string, name: string): boolean {
  if (architecture.heads.some((head) => name.startsWith(head))) return true;
  const [before = "", after = ""] = architecture.adapterPath.split("{layer}");
  if (!name.startsWith(prefix + before)) return false;
  const rest = name.slice(prefix.length + before.length);
  return rest.replace(/^\d+/, "").startsWith(`${after}.`);
}

function checkTensor(
  match: Match,
  { name, shape, template }: Expected,
  tensors: Tensors,
  unknown: readonly string[],
  path: string,
): void {
  const tensor = match.names.get(name);
  const info = tensor === undefined ? undefined : tensors.get(tensor);
  if (tensor === undefined || info === undefined) {
    if (template.optional) return;
    const wanted = match.prefix + name;
    const nearest = unknown.length === 0 ? undefined : closestString(wanted, unknown);
    const hint = nearest === undefined ? "" : `; the nearest name there is ${quote(nearest)}`;
    match.faults.push({
      code: "missing-tensor",
      tensor: wanted,
      message: `Cannot use "${path}": tensor "${wanted}" is missing, expected shape ` +
        `${formatShape(shape)}${hint}: check that config.json belongs to these weights`,
    });
    return;
  }
  if (info.shape.length !== shape.length || info.shape.some((size, i) => size !== shape[i])) {
    match.faults.push({
      code: "shape-mismatch",
      tensor,
      message: `Cannot use "${path}": tensor "${tensor}" has shape ${formatShape(info.shape)}, ` +
        `expected ${formatShape(shape)} by config.json`,
    });
  }
  if (!template.buffer && !WEIGHT_DTYPES.includes(info.dtype)) {
    match.dtypes.push({
      code: "unsupported-dtype",
      tensor,
      message: `Cannot use "${path}": tensor "${tensor}" is ${info.dtype}, expected ` +
        `${WEIGHT_DTYPES.join(", ")}: convert the weights first`,
    });
  }
}
