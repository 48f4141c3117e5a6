// Runs of `train` on GLUE, each kept in a folder of results, so that none is made twice.

import { join } from "@std/path";
import { runtimeFolderEnv } from "../../cli/runtime_folder.ts";
import type { MetricValues } from "../../lib/eval/compare.ts";
import {
  type EvaluationEvent,
  type Recipe,
  type TrainEvent,
  TRAINING_DEFAULTS,
  type TrainingSettings,
} from "../../lib/train/options.ts";
import { exists } from "../../tools/files.ts";
import { MINILM, SHARED } from "../_check_command.ts";
import { MAIN, measure } from "../_processes.ts";

/** A task as PyTorch's golden adapters were trained on it. */
export interface Task {
  /** The task preset. */
  readonly name: string;
  /** The name in the tables. */
  readonly title: string;
  /** Its folder below data/glue/. */
  readonly data: string;
  /** Passes over the rows. */
  readonly epochs: number;
  /** Rows to learn from; all when left out. */
  readonly limit?: number;
  /** The mergeable recipe's rate; that of {@linkcode LEARNING_RATES} when left out. */
  readonly mergeableRate?: number;
}

/** The tasks, with the options of the goldens' reports. */
export const TASKS: readonly Task[] = [
  { name: "sst2", title: "SST-2", data: "SST-2", epochs: 2, limit: 24_000 },
  { name: "mrpc", title: "MRPC", data: "MRPC", epochs: 6 },
  { name: "cola", title: "CoLA", data: "CoLA", epochs: 5 },
  // At 0.001 its four passes end too early: the merged head was 1.3 points below one trained alone.
  { name: "stsb", title: "STS-B", data: "STS-B", epochs: 4, mergeableRate: 0.002 },
];

/**
 * The plain recipe has the goldens' rate. A mergeable step puts one head in the place of all, which
 * multiplies what a step does: at 0.003 CoLA is not learnt at all, so that it has `train`'s own.
 */
const LEARNING_RATES: Readonly<Record<Recipe, number>> = { plain: 0.003, mergeable: 0.001 };

function rateOf({ task, recipe }: Run): number {
  const own = recipe === "mergeable" ? task.mergeableRate : undefined;
  return own ?? LEARNING_RATES[recipe];
}

/** What all runs share with the goldens. */
const BATCH = 32;

/** A run of `train`. */
export interface Run {
  readonly task: Task;
  readonly recipe: Recipe;
  readonly heads: number;
  readonly seed: number;
}

/** A run that is done. */
export interface FinishedRun extends Run {
  /** The adapter's folder. */
  readonly adapter: string;
  /** The dev metrics after the last epoch, as fractions; undefined where they were not kept. */
  readonly last: MetricValues | undefined;
  /** Most resident memory in MiB; undefined where it was not measured. */
  readonly peak: number | undefined;
}

/** What the document of `train --json` is read for. */
interface TrainDocument {
  readonly rows: number;
  readonly settings: TrainingSettings;
}

const nameOf = ({ task, recipe, heads, seed }: Run): string =>
  `${task.name}-${recipe}-h${heads}-s${seed}`;

/**
 * Takes a run's result, or makes it.
 *
 * @param results The folder of results.
 * @param run What is wanted.
 * @param device The device to train on.
 * @returns The result.
 */
export async function finish(results: string, run: Run, device: string): Promise<FinishedRun> {
  return await find(results, run) ?? await make(results, run, device);
}

/**
 * Takes a run's result where there is one: `NAME/` is the adapter, `NAME.json` what `train --json`
 * printed, `NAME.jsonl` its metrics, `NAME.time` what GNU time or this bench measured of the process.
 *
 * @param results The folder of results.
 * @param run What is wanted.
 * @returns The result; undefined when the run is not done.
 */
export async function find(results: string, run: Run): Promise<FinishedRun | undefined> {
  const path = join(results, nameOf(run));
  if (!exists(`${path}.json`)) return undefined;
  const document = JSON.parse(await Deno.readTextFile(`${path}.json`)) as TrainDocument;
  requireSameOptions(path, run, document);
  const usage = exists(`${path}.time`) ? await Deno.readTextFile(`${path}.time`) : "";
  const kibibytes = /Maximum resident set size \(kbytes\): (\d+)/.exec(usage)?.[1];
  const peak = kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  return { ...run, adapter: path, last: await lastMetrics(`${path}.jsonl`), peak };
}

/** The metrics of the last evaluation that a run wrote. */
async function lastMetrics(path: string): Promise<MetricValues | undefined> {
  if (!exists(path)) return undefined;
  const events = (await Deno.readTextFile(path)).trimEnd().split("\n")
    .map((line) => JSON.parse(line) as TrainEvent);
  const isEvaluation = (event: TrainEvent): event is EvaluationEvent => event.kind === "evaluation";
  return events.findLast(isEvaluation)?.metrics;
}

/** A result of other options would stand in the table as one of these. */
function requireSameOptions(
  path: string,
  run: Run,
  { settings, rows }: TrainDocument,
): void {
  const { task, recipe, seed } = run;
  const found = [settings.recipe, settings.seed, settings.epochs, settings.learningRate];
  const wanted: (string | number)[] = [recipe, seed, task.epochs, rateOf(run)];
  if (recipe === "mergeable") {
    found.push(settings.elasticity);
    wanted.push(TRAINING_DEFAULTS.elasticity);
  }
  const sameRows = task.limit === undefined || rows === task.limit;
  if (found.join() === wanted.join() && settings.batch === BATCH && sameRows) return;
  throw new Error(
    `Cannot use "${path}.json": it is a run of ${found.join(", ")} on ${rows} rows, expected ` +
      `${wanted.join(", ")}: move it away`,
  );
}

async function make(results: string, run: Run, device: string): Promise<FinishedRun> {
  const { task, recipe, heads, seed } = run;
  const path = join(results, nameOf(run));
  const data = `${SHARED}/data/glue/${task.data}`;
  await Deno.mkdir(results, { recursive: true });
  let shown = 0;
  const onLine = (line: string, seconds: number) => {
    if (seconds < shown + 30) return;
    shown = seconds;
    console.error(`  ${line}`);
  };
  console.error(`training ${nameOf(run)}`);
  const { output, peak } = await measure(
    [
      ...[Deno.execPath(), "run", "-A", "--no-check", MAIN, "train", MINILM, path],
      ...["--data", `${data}/train.tsv`, "--eval", `${data}/dev.tsv`, "--task", task.name],
      ...["--recipe", recipe, "--heads", `${heads}`, "--seed", `${seed}`],
      ...["--epochs", `${task.epochs}`, "--lr", `${rateOf(run)}`, "--batch", `${BATCH}`],
      ...(task.limit === undefined ? [] : ["--limit", `${task.limit}`]),
      ...["--device", device, "--metrics", `${path}.jsonl`, "--resume", "--force", "--json"],
    ],
    [0],
    runtimeFolderEnv(),
    { onLine },
  );
  const usage = `Maximum resident set size (kbytes): ${Math.round(1024 * peak)}\n`;
  await Deno.writeTextFile(`${path}.time`, usage);
  await Deno.writeTextFile(`${path}.tmp`, output);
  await Deno.rename(`${path}.tmp`, `${path}.json`); // last: a run without it is not done
  return (await find(results, run))!;
}
