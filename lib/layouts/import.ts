/**
 * Importing adapters of other layouts: from an opened checkpoint to the plan of an adapter folder.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import { fileSources } from "../adapter/open.ts";
import type { Placement } from "../adapter/placement.ts";
import { planAdapter } from "../adapter/plan.ts";
import { adapterTensors } from "../adapter/tensors.ts";
import type { Checkpoint } from "../checkpoint/open.ts";
import type { Plan } from "../checkpoint/plan.ts";
import { gaussianInputs } from "../merge/compare.ts";
import { ARRAY_TENSORS, LAYER_ARRAYS, type LayerModule } from "../merge/layer.ts";
import { quote } from "../tensor/quote.ts";
import { VERSION } from "../version.ts";
import {
  type BaseFacts,
  type BaseStatement,
  changedTensors,
  findBase,
  hashOfBase,
} from "./base_facts.ts";
import { BODY_NORM_EPS, canonicalModule, type ModuleSizes } from "./bodies.ts";
import { findClassifier, type FoundClassifier, type TaskStatement } from "./classifier.ts";
import { type BodyEntries, findAdapter, type FoundAdapter } from "./find.ts";
import { countHeads, type HeadStatement } from "./head_count.ts";
import { importNotes, refuseLimitedContext } from "./import_notes.ts";
import type { Layout } from "./layout_names.ts";
import { joinMixture, MIXTURE_EXPERTS, type MixtureGap, mixtureGap } from "./mixture.ts";
import { decidePlacement } from "./placement.ts";
import type { SiteOptions } from "./sites.ts";
import { type AdapterDtype, commonDtype, readValues, valueStep } from "./values.ts";

/** How {@linkcode planImport} is to read an adapter; what is absent is found or assumed. */
export interface ImportOptions extends SiteOptions, HeadStatement {
  /** What is said about the base. */
  readonly base?: BaseStatement;
  /** Where the authors' modules stand; as the file's metadata says, else after the attention block. */
  readonly placement?: Placement;
  /** What the classifier decides; by its rows, unless given. */
  readonly task?: TaskStatement;
  /** What the module's output is multiplied with: 0.01 for the authors' old code, else 1. */
  readonly outputScale?: number;
  /** The dtype to store; that of the input's tensors, unless given. */
  readonly dtype?: AdapterDtype;
  /** Seed of the random inputs at which a mixture is measured; 0 unless given. */
  readonly seed?: number;
}

/** An import that is ready to be written. */
export interface AdapterImport {
  /** Writes the adapter folder. */
  readonly plan: Plan;
  /** The adapter's config. */
  readonly config: AdapterConfig;
  /** Whose layout the input has. */
  readonly layout: Layout;
  /** Whether the adapter computes the same, but for rounding, as the original's code does. */
  readonly exact: boolean;
  /** What people should know: why it is exact or not, and what was assumed. */
  readonly notes: readonly string[];
  /** For a mixture: how far each layer is from the chain of modules that it stands for. */
  readonly mixture: readonly MixtureGap[] | undefined;
  /** Tensors of the input that are not part of the adapter, by name. */
  readonly leftOut: readonly string[];
}

