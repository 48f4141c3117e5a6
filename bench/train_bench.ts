/**
 * `train` beside PyTorch: rows a second in the steady state and over PyTorch's, the time from the
 * start of the process to the end of the first step, processor time of the whole process, and peak
 * memory, on the same rows of SST-2 and as many threads. Needs ../shared beside the
 * checkout and Python 3.11.
 *
 * Run with `deno task bench train [--rows 4800] [--threads 2] [--device wasm] [--only NAMES]`. Both
 * take one pass over the same rows in batches of 32 of like length, with AdamW, a linear schedule,
 * clipping and dropout, and start from the same adapter. The first 20 steps are not counted.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, join } from "@std/path";
import { formatTable } from "../cli/format.ts";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import type { StepEvent } from "../lib/train/options.ts";
import { measure, type Run } from "./_processes.ts";
import { peersPython } from "./peers/_setup.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
const SHARED = fromFileUrl(new URL("../../shared", import.meta.url));
const BASE = `${SHARED}/models/all-minilm-l6-v2`;
const DATA = `${SHARED}/data/glue/SST-2/train.tsv`;
const OURS = [Deno.execPath(), "run", "-A", "--no-check", `${ROOT}cli/main.ts`];

/** The reference's row. */
const PYTORCH = "PyTorch";

/** Steps before the clock of the steady state starts. */
const WARM_STEPS = 20;

/** What one way of training took. */
interface Timing extends Omit<Run, "output"> {
  readonly name: string;
  /** Seconds from the start of the process to the end of the first step. */
  readonly firstStep: number;
  /** Rows a second after the first steps. */
  readonly rate: number;
  /** The mean loss of all steps, to see that both do the same. */
  readonly loss: number;
}

interface Job {
  readonly folder: string;
  readonly data: string;
  readonly adapter: string;
  readonly threads: string;
}

/** Takes rows evenly from the whole file, so that few of them are like all of them. */
async function writeRows(path: string, count: number): Promise<void> {
  const [header, ...rows] = (await Deno.readTextFile(DATA)).trimEnd().split("\n");
  const taken = Array.from({ length: count }, (_, i) => rows[Math.floor(i * rows.length / count)]);
  await Deno.writeTextFile(path, `${[header, ...taken].join("\n")}\n`);
}

async function trainOurs(device: string, job: Job): Promise<Timing> {
  const metrics = join(job.folder, `${device}.jsonl`);
  const started = performance.now();
  let firstStep = Infinity;
  const timer = setInterval(() => {
    if (firstStep === Infinity && hasStep(metrics)) {
      firstStep = (performance.now() - started) / 1000;
    }
  }, 10);
  const { output: _, ...usage } = await measure(
    [
      ...[...OURS, "train", BASE, join(job.folder, device), "--data", job.data, "--task", "sst2"],
      ...["--from", job.adapter, "--epochs", "1", "--device", device, "--metrics", metrics],
      ...["--quiet", "--json"],
    ],
    [0],
    { ...runtimeFolderEnv(), TINYGRAFT_THREADS: job.threads },
  );
  clearInterval(timer);
  const steps = (await Deno.readTextFile(metrics)).trimEnd().split("\n")
    .map((line) => JSON.parse(line) as StepEvent).filter(({ kind }) => kind === "step");
  const counted = steps.slice(WARM_STEPS);
  const rows = counted.reduce((sum, { rows }) => sum + rows, 0);
  const loss = steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;
  const rate = rows / (steps.at(-1)!.seconds - steps[WARM_STEPS - 1]!.seconds);
  return { name: `tinygraft, ${device}`, firstStep, rate, loss, ...usage };
}

function hasStep(path: string): boolean {
  try {
    return Deno.readTextFileSync(path).includes('"kind":"step"');
  } catch {
    return false; // not begun yet
  }
}

async function trainPyTorch({ data, adapter, threads }: Job): Promise<Timing> {
  const python = await peersPython(await Deno.readTextFile(`${ROOT}bench/peers/requirements.txt`));
  const script = [python, `${ROOT}bench/peers/pytorch_train.py`, BASE, data, "sst2", adapter];
  const started = String(Date.now() / 1000);
  const { output, ...usage } = await measure([...script, threads, started]);
  const printed = JSON.parse(output) as Pick<Timing, "firstStep" | "rate" | "loss">;
  return { name: PYTORCH, ...printed, ...usage };
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, {
    string: ["rows", "threads", "device", "only"],
    default: { rows: "4800", threads: "2", device: "wasm" },
  }) as unknown as Record<"rows" | "threads" | "device", string> & { only?: string };
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-bench-" });
  try {
    const adapter = join(folder, "start");
    const job = { folder, data: join(folder, "train.tsv"), adapter, threads: options.threads };
    await writeRows(job.data, Number(options.rows));
    await measure([...OURS, "init", BASE, adapter, "--labels", "0,1"]);
    const ways = new Map([
      ...options.device.split(",").map((device) =>
        [device, () => trainOurs(device, job)] as [string, () => Promise<Timing>]
      ),
      ["pytorch", () => trainPyTorch(job)],
    ]);
    const wanted = options.only?.split(",") ?? [...ways.keys()];
    const timings: Timing[] = [];
    for (const name of wanted) timings.push(await ways.get(name)!());
    const header = [
      ...["way", "first step, s", "rows/s", "of PyTorch's", "mean loss"],
      ...["whole process, s", "processor, s", "peak, MiB"],
    ];
    console.log(`one pass over ${options.rows} rows of SST-2, ${options.threads} threads`);
    const theirs = timings.find(({ name }) => name === PYTORCH)?.rate;
    const rows = timings.map(({ name, firstStep, rate, loss, seconds, processor, peak }) => [
      name,
      ...[firstStep.toFixed(1), rate.toFixed(0)],
      theirs === undefined ? "" : (rate / theirs).toFixed(2),
      ...[loss.toFixed(4), seconds.toFixed(1), processor.toFixed(1), peak.toFixed(0)],
    ]);
    console.log(
      formatTable(header, rows, ["left", ...header.slice(1).map(() => "right" as const)]),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
