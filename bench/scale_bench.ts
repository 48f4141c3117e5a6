/**
 * What `check` costs as rows are added: time must grow with the rows, and memory must not. Each run
 * is the whole command on the start of SST-2's training set, looked at from outside. Needs
 * ../shared beside the checkout.
 *
 * Run with `deno task bench scale [--unit 4000] [--rounds 1] [--device wasm]` for one, two and four
 * times so many rows, or with `deno task bench scale --rows 50000` for one long run and its memory
 * over time. Exits 1 when a limit is not kept.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatCount, formatSeconds, formatTable } from "../cli/format.ts";
import { openModel } from "../lib/checkpoint/open_model.ts";
import { elementCount } from "../lib/tensor/shape.ts";
import { type CheckRun, MINILM, runCheck } from "./_check_command.ts";

/** What the limits are: they hold for any encoder on any device that computes on the host. */
const LIMITS = {
  /** How far twice the rows may be from twice the time. */
  doubling: 0.1,
  /** MiB beside the model in F32. */
  besideModel: 350,
  /** How much more memory may be resident at the end than after the first tenth of the rows. */
  growth: 0.05,
  /** Seconds without progress that count as a stall; the command tells its progress every ten. */
  silence: 20,
} as const;

const MEBIBYTE = 2 ** 20;

const options = parseArgs(Deno.args, {
  string: ["unit", "rounds", "rows", "device"],
  default: { unit: "4000", rounds: "1", device: "wasm" },
}) as unknown as Record<"unit" | "rounds" | "device", string> & { rows?: string };

const check = { golden: "sst2_h4", task: "sst2", data: "SST-2/train.tsv", device: options.device };

/** Bytes of the model's tensors in F32, in MiB. */
async function modelMebibytes(): Promise<number> {
  using model = await openModel(MINILM);
  const tensors = [...model.checkpoint.tensors.values()];
  return 4 * tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0) / MEBIBYTE;
}

/** Prints whether a limit was kept, and gives that back. */
function judge(kept: boolean, text: string): boolean {
  console.log(`${kept ? "✓" : "✗"} ${text}`);
  return kept;
}

function judgePeak(peak: number, model: number): boolean {
  const limit = model + LIMITS.besideModel;
  return judge(
    peak <= limit,
    `at most ${peak.toFixed(0)} MiB are resident: the model in F32 takes ${model.toFixed(0)}, ` +
      `the limit is ${limit.toFixed(0)}`,
  );
}

/** One, two and four times the rows. */
async function measureGrowth(model: number): Promise<boolean> {
  const runs: CheckRun[] = [];
  for (const times of [1, 2, 4]) {
    const limit = times * Number(options.unit);
    const rounds: CheckRun[] = [];
    for (let i = 0; i < Number(options.rounds); i++) {
      rounds.push(await runCheck({ ...check, limit }));
    }
    runs.push(rounds.reduce((a, b) => a.seconds <= b.seconds ? a : b));
  }
  const rows = runs.map(({ result: { examples, tokens }, seconds, peak }) => [
    formatCount(examples),
    formatCount(tokens),
    seconds.toFixed(1),
    (1000 * seconds / examples).toFixed(2),
    (tokens / seconds).toFixed(0),
    peak.toFixed(0),
  ]);
  const header = ["rows", "tokens", "seconds", "ms a row", "tokens/s", "peak RSS, MiB"];
  console.log(formatTable(header, rows, header.map(() => "right" as const)));
  const ratios = runs.slice(1).map(({ seconds }, i) => seconds / runs[i]!.seconds);
  const [least, most] = [2 - 2 * LIMITS.doubling, 2 + 2 * LIMITS.doubling];
  const linear = judge(
    ratios.every((ratio) => ratio >= least && ratio <= most),
    `twice the rows take ${ratios.map((ratio) => ratio.toFixed(2)).join(" and ")} times as long: ` +
      `the limits are ${least} and ${most}`,
  );
  const flat = judgePeak(Math.max(...runs.map(({ peak }) => peak)), model);
  return linear && flat;
}

/** What was resident when the command told how many rows were done. */
interface Milestone {
  readonly done: number;
  readonly seconds: number;
  readonly resident: number;
}

/** One long run, its memory over time, and the longest time in which it told nothing. */
async function measureLong(rows: number, model: number): Promise<boolean> {
  const milestones: Milestone[] = [];
  const memory: { readonly at: number; readonly resident: number }[] = [];
  const { seconds, peak, result } = await runCheck({ ...check, limit: rows }, {
    onMemory: (resident, at) => memory.push({ at, resident }),
    onLine: (line, at) => {
      const done = /: (\d+) of \d+ rows/.exec(line)?.[1];
      if (done === undefined) return;
      milestones.push({ done: Number(done), seconds: at, resident: memory.at(-1)?.resident ?? 0 });
    },
  });
  const { examples, tokens, timings } = result;
  const first = milestones.find(({ done }) => done >= examples / 10);
  if (first === undefined) {
    throw new Error(`Cannot judge ${rows} rows: take more, for a longer run`);
  }
  const shown = milestones.filter(({ done }, i) =>
    i === 0 ||
    Math.floor(10 * done / examples) > Math.floor(10 * milestones[i - 1]!.done / examples)
  );
  // A process that ends gives memory back before it is gone: the most of its last second counts.
  const lastSecond = memory.filter(({ at }) => at > memory.at(-1)!.at - 1);
  const atEnd = Math.max(...lastSecond.map(({ resident }) => resident));
  const lines = [...shown, { done: examples, seconds, resident: atEnd }].map((each) => [
    formatCount(each.done),
    formatSeconds(each.seconds),
    each.resident.toFixed(0),
  ]);
  console.log(
    formatTable(["rows", "after", "resident, MiB"], lines, ["right", "right", "right"]),
  );
  console.log(
    `${formatCount(tokens)} tokens in ${formatSeconds(seconds)}, ` +
      `of which metrics take ${formatSeconds(timings.compare)}`,
  );
  const times = [0, ...milestones.map((each) => each.seconds), seconds];
  const silence = Math.max(...times.slice(1).map((time, i) => time - times[i]!));
  const growth = atEnd / first.resident - 1;
  const verdicts = [
    judge(
      growth <= LIMITS.growth,
      `after all rows ${(100 * (1 + growth)).toFixed(1)} % is resident of what it was after ` +
        `${formatCount(first.done)}: the limit is ${100 * (1 + LIMITS.growth)} %`,
    ),
    judge(
      silence <= LIMITS.silence,
      `it told its progress every ${silence.toFixed(1)} s or oftener: the limit is ` +
        `${LIMITS.silence} s`,
    ),
    judgePeak(peak, model),
  ];
  return verdicts.every((kept) => kept);
}

if (import.meta.main) {
  const model = await modelMebibytes();
  console.log(`check of sst2_h4 on SST-2's training set, ${options.device}`);
  const kept = options.rows === undefined
    ? await measureGrowth(model)
    : await measureLong(Number(options.rows), model);
  Deno.exit(kept ? 0 : 1);
}
