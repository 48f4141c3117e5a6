// One method trained once and run on rows: by `tinygraft train`, or by PyTorch.

import { runtimeFolderEnv } from "../../cli/runtime_folder.ts";
import type { DeviceName } from "../../lib/compute/open.ts";
import { runRows } from "../../lib/eval/run.ts";
import { openSession } from "../../lib/eval/session.ts";
import type { Task } from "../../lib/text/tasks.ts";
import type { TrainResult } from "../../lib/train/options.ts";
import { exists, ROOT } from "../../tools/files.ts";
import { MINILM } from "../_check_command.ts";
import { MAIN, measure } from "../_processes.ts";
import { OURS } from "./catalogue.ts";
import type { RowsFile } from "./rows.ts";

/** Rows of a step, for every method. */
export const BATCH = 32;

/** What every run of a bench shares. */
export interface Setting {
  readonly task: Task;
  readonly device: DeviceName;
  readonly threads: number;
  /** The interpreter that PyTorch runs in. */
  readonly python: string;
  /** The folder of results. */
  readonly results: string;
}

/** What to train, on what, and what to run it on. */
export interface Job {
  readonly method: string;
  readonly rate: number;
  readonly seed: number;
  readonly epochs: number;
  readonly train: RowsFile;
  readonly judge: RowsFile;
}

/** What a run gave. */
export interface MethodRun {
  /** What was trained, in elements: in the encoder and the classifier. */
  readonly parameters: number;
  /** Of the steps alone: neither start nor reading rows. */
  readonly seconds: number;
  /** Most resident memory, in MiB. */
  readonly peak: number;
  /** Of the rows to judge by, f32 [rows, outputs], row-major. */
  readonly logits: readonly number[];
}

/**
 * Takes a run's result from the folder of results, or makes it.
 *
 * @param setting What every run shares.
 * @param job What to train and to run it on.
 * @returns The result: that after the last step, as nothing is chosen by the rows to judge by.
 */
export async function runMethod(setting: Setting, job: Job): Promise<MethodRun> {
  const { method, rate, seed, epochs, train, judge } = job;
  const name = [setting.task.name, method, `lr${rate}`, `s${seed}`, `e${epochs}`];
  const path = `${setting.results}/${[...name, `n${train.rows}`, `j${judge.rows}`].join("-")}`;
  if (exists(`${path}.json`)) return JSON.parse(await Deno.readTextFile(`${path}.json`));
  console.error(`${method}: ${train.rows} rows, ${epochs} epochs, learning rate ${rate}`);
  const run = method === OURS
    ? await runOurs(setting, job, path)
    : await runPyTorch(setting, job, path);
  await Deno.writeTextFile(`${path}.tmp`, JSON.stringify(run));
  await Deno.rename(`${path}.tmp`, `${path}.json`); // last: a run without it is not done
  return run;
}

async function runOurs(setting: Setting, job: Job, path: string): Promise<MethodRun> {
  const { task, device, threads } = setting;
  const { rate, seed, epochs, train, judge } = job;
  const columns = ["--text", "text", "--label", "label", ...(train.hasPairs ? PAIR_FLAGS : [])];
  const { output, peak } = await measure(
    [
      ...[Deno.execPath(), "run", "-A", "--no-check", MAIN, "train", MINILM, path],
      ...["--data", train.path, "--task", task.name, ...columns, "--epochs", `${epochs}`],
      ...["--lr", `${rate}`, "--batch", `${BATCH}`, "--seed", `${seed}`],
      ...["--device", device, "--resume", "--force", "--json"],
    ],
    [0],
    { ...runtimeFolderEnv(), TINYGRAFT_THREADS: `${threads}` },
  );
  const { parameters, seconds } = JSON.parse(output) as TrainResult;
  using session = await openSession({ base: MINILM, adapters: [path], device, threads });
  const { variants: [outputs] } = await runRows(session, {
    data: judge.path,
    task: task.name,
    text: "text",
    label: "label",
    ...(judge.hasPairs ? { textPair: "pair" } : {}),
  });
  return { parameters, seconds, peak, logits: [...outputs!.logits] };
}

const PAIR_FLAGS = ["--text-pair", "pair"];

async function runPyTorch(
  { task, threads, python }: Setting,
  { train, judge, ...job }: Job,
  path: string,
): Promise<MethodRun> {
  const file = `${path}.job`;
  const shared = { base: MINILM, outputs: task.labels?.length ?? 1, batch: BATCH, threads };
  const whole = { ...job, ...shared, train: train.path, judge: judge.path };
  await Deno.writeTextFile(file, JSON.stringify(whole));
  const script = `${ROOT}/bench/methods/pytorch_method.py`;
  const { output, peak } = await measure([python, script, file]);
  await Deno.remove(file);
  return { ...JSON.parse(output) as Omit<MethodRun, "peak">, peak };
}
