// The keys are Python's.
// deno-lint-ignore-file camelcase
/**
 * An adapter, or a checkpoint that carries one, that Python's transformers loads by itself.
 *
 * @module
 */

import { formatAdapterConfig } from "../../adapter/config.ts";
import { CONFIG_JSON_KEY, CONFIG_METADATA_KEY } from "../../adapter/embedded.ts";
import { addMember, parseObject, removeMember } from "../../adapter/json_text.ts";
import { type Adapter, ADAPTER_WEIGHTS } from "../../adapter/open.ts";
import { adapterSteps } from "../../adapter/plan.ts";
import { moduleSites } from "../../adapter/sites.ts";
import { unknownBase } from "../../adapter/tensors.ts";
import { MODEL_CONFIG } from "../../checkpoint/names.ts";
import type { Plan } from "../../checkpoint/plan.ts";
import { TinygraftError } from "../../errors.ts";
import { findArchitecture } from "../../model/registry.ts";
import { quote } from "../../tensor/quote.ts";
import code from "./modeling_tiny_attention.py" with { type: "text" };

/** The file that makes transformers run the adapter. */
export const PYTHON_FILE = "modeling_tiny_attention.py";

const MODULE = "modeling_tiny_attention";
const AUTO_MODEL = "AutoModelForSequenceClassification";
const NO_CONFIG = "{}\n";

/** How {@linkcode planPython} is to write an adapter. */
export interface PythonOptions {
  /** The base's name on the Hub, or its path; what the adapter says, unless given. */
  readonly base?: string | undefined;
}

/**
 * Plans a folder with the adapter alone that Python's transformers loads together with its base,
 * as its documentation describes for models with code of their own: config.json, one file of code
 * and the weights. tinygraft reads the folder as an adapter, too.
 *
 * There is no `adapter_config.json`: where the library PEFT is installed, transformers takes a
 * folder with one for an adapter of PEFT's.
 *
 * @param adapter The open adapter; stays open until the plan is executed, and belongs to the caller.
 * @param output The folder to be made.
 * @param options The base's name.
 * @returns The plan; nothing is written yet.
 * @throws {TinygraftError} with code `unsupported-architecture` for a base whose sites in
 * transformers are not known, `invalid-adapter-config` where nothing names the base.
 *
 * @example What transformers needs
 * ```ts
 * import { openAdapter, planPython } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const { files } = planPython(adapter, "for-python", { base: "org/mini" });
 * assertEquals(files.map(({ path }) => path), [
 *   "config.json",
 *   "modeling_tiny_attention.py",
 *   "adapter_model.safetensors",
 * ]);
 * ```
 */
export function planPython(adapter: Adapter, output: string, options: PythonOptions = {}): Plan {
  const { base } = options;
  const configText = base === undefined
    ? adapter.configText
    : formatAdapterConfig({ ...adapter.config, baseModelNameOrPath: base });
  const config = aloneConfig(adapter, configText);
  const metadata = new Map([["format", "pt"], [CONFIG_METADATA_KEY, configText]]);
  return {
    output,
    kind: "folder",
    inputs: adapter.inputs,
    sources: adapter.sources,
    files: [
      { kind: "bytes", path: MODEL_CONFIG, bytes: encode(config), origin: "the adapter's config" },
      { kind: "bytes", path: PYTHON_FILE, bytes: encode(code), origin: "code for transformers" },
      { kind: "safetensors", path: ADAPTER_WEIGHTS, tensors: adapterSteps(adapter), metadata },
    ],
  };
}

/**
 * Makes the files that let Python's transformers load a folder which holds an adapter already.
 *
 * @param adapter The open adapter of the folder; belongs to the caller.
 * @param modelConfig The text of config.json of a checkpoint that carries the adapter; `undefined`
 * for an adapter folder.
 * @returns Content by name: config.json, which stands in for that of the folder, and the code.
 * @throws {TinygraftError} as {@linkcode planPython}, with `invalid-json` for `modelConfig`, and
 * with `not-a-checkpoint` for a checkpoint without config.json.
 */
export function pythonFiles(
  adapter: Adapter,
  modelConfig: string | undefined,
): Map<string, Uint8Array<ArrayBuffer>> {
  if (adapter.embedded && modelConfig === undefined) {
    throw new TinygraftError(
      `Cannot add Python's code to ${
        quote(adapter.location)
      }: it has no ${MODEL_CONFIG}, expected ` +
        "the base's: put it there first",
      { code: "not-a-checkpoint", path: adapter.location },
    );
  }
  const config = modelConfig === undefined
    ? aloneConfig(adapter, adapter.configText)
    : describe(modelConfig, adapter, adapter.configText, {});
  return new Map([[MODEL_CONFIG, encode(config)], [PYTHON_FILE, encode(code)]]);
}

/** The config of an adapter without its base, which it must name. */
function aloneConfig(adapter: Adapter, configText: string): string {
  const { location } = adapter;
  const { base_model_name_or_path: base } = parseObject(configText, location, "the config");
  if (typeof base !== "string") {
    throw new TinygraftError(
      `Cannot export ${quote(location)} for Python: it does not name its base, expected ` +
        "base_model_name_or_path: give --base",
      { code: "invalid-adapter-config", path: location },
    );
  }
  const typed = addMember(NO_CONFIG, "model_type", "tiny_attention");
  return describe(typed, adapter, configText, { AutoConfig: `${MODULE}.TinyAttentionConfig` });
}

/** Adds what the code reads; all else in the text stays, byte for byte. */
function describe(
  text: string,
  adapter: Adapter,
  configText: string,
  classes: Readonly<Record<string, string>>,
): string {
  const { location, config: { task } } = adapter;
  const before = parseObject(text, location, MODEL_CONFIG);
  const labels = Array.from(
    { length: adapter.numLabels },
    (_, i) => task.labels?.[i] ?? `LABEL_${i}`,
  );
  const known = before["auto_map"];
  const members: Record<string, unknown> = {
    auto_map: {
      ...(typeof known === "object" ? known : {}),
      ...classes,
      [AUTO_MODEL]: `${MODULE}.TinyAttentionForSequenceClassification`,
    },
    id2label: new Map(labels.map((label, i) => [String(i), label])),
    label2id: new Map(labels.map((label, i) => [label, i])),
    [CONFIG_JSON_KEY]: parseObject(configText, location, "the adapter's config"),
    tiny_attention_sites: sitesOf(adapter),
  };
  let described = text;
  for (const [key, value] of Object.entries(members)) {
    described = addMember(removeMember(described, key), key, value);
  }
  return described;
}

/** For each module its own path, what it reads and what it is added to. */
function sitesOf({ config }: Adapter): [path: string, reads: string, joins: string][] {
  const architecture = findArchitecture(config.baseModelType);
  if (architecture === undefined) throw unknownBase(config);
  return moduleSites(config, architecture).map(({ path, reads, joins }) => [path, reads, joins]);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
