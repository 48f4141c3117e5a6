/**
 * Exporting adapters to other layouts.
 *
 * @module
 */

import { type AdapterConfig, headsOfLayer } from "../adapter/config.ts";
import type { Adapter } from "../adapter/open.ts";
import { DEFAULT_PLACEMENT, PLACEMENTS } from "../adapter/placement.ts";
import { CLASSIFIER_TENSORS, moduleCount, unknownBase } from "../adapter/tensors.ts";
import { isFileOutput } from "../checkpoint/folder_parts.ts";
import { MODEL_WEIGHTS } from "../checkpoint/names.ts";
import type { Plan, TensorStep } from "../checkpoint/plan.ts";
import { TinygraftError } from "../errors.ts";
import { type LayerModule, readLayer, tensorEntry } from "../merge/layer.ts";
import { findAdapterPlace } from "../model/adapter_places.ts";
import { fillLayer } from "../model/architecture.ts";
import { quote } from "../tensor/quote.ts";
import { LAYERS_KEY } from "./base_facts.ts";
import { BODY_NORM_EPS, BODY_TENSORS, layOutModule } from "./bodies.ts";
import { HEADS_KEYS } from "./head_count.ts";
import type { Layout } from "./layout_names.ts";
import { PLACEMENT_KEY } from "./placement.ts";
import { parentOf } from "./sites.ts";
import { type AdapterDtype, commonDtype, readValues, valueStep } from "./values.ts";

/** How {@linkcode planExport} is to write an adapter. */
export interface ExportOptions {
  /** Whose layout. */
  readonly layout: Layout;
  /** What the adapter is called among several of one model, in NeMo; "tiny_attn" unless given. */
  readonly adapter?: string;
  /** The dtype to store; that of the adapter's tensors, unless given. */
  readonly dtype?: AdapterDtype;
}

/** An export that is ready to be written. */
export interface AdapterExport {
  /** Writes the safetensors file. */
  readonly plan: Plan;
  /** Whose layout it is written in. */
  readonly layout: Layout;
  /** Whether the other code computes the same, but for rounding. */
  readonly exact: boolean;
  /** What people should know. */
  readonly notes: readonly string[];
  /** What the other code must be configured with: its names of sizes. */
  readonly settings: Readonly<Record<string, number>>;
  /** Tensors of the adapter that the layout has no place for, by name. */
  readonly leftOut: readonly string[];
}

/**
 * Plans an adapter in another layout: one safetensors file with the tensors of its modules, and in
 * the authors' also the classifier, named as inside their full model. What their modules have
 * beyond the canonical form becomes identities and zeros, so that no weight is rounded; heads that
 * are averaged are rounded once. Sizes that the other code must be told stand in the metadata too.
 *
 * @param adapter The open adapter; stays open until the plan is executed, and belongs to the caller.
 * @param output A path that ends in `.safetensors` for one file, else the folder to be made.
 * @param options The layout; see {@linkcode ExportOptions}.
 * @returns The plan and what to know about it. Nothing is written yet.
 * @throws {TinygraftError} with code `unsupported-variant` where the layout has no form for the
 * adapter: head counts that differ between layers, another LayerNorm epsilon, a base of type "gpt2"
 * in the authors', or another placement than after the attention block in NeMo's; `non-finite` for
 * values that make no sense.
 */
export async function planExport(
  adapter: Adapter,
  output: string,
  options: ExportOptions,
): Promise<AdapterExport> {
  const { layout } = options;
  const { config, location } = adapter;
  const heads = requireForm(adapter, layout);
  const action = `Cannot export ${quote(location)}`;
  const dtype = options.dtype ?? commonDtype(adapter.tensors.values());
  const origin = `laid out as ${layout}`;
  const steps: TensorStep[] = [];
  for (let layer = 0; layer < moduleCount(config); layer++) {
    const read = (name: string) => readValues(tensorEntry(adapter, name), action);
    const module = await readLayer(adapter, layer, read);
    const path = modulePath(config, layer, options);
    steps.push(...moduleSteps(module, layout, (step) => {
      return valueStep({ ...step, name: `${path}.${step.name}`, dtype }, action, origin);
    }));
  }
  const leftOut: string[] = [];
  for (const { name } of CLASSIFIER_TENSORS) {
    const entry = tensorEntry(adapter, name);
    const values = await readValues(entry, action);
    const theirs = name.replace("classifier.", "classifier.out_proj.");
    const step = { name: theirs, shape: entry.shape, values, dtype };
    if (layout === "authors") steps.push(valueStep(step, action, origin));
    else leftOut.push(name);
  }
  const settings = settingsOf(config, layout, heads);
  return {
    plan: planFile(adapter, output, steps, {
      ...settings,
      ...sharedLayers(config),
      ...placementFact(config),
    }),
    layout,
    exact: true,
    notes: exportNotes(config, layout),
    settings,
    leftOut,
  };
}

