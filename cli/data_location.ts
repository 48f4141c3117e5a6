/**
 * Where the rows of `--data` and its like come from: files, and data sets of the Hub.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { PreferredSplit } from "../lib/hub/pull_dataset.ts";
import { isRemote } from "../lib/remote/address.ts";
import { quote } from "../lib/tensor/quote.ts";
import { taskOfDataset } from "../lib/text/dataset_tasks.ts";
import { findTask } from "../lib/text/tasks.ts";
import type { Invocation } from "./command.ts";
import { hubOptions } from "./remote.ts";

/**
 * Finds the file of rows on this machine; a data set of the Hub is pulled into the cache first, or
 * found there.
 *
 * @param invocation The call.
 * @param location What the user gave: a path, or `hf://datasets/org/name[@revision][/config][:split]`.
 * @param preferred The split where the address names none.
 * @returns A path, as it is; of a split in several files one with `*`.
 * @throws {UsageError} for addresses of anything else.
 * @throws {TinygraftError} as `pullDataset` does.
 */
export async function localData(
  invocation: Pick<Invocation, "io" | "warn" | "progress">,
  location: string,
  preferred: PreferredSplit,
): Promise<string> {
  if (!isRemote(location)) return location;
  const { isDatasetAddress, pullDataset } = await import("../lib/hub/pull_dataset.ts");
  if (!isDatasetAddress(location)) {
    throw new UsageError(
      `Cannot read rows of ${quote(location.replace(/[?#].*$/s, ""))}: expected a file, or ` +
        "hf://datasets/org/name[@revision][/config][:split]",
    );
  }
  const path = await pullDataset(location, { ...hubOptions(invocation), preferred });
  invocation.progress.end();
  return path;
}

/** Flags that say what the columns mean, so that nothing is left to be guessed. */
const MEANING = ["text", "text-pair", "label", "labels", "num-labels", "regression"];

/**
 * Finds the task whose columns and metric hold for rows: that of `--task`, else that of a data set of
 * the Hub which is known by its name; then one line on stderr says so.
 *
 * @param invocation The call.
 * @param location What the user gave as the rows; `undefined` for none.
 * @returns The task's name; `undefined` where the adapter or other flags say what the rows are.
 * @throws {UsageError} for an unknown task.
 */
export function taskOfRows(
  { flags, io }: Pick<Invocation, "flags" | "io">,
  location: string | undefined,
): string | undefined {
  const given = flags.string("task");
  if (given !== undefined) {
    findTask(given); // a wrong name is found before any work
    return given;
  }
  const isClear = location === undefined || MEANING.some((name) => flags.given(name));
  const task = isClear ? undefined : taskOfDataset(location);
  if (task !== undefined && !flags.boolean("quiet")) {
    io.err(`Task ${task.name} (${task.title}), by the name of the data set; --task says otherwise`);
  }
  return task?.name;
}
