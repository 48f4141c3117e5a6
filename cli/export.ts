/**
 * `tinygraft export`: adapters in other layouts.
 *
 * @module
 */

import { adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import { statPath } from "../lib/checkpoint/sources.ts";
import { UsageError } from "../lib/errors.ts";
import type { AdapterExport } from "../lib/layouts/export.ts";
import { LAYOUTS } from "../lib/layouts/layout_names.ts";
import type { AdapterDtype } from "../lib/layouts/values.ts";
import type { Command, Invocation } from "./command.ts";
import { WRITING_FLAGS } from "./flags.ts";
import { printable } from "./format.ts";
import { DTYPE_FLAG, layoutOf } from "./layout_flags.ts";
import { placeOptions } from "./remote.ts";
import { carryOut, outcomeJson, outcomeText } from "./writing.ts";

/** The command. */
export const exportCommand: Command = {
  name: "export",
  group: "Surgery",
  summary: "write an adapter in another layout",
  description: "Writes the tensors of an adapter as other code names them, in one safetensors " +
    "file.\n\n" +
    "  authors  the tiny-attention authors' modules, with the classifier\n" +
    "  nemo     NVIDIA NeMo's MultiHeadAttentionAdapter; it has no place for a classifier\n" +
    "  python   a folder that Python's transformers runs on the base which it names:\n" +
    "           AutoModelForSequenceClassification.from_pretrained(OUT, trust_remote_code=True)\n\n" +
    "Exact: what their modules have beyond tinygraft's becomes identities and zeros. The sizes to " +
    "set in\nthe other code's configuration are printed and stand in the file's metadata, where " +
    "import reads\nthem. Adapters whose layers differ in heads have no form there: merge them first. NeMo has\nmodules after the attention block only.",
  positionals: [
    { name: "ADAPTER", help: "the adapter folder, or a checkpoint made by inject" },
    { name: "OUT", help: "the .safetensors file to write, or a folder for it" },
  ],
  flags: [
    {
      name: "layout",
      kind: "string",
      choices: [...LAYOUTS, "python"],
      help: "whose layout; needed",
    },
    DTYPE_FLAG,
    {
      name: "name",
      kind: "string",
      value: "NAME",
      help: "what NeMo is to call the adapter, tiny_attn unless given",
    },
    {
      name: "base",
      kind: "string",
      value: "HF",
      help: "the base that python names, org/name; else the adapter's own",
    },
    ...WRITING_FLAGS,
  ],
  examples: [
    {
      does: "for the authors' code",
      line: "tinygraft export adapter theirs.safetensors --layout authors",
    },
    {
      does: "for NeMo, in half precision",
      line: "tinygraft export adapter nemo.safetensors --layout nemo --name asr --dtype F16",
    },
    {
      does: "for Python's transformers",
      line: "tinygraft export adapter out --layout python --base google-bert/bert-base-uncased",
    },
  ],
  async run(invocation) {
    const [location, out] = invocation.args as [string, string];
    const { flags } = invocation;
    if (flags.string("layout") === "python") return await exportPython(invocation);
    const layout = layoutOf(flags);
    if (layout === undefined) {
      throw new UsageError(
        `Missing --layout of export: expected ${LAYOUTS.join(", ")} or python`,
      );
    }
    if (flags.string("base") !== undefined) {
      throw new UsageError("Bad --base: it goes with --layout python");
    }
    const name = flags.string("name");
    if (name !== undefined && (layout !== "nemo" || name.includes("."))) {
      throw new UsageError(`Bad --name "${name}": it goes with --layout nemo and has no dot`);
    }
    const dtype = flags.string("dtype") as AdapterDtype | undefined;
    using adapter = await openAdapter(location, placeOptions(invocation, location));
    for (const warning of adapterWarnings(adapter)) invocation.warn(warning);
    const { planExport } = await import("../lib/layouts/export.ts");
    const exported = await planExport(adapter, out, {
      layout,
      ...(name === undefined ? {} : { adapter: name }),
      ...(dtype === undefined ? {} : { dtype }),
    });
    const [outcome] = await carryOut([exported.plan], invocation);
    const { plan: _, ...document } = exported;
    invocation.print(
      { ...document, ...outcomeJson(outcome!) },
      () => [...exportText(exported), "", outcomeText(outcome!)].join("\n"),
    );
    return 0;
  },
};

/** A folder for transformers; the base is only named, not read. */
async function exportPython(invocation: Invocation): Promise<number> {
  const [location, out] = invocation.args as [string, string];
  const { flags } = invocation;
  for (const name of ["name", "dtype"]) {
    if (flags.string(name) === undefined) continue;
    throw new UsageError(`Bad --${name}: it does not go with --layout python`);
  }
  using adapter = await openAdapter(location, placeOptions(invocation, location));
  for (const warning of adapterWarnings(adapter)) invocation.warn(warning);
  const base = flags.string("base") ?? adapter.config.baseModelNameOrPath ?? undefined;
  if (base !== undefined && statPath(base) !== undefined) {
    invocation.warn(`the base "${base}" is on this machine only: name one of the Hub with --base`);
  }
  const { planPython } = await import("../lib/layouts/python/export.ts");
  const [outcome] = await carryOut([planPython(adapter, out, { base })], invocation);
  const load = `AutoModelForSequenceClassification.from_pretrained("${out}", ` +
    "trust_remote_code=True)";
  invocation.print(
    { layout: "python", base, load, ...outcomeJson(outcome!) },
    () => [outcomeText(outcome!), "", "In Python, with transformers:", `  ${load}`].join("\n"),
  );
  return 0;
}

function exportText({ layout, notes, settings }: AdapterExport): string[] {
  const sizes = Object.entries(settings).map(([key, value]) => `${key} ${value}`).join(", ");
  return [
    `Layout ${layout}, to be configured with ${sizes}`,
    ...notes.map((note) => `  ${printable(note)}`),
  ];
}
