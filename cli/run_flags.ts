/**
 * The flags of commands that run the encoder: device, data and lengths.
 *
 * @module
 */

import type { DeviceName } from "../lib/compute/open.ts";
import type { Invocation } from "./command.ts";
import type { Flag } from "./flags.ts";

/** Flags that name a data set and its columns. */
export const DATA_FLAGS: readonly Flag[] = [
  {
    name: "task",
    kind: "string",
    value: "T",
    help: "columns, labels and metric of sst2 cola mrpc rte stsb wnli qnli qqp mnli",
  },
  { name: "text", kind: "string", value: "COLUMN", help: "column of the text: name or 0-based" },
  { name: "text-pair", kind: "string", value: "COLUMN", help: "column of the second text" },
  { name: "label", kind: "string", value: "COLUMN", help: "column of the label" },
  { name: "limit", kind: "integer", min: 1, help: "take only the first N rows" },
];

/** Flags of the run itself. */
export const RUN_FLAGS: readonly Flag[] = [
  {
    name: "device",
    kind: "string",
    choices: ["auto", "webgpu", "reference"],
    default: "auto",
    help: "auto: WebGPU, else the slow reference",
  },
  { name: "batch", kind: "integer", min: 1, help: "most rows in a batch (default: by tokens)" },
  {
    name: "max-length",
    kind: "integer",
    min: 3,
    help: "tokens of a row at most, longest-first truncation (default: 128)",
  },
  {
    name: "force",
    kind: "boolean",
    help: "accept an adapter made for a base with other tensor content",
  },
];

/** Reads both tables' flags as the library's options, and readies the process for a device. */
export function runOptions({ flags, io, progress, warn }: Invocation, label: string) {
  io.prepareDevice();
  return {
    task: flags.string("task"),
    text: flags.string("text"),
    textPair: flags.string("text-pair"),
    label: flags.string("label"),
    limit: flags.number("limit"),
    device: flags.required("device") as DeviceName,
    batch: flags.number("batch"),
    maxLength: flags.number("max-length"),
    force: flags.boolean("force"),
    signal: io.signal,
    onFallback: (message: string) => warn(message),
    onProgress: (done: number, total: number) => progress.update(done, total, label, "rows"),
  };
}
