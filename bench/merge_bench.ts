/**
 * Time and memory of merging an adapter as large as RoBERTa-large's: 24 layers of 16 heads, hidden
 * size 1024. Each merge is a command of its own, from start to exit.
 *
 * Run with `deno run -A bench/merge_bench.ts [--heads 16] [--head-dim 1]`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatTable } from "../cli/format.ts";
import type { AdapterConfig } from "../lib/adapter/config.ts";
import { planAdapter } from "../lib/adapter/plan.ts";
import { adapterTensors } from "../lib/adapter/tensors.ts";
import { execute } from "../lib/checkpoint/execute.ts";
import type { TensorStep } from "../lib/checkpoint/plan.ts";
import { MERGE_METHODS } from "../lib/merge/method_names.ts";
import { encodeFloats } from "../lib/tensor/decode.ts";
import { gaussians, seededUint32 } from "../lib/tensor/random.ts";
import { best, MAIN, measure } from "./_processes.ts";

const LABELS = 2;
const ROUNDS = 3;

const options = parseArgs(Deno.args, {
  string: ["heads", "head-dim"],
  default: { heads: "16", "head-dim": "1" },
});

/** The base's sizes are those of RoBERTa-large; its type only names the tensors. */
const CONFIG: AdapterConfig = {
  baseModelNameOrPath: null,
  baseModelType: "bert",
  hiddenSize: 1024,
  numHiddenLayers: 24,
  numHeads: Number(options.heads),
  headDim: Number(options["head-dim"]),
  combine: "sum",
  placement: "after_attention",
  layerNormEps: 1e-5,
  task: { type: "classification", labels: ["no", "yes"] },
  pooling: "first_token",
  baseModelSha256: null,
  tinygraftVersion: "0.0.0",
  extra: new Map(),
};

async function writeAdapter(folder: string): Promise<void> {
  const next = seededUint32(1);
  const steps = adapterTensors(CONFIG, LABELS).map(({ name, shape }): TensorStep => {
    const values = gaussians(shape.reduce((a, b) => a * b, 1), next).map((value) => 0.05 * value);
    const data = () => Promise.resolve(encodeFloats(values, "F32"));
    return { kind: "data", name, shape, dtype: "F32", data, origin: "noise" };
  });
  await execute(planAdapter(CONFIG, steps, folder, []));
}

if (import.meta.main) {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-bench-" });
  try {
    await writeAdapter(`${folder}/adapter`);
    const rows = [];
    for (const method of MERGE_METHODS) {
      const argv = ["merge", `${folder}/adapter`, `${folder}/out`, "--method", method, "--force"];
      const command = [Deno.execPath(), "run", "-A", "--no-check", MAIN, ...argv, "--quiet"];
      const { seconds, peak } = await best(ROUNDS, () => measure(command));
      rows.push([method, seconds.toFixed(2), peak.toFixed(0)]);
    }
    console.log(`24 layers, ${options.heads} heads of width ${options["head-dim"]}, hidden 1024`);
    console.log(formatTable(["method", "seconds", "peak MiB"], rows, ["left", "right", "right"]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
