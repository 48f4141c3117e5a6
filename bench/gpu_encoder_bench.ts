/**
 * An adapted encoder on WebGPU, in f32 and in f16: examples a second once warm, accuracy, and how
 * far the logits of f16 are from those of f32. Needs ../shared beside the checkout, or names of your
 * own.
 *
 * Run with `deno run -A bench/gpu_encoder_bench.ts [--base FOLDER] [--adapter FOLDER] [--data
 * dev.tsv] [--plan NAME] [--tokens N] [--rounds N] [--logits FILE]`. The last writes the f32 logits
 * as JSON, or compares with those that are there.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { formatTable } from "../cli/format.ts";
import { openAdapter } from "../lib/adapter/open.ts";
import { openModel } from "../lib/checkpoint/open_model.ts";
import type { PlanName } from "../lib/compute/ops/plan.ts";
import { WebGpuBackend } from "../lib/compute/webgpu/backend.ts";
import { GpuDevice } from "../lib/compute/webgpu/device.ts";
import type { ElementType } from "../lib/compute/webgpu/matrix.ts";
import { classifyRows } from "../lib/runtime/classify.ts";
import { Encoder } from "../lib/runtime/encoder.ts";
import { loadAdapter, loadEncoder } from "../lib/runtime/load.ts";
import { createTokenizer, type Encoding } from "../lib/text/tokenizer.ts";

const SHARED = fromFileUrl(new URL("../../shared", import.meta.url));
const options = parseArgs(Deno.args, {
  string: ["base", "adapter", "data", "plan", "tokens", "rounds", "logits"],
  default: {
    base: `${SHARED}/models/all-minilm-l6-v2`,
    adapter: `${SHARED}/goldens/sst2_h4/multi_head`,
    data: `${SHARED}/data/glue/SST-2/dev.tsv`,
    rounds: "5",
  },
}) as unknown as
  & Record<"base" | "adapter" | "data" | "rounds", string>
  & Partial<Record<"plan" | "tokens" | "logits", string>>;

/** Sentences and labels of a file with the columns `sentence` and `label`. */
function readExamples(): { sentences: string[]; labels: number[] } {
  const lines = Deno.readTextFileSync(options.data).trimEnd().split("\n").slice(1);
  const cells = lines.map((line) => line.split("\t"));
  return { sentences: cells.map((row) => row[0]!), labels: cells.map((row) => Number(row[1])) };
}

async function tokenize(sentences: readonly string[]): Promise<Encoding[]> {
  const path = `${options.base}/tokenizer.json`;
  const json = JSON.parse(await Deno.readTextFile(path));
  const config = JSON.parse(await Deno.readTextFile(`${options.base}/tokenizer_config.json`));
  const tokenizer = await createTokenizer(json, config, path);
  return sentences.map((sentence) => tokenizer.encode(sentence, undefined, 128));
}

/** Runs the examples warm: seconds of each round, and the logits. */
async function run(precision: ElementType, encodings: readonly Encoding[]) {
  const gpu = await GpuDevice.open({ f16: precision === "f16" });
  if (gpu === undefined || (precision === "f16" && !gpu.f16)) return undefined;
  const backend = new WebGpuBackend(gpu, {
    precision,
    ...(options.plan === undefined ? {} : { plan: options.plan as PlanName }),
    ...(options.tokens === undefined ? {} : { maxTokens: Number(options.tokens) }),
  });
  using base = await openModel(options.base);
  using adapter = await openAdapter(options.adapter);
  const weights = await loadEncoder(base.checkpoint, base.model, backend);
  const encoder = new Encoder(backend, weights, [await loadAdapter(adapter, backend)]);
  const seconds: number[] = [];
  let logits = new Float32Array();
  let parts = "";
  for (let round = 0; round <= Number(options.rounds); round++) {
    const started = performance.now();
    const { variants, timings } = await classifyRows(encoder, encodings);
    seconds.push((performance.now() - started) / 1000);
    logits = variants[0]!.logits;
    const { upload, compute, readback } = timings;
    parts = [upload, compute, readback].map((part) => part.toFixed(3)).join(" + ");
  }
  const { description, maxTokens } = backend;
  backend.destroy();
  return { description, maxTokens, first: seconds[0]!, best: Math.min(...seconds), parts, logits };
}

function accuracyOf(logits: Float32Array, labels: readonly number[]): number {
  const right = labels.filter((label, i) =>
    (logits[2 * i + 1]! > logits[2 * i]! ? 1 : 0) === label
  );
  return right.length / labels.length;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

if (import.meta.main) {
  const { sentences, labels } = readExamples();
  const encodings = await tokenize(sentences);
  const tokens = encodings.reduce((sum, { ids }) => sum + ids.length, 0);
  const rows: string[][] = [];
  let exact: Float32Array | undefined;
  for (const precision of ["f32", "f16"] as const) {
    const result = await run(precision, encodings);
    if (result === undefined) continue;
    exact ??= result.logits;
    rows.push([
      precision,
      result.description,
      String(result.maxTokens),
      result.first.toFixed(3),
      result.best.toFixed(3),
      result.parts,
      (labels.length / result.best).toFixed(0),
      accuracyOf(result.logits, labels).toFixed(4),
      largestDifference(result.logits, exact).toExponential(1),
    ]);
  }
  console.log(`${labels.length} examples, ${tokens} tokens`);
  const header = ["precision", "adapter", "batch", "first s", "best s", "upload + compute + read"];
  console.log(formatTable([...header, "examples/s", "accuracy", "off by"], rows));
  if (options.logits !== undefined && exact !== undefined) {
    try {
      const kept = JSON.parse(Deno.readTextFileSync(options.logits)) as number[];
      console.log(`f32 against ${options.logits}: off by ${largestDifference(exact, kept)}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      Deno.writeTextFileSync(options.logits, JSON.stringify([...exact]));
    }
  }
}
