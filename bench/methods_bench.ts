/**
 * Ways to adapt one encoder at the same budget: tiny attention by `tinygraft train`, and LoRA,
 * BitFit, bottleneck adapters, full fine-tuning and a linear probe by PyTorch and PEFT. Needs
 * ../shared beside the checkout and Python 3.11.
 *
 * Run with `deno task bench methods --results DIR [--task cola] [--epochs 3] [--seeds 42]
 * [--methods tiny,lora,bitfit,bottleneck,full,probe] [--try-rows 4000] [--limit N] [--threads 2]
 * [--device wasm]`. All see the same rows as often, in batches of 32 of like length, with AdamW,
 * weight decay 0.01, a linear schedule after 6 % of warm-up, gradients clipped to 1, and dropout of
 * 0.1 before one linear layer on the first token's last hidden state; the base's own dropout is on
 * where PyTorch trains inside it. Each method's learning rate is the one of three that gives the
 * lowest loss on training rows that were held out, after one epoch of `--try-rows` others; 0 takes
 * the middle one untried. The last step's weights are judged on the whole dev set, which nothing is
 * chosen by.
 *
 * Every run's result is kept in DIR, so that a stopped bench goes on. The table goes to stdout as
 * Markdown, the rest to stderr.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatCount, formatShare } from "../cli/format.ts";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { openCheckpoint } from "../lib/checkpoint/open.ts";
import type { DeviceName } from "../lib/compute/open.ts";
import { readPredictions } from "../lib/eval/compare.ts";
import { computeMetric } from "../lib/eval/metrics.ts";
import { findTask } from "../lib/text/tasks.ts";
import { crossEntropy, squaredError } from "../lib/train/loss.ts";
import { ROOT } from "../tools/files.ts";
import { MINILM, SHARED } from "./_check_command.ts";
import { markdownTable, mean, points, standardError } from "./_statistics.ts";
import { type Method, METHODS, OURS } from "./methods/catalogue.ts";
import { type RowsFile, type RowsFiles, writeRowsFiles } from "./methods/rows.ts";
import { type Job, type MethodRun, runMethod, type Setting } from "./methods/runs.ts";
import { peersPython } from "./peers/_setup.ts";

const FLAGS = ["results", "task", "epochs", "seeds", "methods", "try-rows", "limit"] as const;

const flags = parseArgs(Deno.args, {
  string: [...FLAGS, "threads", "device"],
  default: {
    task: "cola",
    epochs: "3",
    seeds: "42",
    methods: METHODS.map(({ name }) => name).join(),
    "try-rows": "4000",
    threads: "2",
    device: "wasm",
  },
}) as unknown as
  & Record<Exclude<typeof FLAGS[number], "results" | "limit"> | "threads" | "device", string>
  & { results?: string; limit?: string };

const seeds = flags.seeds.split(",").map(Number);

/** The mean loss of a run on the rows that it was judged by. */
function lossOf({ logits }: MethodRun, { targets, rows }: RowsFile): number {
  const values = Float64Array.from(logits);
  const shape = { cols: logits.length / rows, stepRows: rows };
  const { loss } = targets instanceof Uint32Array
    ? crossEntropy(values, targets, shape)
    : squaredError(values, targets, shape);
  return loss;
}

/** The rate that does best on held-out rows; the middle one where none is to be tried. */
async function chooseRate(setting: Setting, method: Method, files: RowsFiles): Promise<number> {
  if (files.tried.rows === 0) return method.rate;
  const { tried: train, heldOut: judge } = files;
  let best = { rate: method.rate, loss: Infinity };
  for (const rate of method.rates) {
    const job: Job = { method: method.name, rate, seed: seeds[0]!, epochs: 1, train, judge };
    const loss = lossOf(await runMethod(setting, job), judge);
    console.error(`${method.name}: learning rate ${rate}, loss ${loss.toFixed(4)}`);
    if (loss < best.loss) best = { rate, loss };
  }
  return best.rate;
}

/** A row of the table. */
async function rowOf(
  setting: Setting,
  method: Method,
  files: RowsFiles,
  baseParameters: number,
): Promise<string[]> {
  const rate = await chooseRate(setting, method, files);
  const { train, dev: judge } = files;
  const runs: MethodRun[] = [];
  for (const seed of seeds) {
    const job = { method: method.name, rate, seed, epochs: Number(flags.epochs), train, judge };
    runs.push(await runMethod(setting, job));
  }
  const { metric, kind } = setting.task;
  const predictions = runs.map(({ logits }) => {
    const outputs = { logits: Float32Array.from(logits), rows: judge.rows };
    return readPredictions({ ...outputs, cols: logits.length / judge.rows }, judge.targets, kind);
  });
  const values = predictions.map((each) => computeMetric(metric, each));
  const { parameters } = runs[0]!;
  return [
    method.title,
    `${rate}`,
    ...values.map((value) => points(value)),
    ...(values.length === 1 ? [] : [points(mean(values))]),
    points(standardError(metric, predictions[0]!)),
    formatCount(parameters),
    formatShare(parameters / baseParameters),
    mean(runs.map(({ seconds }) => seconds)).toFixed(0),
    Math.max(...runs.map(({ peak }) => peak)).toFixed(0),
  ];
}

async function countParameters(path: string): Promise<number> {
  using checkpoint = await openCheckpoint(path);
  return [...checkpoint.tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}

async function printTable(setting: Setting, methods: readonly Method[]): Promise<void> {
  const { task, results } = setting;
  const limit = flags.limit === undefined ? undefined : Number(flags.limit);
  const data = `${SHARED}/data/glue/${task.title}`;
  const files = await writeRowsFiles(task, data, results, limit, Number(flags["try-rows"]));
  const baseParameters = await countParameters(MINILM);
  const rows: string[][] = [];
  for (const method of methods) {
    rows.push(await rowOf(setting, method, files, baseParameters));
  }
  const titles = seeds.length === 1
    ? [task.metric]
    : [...seeds.map((seed) => `${task.metric}, seed ${seed}`), "mean"];
  const header = ["method", "learning rate", ...titles, "standard error"];
  header.push("parameters", "of the base", "seconds", "MiB");
  console.log(
    `${task.title}: ${flags.epochs} epochs of ${formatCount(files.train.rows)} rows, judged on ` +
      `${formatCount(files.dev.rows)}\n`,
  );
  console.log(markdownTable(header, rows));
}

if (import.meta.main) {
  const names = flags.methods.split(",");
  const unknown = names.find((name) => METHODS.every((method) => method.name !== name));
  if (flags.results === undefined || unknown !== undefined) {
    console.error(unknown === undefined ? "Give --results DIR" : `Unknown method "${unknown}"`);
    Deno.exit(2);
  }
  for (const [name, value] of Object.entries(runtimeFolderEnv())) Deno.env.set(name, value);
  await Deno.mkdir(flags.results, { recursive: true });
  const requirements = await Deno.readTextFile(`${ROOT}/bench/methods/requirements.txt`);
  const setting: Setting = {
    task: findTask(flags.task),
    device: flags.device as DeviceName,
    threads: Number(flags.threads),
    // Where only our own method is asked for, none is needed.
    python: names.some((name) => name !== OURS) ? await peersPython(requirements) : "",
    results: flags.results,
  };
  await printTable(setting, METHODS.filter(({ name }) => names.includes(name)));
}
