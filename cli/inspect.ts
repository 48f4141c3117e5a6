/**
 * `tinygraft inspect`: what a checkpoint or adapter holds.
 *
 * @module
 */

import { globToRegExp } from "@std/path";
import { type Inspection, inspectLocation, type InspectOptions } from "../lib/adapter/inspect.ts";
import type { TensorStats } from "../lib/checkpoint/stats.ts";
import type { Command, Invocation } from "./command.ts";
import {
  formatBytes,
  formatCount,
  formatNumber,
  formatShare,
  formatTable,
  printable,
  sparkline,
} from "./format.ts";
import { placeOptions } from "./remote.ts";

const HISTOGRAM_COLUMNS = 20;
const STATS_TITLES = ["min", "max", "mean", "std", "zeros", "NaN", "Inf", "histogram"];
const ALIGNMENT = [
  ...["left", "left", "left"] as const,
  ...Array.from({ length: STATS_TITLES.length }, () => "right" as const),
];

/** The command. */
export const inspect: Command = {
  name: "inspect",
  group: "Look",
  summary: "list files, tensors, parameters, architecture and adapter",
  description: "Reads headers only, unless --stats is given. Recognises the architecture from " +
    "config.json, and\ntiny-attention adapters in adapter folders and in checkpoints made by " +
    "inject. Statistics are those\nof the finite elements; the histogram runs from min to max.",
  positionals: [{
    name: "LOC",
    help: "a file, or a checkpoint or adapter folder, or hf:// or https://",
  }],
  flags: [
    {
      name: "filter",
      kind: "string",
      value: "GLOB",
      help: "only tensors whose names match, such as '*.tiny_attn.*'",
    },
    {
      name: "stats",
      kind: "boolean",
      help: "read the data: range, mean, deviation, zeros, NaN and Inf of each tensor",
    },
  ],
  examples: [
    { does: "a base", line: "tinygraft inspect all-MiniLM-L6-v2" },
    {
      does: "one on the Hub",
      line: "tinygraft inspect hf://sentence-transformers/all-MiniLM-L6-v2",
    },
    { does: "the grafted tensors", line: "tinygraft inspect injected --filter '*.tiny_attn.*'" },
    { does: "what their values are like", line: "tinygraft inspect adapter --stats" },
  ],
  async run(invocation: Invocation) {
    const [location] = invocation.args as [string];
    const glob = invocation.flags.string("filter");
    // Tensor names are not paths: a star crosses dots and slashes alike.
    const filter = glob === undefined ? {} : { filter: nameFilter(glob) };
    const stats = invocation.flags.boolean("stats") ? { stats: statsOptions(invocation) } : {};
    const places = placeOptions(invocation, location);
    const inspection = await inspectLocation(location, { ...filter, ...places, ...stats });
    invocation.progress.end();
    const { architectureNote: note, ...document } = inspection;
    if (note !== null) invocation.warn(note);
    invocation.print(document, () => textOf(inspection));
    return 0;
  },
};

function statsOptions({ io, json, progress }: Invocation): NonNullable<InspectOptions["stats"]> {
  return {
    signal: io.signal,
    onProgress: (done, total) => progress.update(done, total, "Reading", "bytes"),
    ...(json ? {} : { columns: HISTOGRAM_COLUMNS }),
  };
}

function nameFilter(glob: string): RegExp {
  const { source } = globToRegExp(glob, { globstar: false, os: "linux" });
  return new RegExp(source.replaceAll("[^/]*", ".*"), "s");
}

function textOf(inspection: Inspection): string {
  const { files, tensors, parameters, bytes } = inspection;
  const statsTitles = tensors.some(({ stats }) => stats !== undefined) ? STATS_TITLES : [];
  const rows = tensors.map((tensor) => [
    printable(tensor.name),
    tensor.dtype,
    JSON.stringify(tensor.shape),
    formatBytes(tensor.bytes),
    ...(tensor.stats === undefined ? [] : statsCells(tensor.stats)),
  ]);
  return [
    formatTable(
      ["tensor", "dtype", "shape", "bytes", ...statsTitles],
      rows,
      ALIGNMENT,
    ),
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

function statsCells(stats: TensorStats | null): string[] {
  if (stats === null) return STATS_TITLES.map(() => "");
  const { min, max, mean, std, zeros, nan, inf, histogram = [] } = stats;
  return [...[min, max, mean, std, zeros, nan, inf].map(formatNumber), sparkline(histogram)];
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
  const { numHeads, headDim, combine, placement, parameters, share, task, baseModelNameOrPath } =
    adapter;
  const heads = typeof numHeads === "number" ? `${numHeads}` : numHeads.join(", ");
  const ofBase = share === null ? "" : `, ${formatShare(share)} of the base`;
  const labels = task.labels === null ? "" : `: ${task.labels.map(printable).join(", ")}`;
  return [
    `Adapter: tiny attention, ${heads} heads of width ${headDim} a layer, ${combine}, ${placement}, ` +
    `${formatCount(parameters)} parameters${ofBase}`,
    `Task: ${task.type}${labels}`,
    ...(baseModelNameOrPath === null ? [] : [`Made for: ${printable(baseModelNameOrPath)}`]),
  ];
}

function shorten(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}
