/**
 * Adapters trained by `train` on real GLUE tasks, in the tables of the README: the plain recipe
 * beside PyTorch's adapters of the same options, and what averaging the mergeable recipe's heads
 * costs. Needs ../shared beside the checkout.
 *
 * Run with `deno task bench train_table --results DIR [--task sst2,mrpc,cola,stsb]
 * [--seeds 42,43,44] [--merge-seeds 42] [--methods average,product] [--device wasm] [--existing]`.
 * A run whose result is in DIR is taken from there, and one that was stopped goes on; the others
 * are made one after another, minutes each; nothing else may train into DIR meanwhile. `--existing`
 * makes none: the tables then hold what is there. `--merge-seeds` are those of the mergeable runs
 * and of single heads trained directly. The tables go to stdout as Markdown, the rest to stderr.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import type { DeviceName } from "../lib/compute/open.ts";
import type { AnyMergeMethod } from "../lib/merge/method_names.ts";
import type { Recipe } from "../lib/train/options.ts";
import { type JudgedTask, judgeTask, type TaskRuns } from "./train_table/judge.ts";
import { find, finish, type FinishedRun, type Task, TASKS } from "./train_table/runs.ts";
import { mergeTable, seedTable } from "./train_table/tables.ts";

const HEADS = 4;

const flags = parseArgs(Deno.args, {
  string: ["results", "task", "seeds", "merge-seeds", "methods", "device"],
  boolean: ["existing"],
  default: {
    task: TASKS.map(({ name }) => name).join(),
    seeds: "42,43,44",
    "merge-seeds": "42",
    methods: "average,product",
    device: "wasm",
  },
}) as unknown as
  & Record<"task" | "seeds" | "merge-seeds" | "methods" | "device", string>
  & { results?: string; existing: boolean };

const seeds = flags.seeds.split(",").map(Number);
const mergeSeeds = flags["merge-seeds"].split(",").map(Number);

/** The runs of one kind, one a seed; with `--existing` those that are there. */
async function runsOf(
  results: string,
  task: Task,
  recipe: Recipe,
  heads: number,
  wanted: readonly number[],
): Promise<FinishedRun[]> {
  const runs: FinishedRun[] = [];
  for (const seed of wanted) {
    const run = { task, recipe, heads, seed };
    const done = flags.existing
      ? await find(results, run)
      : await finish(results, run, flags.device);
    if (done !== undefined) runs.push(done);
  }
  return runs;
}

async function runsOfTask(results: string, task: Task): Promise<TaskRuns> {
  return {
    task,
    plain: await runsOf(results, task, "plain", HEADS, seeds),
    mergeable: await runsOf(results, task, "mergeable", HEADS, mergeSeeds),
    single: await runsOf(results, task, "plain", 1, mergeSeeds),
  };
}

if (import.meta.main) {
  const { results } = flags;
  const names = flags.task.split(",");
  const unknown = names.find((name) => TASKS.every((task) => task.name !== name));
  if (results === undefined || unknown !== undefined) {
    console.error(results === undefined ? "Give --results DIR" : `Unknown task "${unknown}"`);
    Deno.exit(2);
  }
  for (const [name, value] of Object.entries(runtimeFolderEnv())) Deno.env.set(name, value);
  const judged: JudgedTask[] = [];
  for (const task of TASKS.filter(({ name }) => names.includes(name))) {
    const runs = await runsOfTask(results, task);
    if (runs.plain.length + runs.mergeable.length === 0) continue;
    judged.push(
      await judgeTask(runs, {
        device: flags.device as DeviceName,
        methods: flags.methods.split(",") as AnyMergeMethod[],
      }),
    );
  }
  console.log(seedTable(judged, seeds));
  if (judged.some(({ merges }) => merges.length > 0)) console.log(`\n${mergeTable(judged)}`);
}