/** Refuses what the layout cannot express, and gives the number of heads. */
function requireForm({ config, location }: Adapter, layout: Layout): number {
  const counts = Array.from(
    { length: config.numHiddenLayers },
    (_, layer) => headsOfLayer(config, layer),
  );
  const refuse = (found: string, expected: string, remedy: string) => {
    throw new TinygraftError(
      `Cannot export ${quote(location)} in the layout ${layout}: ${found}, expected ${expected}: ` +
        remedy,
      { code: "unsupported-variant", path: location },
    );
  };
  if (counts.some((count) => count !== counts[0])) {
    const remedy = "merge it to one number of heads first";
    refuse(`its layers have ${counts.join(", ")} heads`, "one number for all layers", remedy);
  }
  if (config.layerNormEps !== BODY_NORM_EPS) {
    const remedy = "the other code has it built in";
    refuse(`its LayerNorm's epsilon is ${config.layerNormEps}`, `${BODY_NORM_EPS}`, remedy);
  }
  if (layout === "nemo" && config.placement !== DEFAULT_PLACEMENT) {
    const remedy = "no placement can be converted into another";
    refuse(`its placement is ${config.placement}`, DEFAULT_PLACEMENT, remedy);
  }
  if (layout === "authors" && config.baseModelType === "gpt2") {
    const remedy = "use tinygraft's own layout";
    const found = "query, key and value of their GPT-2 share one input of the heads' width";
    refuse(found, "a module with an input for each", remedy);
  }
  return counts[0]!;
}

/** Names a module as inside the other code's full model: with the model's own prefix. */
function modulePath(config: AdapterConfig, layer: number, options: ExportOptions): string {
  const place = findAdapterPlace(config.baseModelType);
  if (place === undefined) throw unknownBase(config);
  const prefix = place.prefixes.find((each) => each !== "") ?? "";
  const parent = prefix + fillLayer(parentOf(place.adapterPath), layer);
  if (options.layout === "authors") return `${parent}.tiny_attn`;
  return `${parent}.adapter_layer.${options.adapter ?? "tiny_attn"}`;
}

interface BodyStep {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

function moduleSteps(
  module: LayerModule,
  layout: Layout,
  toStep: (step: BodyStep) => TensorStep,
): TensorStep[] {
  const kind = layout === "nemo" ? "nemo" : "joined";
  const inner = module.numHeads * module.headDim;
  const sizes = { hidden: module.hiddenSize, inner, innerThrice: 3 * inner };
  const tensors = layOutModule(kind, module);
  return BODY_TENSORS[kind].map(({ name, shape }) =>
    toStep({ name, shape: shape.map((dimension) => sizes[dimension]), values: tensors.get(name)! })
  );
}

function settingsOf(
  { hiddenSize, headDim }: AdapterConfig,
  layout: Layout,
  heads: number,
): Record<string, number> {
  const inner = heads * headDim;
  return layout === "authors"
    ? { attention_emd: inner, [HEADS_KEYS.authors]: heads }
    : { n_feat: hiddenSize, [HEADS_KEYS.nemo]: heads, proj_dim: inner };
}

/** What the names of a module that layers share do not tell, for the way back. */
function sharedLayers(config: AdapterConfig): Record<string, number> {
  const { numHiddenLayers } = config;
  return moduleCount(config) === numHiddenLayers ? {} : { [LAYERS_KEY]: numHiddenLayers };
}

/** The place by the authors' name, where it is not the usual one. */
function placementFact({ placement }: AdapterConfig): Record<string, string> {
  if (placement === DEFAULT_PLACEMENT) return {};
  return { [PLACEMENT_KEY]: PLACEMENTS[placement].authors };
}

function exportNotes(config: AdapterConfig, layout: Layout): string[] {
  const { combine, baseModelType, placement } = config;
  const notes = [
    layout === "nemo"
      ? "exact: the same tensors under other names"
      : "exact: what their module has beyond ours is the identity, or zero",
  ];
  if (combine === "mean") {
    notes.push("heads are added up there: their output is divided by their number, rounded once");
  }
  if (placement !== DEFAULT_PLACEMENT) {
    notes.push(`their code must be told the placement ${PLACEMENTS[placement].authors}`);
  }
  if (layout === "nemo") {
    notes.push("the layout has no place for a classifier: it is left out");
  } else {
    notes.push("the file holds the adapter alone: load it over the base with strict=False");
    if (baseModelType === "albert") notes.push("their ALBERT masks no padding: run batches of one");
    else if (!baseModelType.endsWith("roberta")) {
      notes.push(
        `their code has no model of type ${quote(baseModelType)}: names follow the same ` +
          "pattern",
      );
    }
  }
  return notes;
}

function planFile(
  { inputs, sources }: Adapter,
  output: string,
  tensors: readonly TensorStep[],
  facts: Readonly<Record<string, number | string>>,
): Plan {
  const isFile = isFileOutput(output);
  const metadata = new Map([
    ["format", "pt"],
    ...Object.entries(facts).map(([key, value]): [string, string] => [key, String(value)]),
  ]);
  return {
    output,
    kind: isFile ? "file" : "folder",
    inputs,
    sources,
    files: [{ kind: "safetensors", path: isFile ? "" : MODEL_WEIGHTS, tensors, metadata }],
  };
}
