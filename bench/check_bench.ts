/**
 * `check` as a whole command on a real encoder and a GLUE dev set: seconds on each device, and
 * where they go. Needs ../shared beside the checkout, or names of your own.
 *
 * Run with `deno run -A bench/check_bench.ts [--device webgpu,reference] [--limit N] [--golden
 * sst2_h4] [--task sst2] [--data SST-2]`. The command is a process of its own, timed from outside.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { formatTable } from "../cli/format.ts";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import type { CheckResult } from "../lib/eval/check.ts";

const MAIN = fromFileUrl(new URL("../cli/main.ts", import.meta.url));
const SHARED = fromFileUrl(new URL("../../shared", import.meta.url));

const options = parseArgs(Deno.args, {
  string: ["device", "limit", "golden", "task", "data"],
  default: { device: "webgpu,reference", golden: "sst2_h4", task: "sst2", data: "SST-2" },
}) as unknown as Record<"device" | "golden" | "task" | "data", string> & { limit?: string };

async function measure(device: string): Promise<readonly string[]> {
  const golden = `${SHARED}/goldens/${options.golden}`;
  const started = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", MAIN, "check", `${SHARED}/models/all-minilm-l6-v2`],
      ...["--before", `${golden}/multi_head`, "--after", `${golden}/average`],
      ...["--data", `${SHARED}/data/glue/${options.data}/dev.tsv`, "--task", options.task],
      ...["--max-drop", "1", "--device", device, "--quiet", "--json"],
      ...(options.limit === undefined ? [] : ["--limit", options.limit]),
    ],
    env: runtimeFolderEnv(),
  }).output();
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const result = JSON.parse(new TextDecoder().decode(stdout)) as CheckResult;
  const { timings, examples, tokens } = result;
  const share = (part: number) => `${((100 * part) / seconds).toFixed(1)} %`;
  const start = seconds - timings.total;
  return [
    device,
    result.deviceDescription,
    String(examples),
    String(tokens),
    seconds.toFixed(1),
    share(start),
    share(timings.load),
    share(timings.tokenize),
    share(timings.upload),
    share(timings.compute),
    share(timings.readback),
    share(timings.compare),
  ];
}

if (import.meta.main) {
  const rows = [];
  for (const device of options.device.split(",")) rows.push(await measure(device));
  const header = ["device", "adapter", "rows", "tokens", "seconds", "start", "load", "tokenise"];
  header.push("upload", "compute", "readback", "metrics");
  console.log(`check of ${options.golden}: multi_head against average, both in one pass`);
  console.log(
    formatTable(header, rows, ["left", "left", ...header.slice(2).map(() => "right" as const)]),
  );
}
