/**
 * `check` as a whole command on a real encoder and a GLUE dev set: seconds on each device, where
 * they go, and how much memory it takes. Needs ../shared beside the checkout.
 *
 * Run with `deno task bench check [--device wasm,webgpu,reference] [--limit N] [--rounds 1]
 * [--golden sst2_h4] [--task sst2] [--data SST-2]`. The command is a process of its own, looked at
 * from outside; of several rounds the quickest counts.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatCount, formatTable } from "../cli/format.ts";
import { type CheckRun, runCheck } from "./_check_command.ts";

const options = parseArgs(Deno.args, {
  string: ["device", "limit", "rounds", "golden", "task", "data"],
  default: {
    device: "wasm,webgpu,reference",
    rounds: "1",
    golden: "sst2_h4",
    task: "sst2",
    data: "SST-2",
  },
}) as unknown as
  & Record<"device" | "rounds" | "golden" | "task" | "data", string>
  & { limit?: string };

/** The quickest of some rounds on a device. */
async function measureDevice(device: string): Promise<CheckRun> {
  const { golden, task } = options;
  const limit = options.limit === undefined ? undefined : Number(options.limit);
  let best: CheckRun | undefined;
  for (let round = 0; round < Number(options.rounds); round++) {
    const run = await runCheck({ golden, task, data: `${options.data}/dev.tsv`, device, limit });
    if (best === undefined || run.seconds < best.seconds) best = run;
  }
  return best!;
}

/** A row of the table. */
function rowOf({ seconds, peak, result }: CheckRun): string[] {
  const { timings } = result;
  const share = (part: number) => {
    const percent = 100 * part / seconds;
    return percent < 0.05 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
  };
  const start = seconds - timings.total;
  const { load, tokenize, upload, compute, readback, compare } = timings;
  return [
    result.device,
    result.deviceDescription,
    seconds.toFixed(1),
    ...[start + load, tokenize, upload, compute, readback, compare].map(share),
    (result.tokens / (upload + compute + readback)).toFixed(0),
    peak.toFixed(0),
  ];
}

if (import.meta.main) {
  const runs: CheckRun[] = [];
  for (const device of options.device.split(",")) runs.push(await measureDevice(device));
  const { examples, tokens } = runs[0]!.result;
  const header = ["device", "adapter", "seconds", "start and load", "tokenise", "upload"];
  header.push("compute", "readback", "metrics", "tokens/s", "peak RSS, MiB");
  console.log(
    `check of ${options.golden}: multi_head against average in one pass over ` +
      `${formatCount(examples)} rows, ${formatCount(tokens)} tokens`,
  );
  console.log(
    formatTable(header, runs.map(rowOf), [
      "left",
      "left",
      ...header.slice(2).map(() => "right" as const),
    ]),
  );
}
