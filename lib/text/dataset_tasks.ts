/**
 * Which known task a data set of the Hub is for, by its name alone.
 *
 * @module
 */

import { plainName, type Task, TASKS } from "./tasks.ts";

/** Data sets with the columns and labels of the tasks: those with a configuration for each of them. */
const COLLECTIONS: ReadonlySet<string> = new Set(["nyu-mll/glue", "aps/super_glue"]);
/** Data sets of one task. */
const SINGLE: ReadonlyMap<string, string> = new Map([["stanfordnlp/sst2", "sst2"]]);
/** Configurations that are called after more than their task. */
const PARTS: ReadonlyMap<string, string> = new Map([
  ["mnli_matched", "mnli"],
  ["mnli_mismatched", "mnli"],
]);
const ADDRESS = /^hf:\/\/datasets\/([^/@:]+\/[^/@:]+)(?:@[^/:]+)?(?:\/([^/:.]+))?(?::[\w.-]+)?$/i;

/**
 * Finds the task of a data set on the Hub whose name says it.
 *
 * @param location `hf://datasets/org/name[@revision][/config][:split]`, or a path.
 * @returns The task; `undefined` for paths, and for data sets that are not known: others of like
 * names have other columns.
 *
 * @example GLUE's own data set
 * ```ts
 * import { taskOfDataset } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(taskOfDataset("hf://datasets/nyu-mll/glue/sst2")?.title, "SST-2");
 * assertEquals(taskOfDataset("dev.tsv"), undefined);
 * ```
 */
export function taskOfDataset(location: string): Task | undefined {
  const [, id = "", config] = ADDRESS.exec(location) ?? [];
  const name = COLLECTIONS.has(id) && config !== undefined
    ? PARTS.get(config) ?? config
    : SINGLE.get(id);
  return name === undefined ? undefined : TASKS.find((task) => task.name === plainName(name));
}
