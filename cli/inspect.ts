/**
 * `tinygraft inspect`: what a checkpoint or adapter holds.
 *
 * @module
 */

import { globToRegExp } from "@std/path";
import { type Inspection, inspectLocation } from "../lib/adapter/inspect.ts";
import type { Command, Invocation } from "./command.ts";
import { formatBytes, formatCount, formatShare, formatTable, printable } from "./format.ts";

/** The command. */
export const inspect: Command = {
  name: "inspect",
  group: "Look",
  summary: "list files, tensors, parameters, architecture and adapter",
  description: "Reads headers only. Recognises the architecture from config.json, and " +
    "tiny-attention adapters\nin adapter folders and in checkpoints made by inject.",
  positionals: [{ name: "LOC", help: "a safetensors file, or a checkpoint or adapter folder" }],
  flags: [
    {
      name: "filter",
      kind: "string",
      value: "GLOB",
      help: "only tensors whose names match, such as '*.tiny_attn.*'",
    },
  ],
  examples: [
    { does: "a base", line: "tinygraft inspect all-MiniLM-L6-v2" },
    { does: "the grafted tensors", line: "tinygraft inspect injected --filter '*.tiny_attn.*'" },
  ],
  async run(invocation: Invocation) {
    const [location] = invocation.args as [string];
    const glob = invocation.flags.string("filter");
    // Tensor names are not paths: a star crosses dots and slashes alike.
    const filter = glob === undefined ? {} : { filter: nameFilter(glob) };
    const inspection = await inspectLocation(location, filter);
    const { architectureNote: note, ...document } = inspection;
    if (note !== null) invocation.warn(note);
    invocation.print(document, () => textOf(inspection));
    return 0;
  },
};

function nameFilter(glob: string): RegExp {
  const { source } = globToRegExp(glob, { globstar: false, os: "linux" });
  return new RegExp(source.replaceAll("[^/]*", ".*"), "s");
}

function textOf(inspection: Inspection): string {
  const { files, tensors, parameters, bytes } = inspection;
  const rows = tensors.map((tensor) => [
    printable(tensor.name),
    tensor.dtype,
    JSON.stringify(tensor.shape),
    formatBytes(tensor.bytes),
  ]);
  return [
    formatTable(["tensor", "dtype", "shape", "bytes"], rows, ["left", "left", "left", "right"]),
    "",
    ...files.flatMap(({ path, bytes, metadata }) => [
      `${printable(path)}: ${formatBytes(bytes)}`,
      ...Object.entries(metadata).map(([key, value]) =>
        `  ${printable(key)}: ${shorten(printable(value))}`
      ),
    ]),
    `${formatCount(tensors.length)} tensors, ${formatCount(parameters)} parameters, ` +
    formatBytes(bytes),
    ...architectureLines(inspection),
    ...adapterLines(inspection),
  ].join("\n");
}

function architectureLines({ architecture }: Inspection): string[] {
  if (architecture === null) return [];
  const { modelType, numHiddenLayers, hiddenSize, numAttentionHeads } = architecture;
  const { intermediateSize, vocabSize, prefix } = architecture;
  return [
    `Architecture: ${modelType}, ${numHiddenLayers} layers, hidden size ${hiddenSize}, ` +
    `${numAttentionHeads} attention heads, feed-forward ${intermediateSize}, ` +
    `vocabulary ${formatCount(vocabSize)}${prefix === "" ? "" : `, prefix "${prefix}"`}`,
  ];
}

function adapterLines({ adapter }: Inspection): string[] {
  if (adapter === null) return [];
  const { numHeads, headDim, combine, parameters, share, task, baseModelNameOrPath } = adapter;
  const heads = typeof numHeads === "number" ? `${numHeads}` : numHeads.join(", ");
  const ofBase = share === null ? "" : `, ${formatShare(share)} of the base`;
  const labels = task.labels === null ? "" : `: ${task.labels.map(printable).join(", ")}`;
  return [
    `Adapter: tiny attention, ${heads} heads of width ${headDim} a layer, ${combine}, ` +
    `${formatCount(parameters)} parameters${ofBase}`,
    `Task: ${task.type}${labels}`,
    ...(baseModelNameOrPath === null ? [] : [`Made for: ${printable(baseModelNameOrPath)}`]),
  ];
}

function shorten(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}