/**
 * Plans an adapter folder from an adapter of another layout: the tiny-attention authors' (RoBERTa,
 * ALBERT and GPT-2 modules, and the mixture of four) or NVIDIA NeMo's `MultiHeadAttentionAdapter`.
 * All products of factors are taken in f64 and rounded once.
 *
 * @param input The open checkpoint, as `openConvertInput` opens one; stays open until the plan is
 * executed, and belongs to the caller.
 * @param output The folder to be made.
 * @param options What cannot be read off the tensors; see {@linkcode ImportOptions}.
 * @returns The plan, and whether and why the import is exact. Nothing is written yet.
 * @throws {TinygraftError} as `findAdapter`, `findBase` and `findClassifier`, and with code
 * `non-finite`, `unsupported-dtype` or `value-out-of-range` for values that cannot be used.
 * @throws {UsageError} where neither tensors nor options tell what is needed.
 * @see arXiv 2211.01979 for the authors' module
 *
 * @example What export wrote comes back as it was
 * ```ts
 * import { execute, openAdapter, openCheckpoint, planExport, planImport } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const exported = await planExport(adapter, `${folder}/theirs.safetensors`, { layout: "authors" });
 * await execute(exported.plan);
 *
 * using theirs = await openCheckpoint(`${folder}/theirs.safetensors`);
 * const imported = await planImport(theirs, `${folder}/ours`, {});
 * assertEquals([imported.layout, imported.exact], ["authors", true]);
 * await execute(imported.plan);
 * using ours = await openAdapter(`${folder}/ours`);
 * assertEquals(await ours.contentHash(), await adapter.contentHash());
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function planImport(
  input: Checkpoint,
  output: string,
  options: ImportOptions,
): Promise<AdapterImport> {
  const { location } = input;
  const found = findAdapter(input.tensors, location, options);
  if (found.layout === "nemo") refuseLimitedContext(input);
  const base = findBase(found, input, options.base ?? {});
  const heads = countHeads(found, input, options);
  const place = decidePlacement(found, input, options.placement);
  const classifier = findClassifier(input, base.wrapper, found.hiddenSize, options.task);
  const modules = await readModules(found, `Cannot import ${quote(location)}`, {
    ...heads,
    outputScale: options.outputScale ?? 1,
  });
  const inputs = gaussianInputs(found.hiddenSize, options.seed ?? 0);
  const mixture = found.isMixture
    ? modules.map((experts, layer) => mixtureGap(layer, experts, inputs))
    : undefined;
  const open = options.base?.checkpoint;
  const config: AdapterConfig = {
    baseModelNameOrPath: null,
    baseModelType: base.place.modelType,
    hiddenSize: found.hiddenSize,
    numHiddenLayers: base.numHiddenLayers,
    numHeads: heads.numHeads * (found.isMixture ? MIXTURE_EXPERTS : 1),
    headDim: heads.headDim,
    combine: "sum",
    placement: place.placement,
    layerNormEps: BODY_NORM_EPS,
    task: classifier.task,
    pooling: "first_token",
    baseModelSha256: open === undefined ? null : await hashOfBase(open),
    tinygraftVersion: VERSION,
    extra: new Map(),
  };
  const canonical = modules.map((experts) => found.isMixture ? joinMixture(experts) : experts[0]!);
  return {
    plan: await planFolder({ input, output, config, canonical, found, classifier }, options),
    config,
    layout: found.layout,
    exact: !found.isMixture,
    notes: [
      ...importNotes(found, mixture, options.outputScale ?? 1),
      ...place.notes,
      ...heads.notes,
      ...base.notes,
      ...classifier.notes,
      ...open === undefined ? [] : await changeNotes(input, open, base),
    ],
    mixture,
    leftOut: leftOutOf(input, found, classifier),
  };
}

interface ReadSizes extends Omit<ModuleSizes, "hiddenSize"> {
  readonly outputScale: number;
}

/** Reads the modules, layer by layer, in the canonical form. */
async function readModules(
  { kind, layers, hiddenSize }: FoundAdapter,
  action: string,
  { outputScale, numHeads, headDim }: ReadSizes,
): Promise<LayerModule[][]> {
  const read = async (entries: BodyEntries): Promise<LayerModule> => {
    const values = new Map<string, Float64Array>();
    for (const [name, entry] of entries) values.set(name, await readValues(entry, action));
    const module = canonicalModule(kind, values, { hiddenSize, numHeads, headDim });
    if (outputScale === 1) return module;
    const scale = (value: number) => outputScale * value;
    return {
      ...module,
      outputWeight: module.outputWeight.map(scale),
      outputBias: module.outputBias.map(scale),
    };
  };
  const modules: LayerModule[][] = [];
  for (const experts of layers) {
    const layer: LayerModule[] = [];
    for (const entries of experts) layer.push(await read(entries));
    modules.push(layer);
  }
  return modules;
}

/** All that the folder is made of. */
interface FolderParts {
  readonly input: Checkpoint;
  readonly output: string;
  readonly config: AdapterConfig;
  readonly canonical: readonly LayerModule[];
  readonly found: FoundAdapter;
  readonly classifier: FoundClassifier;
}

async function planFolder(
  { input, output, config, canonical, found, classifier }: FolderParts,
  options: ImportOptions,
): Promise<Plan> {
  const action = `Cannot import ${quote(input.location)}`;
  const entries = found.layers.flat().flatMap((module) => [...module.values()]);
  const heads = Object.values(classifier.tensors ?? {});
  const dtype = options.dtype ?? commonDtype([...entries, ...heads]);
  const values = new Map<string, Float64Array>();
  if (classifier.tensors !== undefined) {
    const { weight, bias } = classifier.tensors;
    values.set("classifier.weight", await readValues(weight, action));
    values.set("classifier.bias", await readValues(bias, action));
  } else {
    values.set("classifier.weight", new Float64Array(classifier.numLabels * config.hiddenSize));
    values.set("classifier.bias", new Float64Array(classifier.numLabels));
  }
  const steps = adapterTensors(config, classifier.numLabels).map(
    ({ name, shape, layer, template }) => {
      const array = LAYER_ARRAYS.find((each) => ARRAY_TENSORS[each] === template.name);
      const tensor = layer === undefined ? values.get(name) : array && canonical[layer]?.[array];
      if (tensor === undefined) throw new TypeError(`Cannot import "${name}": it has no values`);
      const step = { name, shape, values: tensor, dtype };
      return valueStep(step, action, `modules of the layout ${found.layout}`);
    },
  );
  const { base } = options;
  const read = base?.checkpoint === undefined ? [input] : [input, base.checkpoint];
  const inputs = read.flatMap(({ kind, location, files }) => [
    ...kind === "folder" ? [location] : [],
    ...files.map(({ path }) => path),
  ]);
  return planAdapter(config, steps, output, inputs, { sources: read.flatMap(fileSources) });
}

function leftOutOf(
  input: Checkpoint,
  { layers }: FoundAdapter,
  { tensors }: FoundClassifier,
): string[] {
  const taken = new Set(layers.flat().flatMap((module) => [...module.values()]));
  for (const entry of Object.values(tensors ?? {})) taken.add(entry);
  return [...input.tensors].filter(([, entry]) => !taken.has(entry)).map(([name]) => name);
}

async function changeNotes(
  input: Checkpoint,
  base: Checkpoint,
  facts: BaseFacts,
): Promise<string[]> {
  const changed = await changedTensors(input, base, facts);
  if (changed.length === 0) return [];
  const names = changed.slice(0, 3).map(quote).join(", ") + (changed.length > 3 ? " …" : "");
  return [
    `the base has other content than the input in ${changed.length} of its tensors (${names}): ` +
    "with it the adapter will not give the input's outputs",
  ];
}
