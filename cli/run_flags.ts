/**
 * The flags of commands that run the encoder: device, data and lengths.
 *
 * @module
 */

import type { DeviceName } from "../lib/compute/open.ts";
import { UsageError } from "../lib/errors.ts";
import { TASKS } from "../lib/text/tasks.ts";
import type { Invocation } from "./command.ts";
import { taskOfRows } from "./data_location.ts";
import type { Flag } from "./flags.ts";
import type { Io } from "./io.ts";
import { tuningFile } from "./tuning_file.ts";

/** More threads than any machine gains from; a number beyond it is a slip. */
const MAX_THREADS = 256;

/** Flags that name a data set and its columns. */
export const DATA_FLAGS: readonly Flag[] = [
  {
    name: "task",
    kind: "string",
    value: "T",
    suggests: TASKS.map(({ name }) => name),
    help: `columns and metric of ${TASKS.map(({ name }) => name).join(" ")}`,
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
    value: "NAME",
    choices: ["auto", "webgpu", "wasm", "reference"],
    default: "auto",
    help: "webgpu, wasm, reference (slow), or auto: a GPU, else wasm",
  },
  {
    name: "precision",
    kind: "string",
    value: "TYPE",
    choices: ["f32", "f16"],
    default: "f32",
    help: "f32, or f16 on GPUs that have it; its error is measured and told",
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

/**
 * Reads both tables' flags as the library's options, and readies the process for a device.
 *
 * @param invocation The call.
 * @param label What the work is called in its progress.
 * @param data What the user gave as the rows; `undefined` for none.
 * @returns The options.
 */
export function runOptions(invocation: Invocation, label: string, data: string | undefined) {
  const { flags, io, progress, warn } = invocation;
  const task = taskOfRows(invocation, data);
  io.prepareDevice();
  return {
    task,
    text: flags.string("text"),
    textPair: flags.string("text-pair"),
    label: flags.string("label"),
    limit: flags.number("limit"),
    device: flags.required("device") as DeviceName,
    precision: flags.required("precision") as "f32" | "f16",
    tuning: tuningFile(io),
    threads: threadsOf(io),
    batch: flags.number("batch"),
    maxLength: flags.number("max-length"),
    force: flags.boolean("force"),
    signal: io.signal,
    onWarning: warn,
    onProgress: (done: number, total: number) => progress.update(done, total, label, "rows"),
  };
}

/** How many threads `TINYGRAFT_THREADS` asks for; `undefined` where it is not set. */
export function threadsOf({ env }: Pick<Io, "env">): number | undefined {
  const text = env("TINYGRAFT_THREADS");
  if (text === undefined) return undefined;
  const threads = /^\d+$/.test(text) ? Number(text) : 0;
  if (threads >= 1 && threads <= MAX_THREADS) return threads;
  throw new UsageError(
    `Cannot use TINYGRAFT_THREADS=${text}, expected a whole number from 1 to ${MAX_THREADS}`,
  );
}
