/**
 * `tinygraft export`: adapters in other layouts.
 *
 * @module
 */

import { adapterWarnings, openAdapter } from "../lib/adapter/open.ts";
import { UsageError } from "../lib/errors.ts";
import type { AdapterExport } from "../lib/layouts/export.ts";
import { LAYOUTS } from "../lib/layouts/layout_names.ts";
import type { AdapterDtype } from "../lib/layouts/values.ts";
import type { Command } from "./command.ts";
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
    "  nemo     NVIDIA NeMo's MultiHeadAttentionAdapter; it has no place for a classifier\n\n" +
    "Exact: what their modules have beyond tinygraft's becomes identities and zeros. The sizes to " +
    "set in\nthe other code's configuration are printed and stand in the file's metadata, where " +
    "import reads\nthem. Adapters whose layers differ in heads have no form there: merge them first.",
  positionals: [
    { name: "ADAPTER", help: "the adapter folder, or a checkpoint made by inject" },
    { name: "OUT", help: "the .safetensors file to write, or a folder for it" },
  ],
  flags: [
    { name: "layout", kind: "string", choices: LAYOUTS, help: "whose layout; needed" },
    DTYPE_FLAG,
    {
      name: "name",
      kind: "string",
      value: "NAME",
      help: "what NeMo is to call the adapter, tiny_attn unless given",
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
  ],
  async run(invocation) {
    const [location, out] = invocation.args as [string, string];
    const { flags } = invocation;
    const layout = layoutOf(flags);
    if (layout === undefined) {
      throw new UsageError(`Missing --layout of export: expected ${LAYOUTS.join(" or ")}`);
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

function exportText({ layout, notes, settings }: AdapterExport): string[] {
  const sizes = Object.entries(settings).map(([key, value]) => `${key} ${value}`).join(", ");
  return [
    `Layout ${layout}, to be configured with ${sizes}`,
    ...notes.map((note) => `  ${printable(note)}`),
  ];
}
