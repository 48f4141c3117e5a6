/**
 * `tinygraft import`: adapters of other layouts.
 *
 * @module
 */

import { headsOfLayer } from "../lib/adapter/config.ts";
import { LAYOUTS } from "../lib/layouts/layout_names.ts";
import type { AdapterImport, ImportOptions } from "../lib/layouts/import.ts";
import type { AdapterDtype } from "../lib/layouts/values.ts";
import type { Checkpoint } from "../lib/checkpoint/open.ts";
import { adapterPlaces } from "../lib/model/adapter_places.ts";
import {
  PLACEMENT_CHOICES,
  PLACEMENT_HELP,
  placementOf,
  TASK_FLAGS,
  taskOptions,
} from "./adapter_flags.ts";
import type { Command } from "./command.ts";
import { type FlagValues, WRITING_FLAGS } from "./flags.ts";
import { formatCountOf, printable } from "./format.ts";
import { DTYPE_FLAG, layoutOf } from "./layout_flags.ts";
import { placeOptions } from "./remote.ts";
import { carryOut, outcomeJson, outcomeText } from "./writing.ts";

/** The types of bases that an adapter may be for. */
const BASE_TYPES = adapterPlaces().map(({ modelType }) => modelType);

/** The command. */
export const importCommand: Command = {
  name: "import",
  group: "Surgery",
  summary: "turn an adapter of another layout into an adapter folder",
  description:
    "Reads an adapter out of IN: a safetensors checkpoint, or weights saved by PyTorch " +
    "(.bin, .pt;\nnothing in them is executed).\n\n" +
    "  authors  the tiny-attention authors' RoBERTa, ALBERT and GPT-2 modules, and the mixture of " +
    "four\n" +
    "  nemo     NVIDIA NeMo's MultiHeadAttentionAdapter\n\n" +
    "Says whether the adapter computes exactly what the original code does. The mixture of four " +
    "does\nnot: the original runs its modules one behind another, the import adds the mean of what " +
    "they add,\nand the gap is measured. The placements seq and double_seq, classifiers of " +
    "several\nlayers and relative positions are refused. The base's own weights are left out.\n\n" +
    PLACEMENT_HELP,
  positionals: [
    { name: "IN", help: "what holds the adapter; never changed" },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: [
    {
      name: "layout",
      kind: "string",
      choices: [...LAYOUTS, "auto"],
      default: "auto",
      help: "whose layout IN has",
    },
    { name: "heads", kind: "integer", min: 1, help: "heads of each module, if not of width 1" },
    { name: "head-dim", kind: "integer", min: 1, help: "width of a head, if not 1" },
    {
      name: "base",
      kind: "string",
      value: "BASE",
      help: "the base: its type and sizes are checked, its content hash is recorded",
    },
    {
      name: "base-type",
      kind: "string",
      value: "TYPE",
      choices: BASE_TYPES,
      help: "the base's model_type, where neither --base nor IN tells",
    },
    { name: "layers", kind: "integer", min: 1, help: "layers that share one module, as in ALBERT" },
    ...TASK_FLAGS,
    {
      name: "output-scale",
      kind: "number",
      value: "S",
      default: 1,
      help: "multiply the output; 0.01 for adapters of the authors' old code",
    },
    {
      name: "placement",
      kind: "string",
      value: "PLACE",
      choices: PLACEMENT_CHOICES,
      help: "where in a layer, as above; else as IN's metadata says, else m0",
    },
    DTYPE_FLAG,
    { name: "name", kind: "string", value: "NAME", help: "which of several NeMo adapters" },
    {
      name: "state-dict",
      kind: "string",
      value: "KEY",
      help: "which dict of a PyTorch file to take, if it holds several",
    },
    ...WRITING_FLAGS,
  ],
  examples: [
    {
      does: "an authors' checkpoint, labels by name",
      line: "tinygraft import best_model.bin adapter --base roberta-large --labels no,yes",
    },
    {
      does: "eight columns that are two heads of width 4",
      line: "tinygraft import model.safetensors adapter --heads 2",
    },
  ],
  async run(invocation) {
    const [location, out] = invocation.args as [string, string];
    const { flags } = invocation;
    const options = importOptions(flags);
    const base = flags.string("base");
    // Imported late, with the readers of other formats: most commands need none.
    const { openConvertInput } = await import("../lib/checkpoint/open_input.ts");
    const { planImport } = await import("../lib/layouts/import.ts");
    const stateDict = flags.string("state-dict");
    using input = await openConvertInput(location, {
      ...placeOptions(invocation, location),
      ...(stateDict === undefined ? {} : { stateDict }),
    });
    using opened = base === undefined
      ? undefined
      : await openConvertInput(base, placeOptions(invocation, base));
    const imported = await planImport(input.checkpoint, out, {
      ...options,
      base: baseStatement(flags, opened?.checkpoint),
    });
    const [outcome] = await carryOut([imported.plan], invocation);
    invocation.print(
      { ...importJson(imported), ...outcomeJson(outcome!) },
      () => [...importText(imported), "", outcomeText(outcome!)].join("\n"),
    );
    return 0;
  },
};

function importOptions(flags: FlagValues): ImportOptions {
  const layout = layoutOf(flags);
  const heads = flags.number("heads");
  const headDim = flags.number("head-dim");
  const adapter = flags.string("name");
  const dtype = flags.string("dtype") as AdapterDtype | undefined;
  const hasTask = TASK_FLAGS.some(({ name }) => flags.has(name));
  return {
    ...(layout === undefined ? {} : { layout }),
    ...(heads === undefined ? {} : { heads }),
    ...(headDim === undefined ? {} : { headDim }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(dtype === undefined ? {} : { dtype }),
    ...(flags.given("placement") ? { placement: placementOf(flags) } : {}),
    ...(hasTask ? { task: taskOptions(flags) } : {}),
    outputScale: flags.number("output-scale")!,
  };
}

function baseStatement(flags: FlagValues, checkpoint: Checkpoint | undefined) {
  const modelType = flags.string("base-type");
  const numHiddenLayers = flags.number("layers");
  return {
    ...(modelType === undefined ? {} : { modelType }),
    ...(numHiddenLayers === undefined ? {} : { numHiddenLayers }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}

function importJson({ layout, exact, notes, config, mixture, leftOut }: AdapterImport) {
  const { baseModelType, hiddenSize, numHiddenLayers, numHeads, headDim } = config;
  return {
    layout,
    exact,
    notes,
    adapter: { baseModelType, hiddenSize, numHiddenLayers, numHeads, headDim },
    ...(mixture === undefined ? {} : { mixture }),
    leftOut,
  };
}

function importText({ layout, notes, config, leftOut }: AdapterImport): string[] {
  const { baseModelType, numHiddenLayers, headDim } = config;
  // No layout has layers that differ in heads.
  const heads = headsOfLayer(config, 0);
  const lines = [
    `Layout ${layout}: ${formatCountOf(heads, "head")} of width ${headDim} a layer, in ` +
    `${formatCountOf(numHiddenLayers, "layer")} of a base of type ${printable(baseModelType)}`,
    ...notes.map((note) => `  ${printable(note)}`),
  ];
  if (leftOut.length > 0) {
    lines.push(`  left out: ${formatCountOf(leftOut.length, "tensor")} beside the adapter's`);
  }
  return lines;
}
