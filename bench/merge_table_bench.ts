/**
 * What every way to merge four trained heads costs, on real GLUE tasks: the table of the README.
 * Needs ../shared beside the checkout: models, adapters trained by PyTorch and data sets.
 *
 * Run with `deno task bench:merge [--task sst2_h4,mrpc_h4] [--device auto] [--limit N]
 * [--calibration-rows 2000] [--error-rows 64]`. Merging is fitted to rows of the task's training
 * set, whose labels are not looked at, and judged on its dev set, all variants in one pass. Nothing
 * is written. The table goes to stdout as Markdown, the rest to stderr.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { type Adapter, openAdapter } from "../lib/adapter/open.ts";
import { measureMerge } from "../lib/calibrate/measure.ts";
import type { DeviceName } from "../lib/compute/open.ts";
import type { Comparison } from "../lib/eval/compare.ts";
import { compareLogits, runAdapters } from "../lib/eval/measured_merge.ts";
import { planOnText } from "../lib/eval/merge_check.ts";
import { type LabelledRows, readLabelled } from "../lib/eval/run.ts";
import { openSession, type Session } from "../lib/eval/session.ts";
import { readText, takeEvenly, type TextSample } from "../lib/eval/text_rows.ts";
import type { AdapterMerge } from "../lib/merge/merge_adapter.ts";
import { type AnyMergeMethod, CALIBRATION_ROWS } from "../lib/merge/method_names.ts";
import { placeAdapter } from "../lib/runtime/place.ts";

const SHARED = fromFileUrl(new URL("../../shared", import.meta.url));

/** An adapter of four heads trained on a real task. */
interface Golden {
  /** Its folder below goldens/. */
  readonly name: string;
  /** The task's name in the table. */
  readonly title: string;
  /** The task preset. */
  readonly task: string;
  /** The folder of its data below data/glue/. */
  readonly data: string;
}

const GOLDENS: readonly Golden[] = [
  { name: "sst2_h4", title: "SST-2", task: "sst2", data: "SST-2" },
  { name: "mrpc_h4", title: "MRPC", task: "mrpc", data: "MRPC" },
  { name: "cola_h4", title: "CoLA", task: "cola", data: "CoLA" },
  { name: "stsb_h4", title: "STS-B", task: "stsb", data: "STS-B" },
  { name: "sst2_h4_route", title: "SST-2, mergeable recipe", task: "sst2", data: "SST-2" },
];

/** One way to merge. */
interface Way {
  /** Its name in the table. */
  readonly title: string;
  /** The method. */
  readonly method: AnyMergeMethod;
  /** Heads left in a layer; all with `stack`. */
  readonly heads: number;
  /** Whether it is fitted to text. */
  readonly onText: boolean;
}

const way = (title: string, method: AnyMergeMethod, heads: number, onText: boolean): Way => {
  return { title, method, heads, onText };
};

/** `stack` first and `average` second: the others are judged by how far between them they stand. */
const WAYS: readonly Way[] = [
  way("stack", "stack", 4, false),
  way("average", "average", 1, false),
  way("aligned", "aligned", 1, false),
  way("product", "product", 1, false),
  way("product, weighted by text", "product", 1, true),
  way("distil, closed form", "distil", 1, true),
  way("product", "product", 2, false),
  way("product, weighted by text", "product", 2, true),
  way("distil, closed form", "distil", 2, true),
  way("product, weighted by text", "product", 3, true),
  way("distil, closed form", "distil", 3, true),
];

/** What one way to merge cost on one task. */
interface Row {
  readonly way: Way;
  /** Against `stack`. */
  readonly comparison: Comparison;
  /** Share of the way from `average` to `stack`. */
  readonly closed: number;
  /** Mean over the layers, at the stacked model's inputs. */
  readonly relativeError: number;
  /** Of the modules, in elements. */
  readonly parameters: number;
  /** Seconds to merge, with the run over the text. */
  readonly seconds: number;
}

/** The flags of a call. */
interface Options {
  readonly device: DeviceName;
  readonly limit: number | undefined;
  readonly calibrationRows: number;
  readonly errorRows: number;
}

function parameterCount({ after }: AdapterMerge): number {
  const arrays = after.modules.flatMap((module) => Object.values(module));
  return arrays.reduce(
    (sum: number, values) => values instanceof Float64Array ? sum + values.length : sum,
    0,
  );
}

async function meanError(
  { backend, weights }: Session,
  { before, after }: AdapterMerge,
  { encodings }: LabelledRows,
  rows: number,
): Promise<number> {
  const text = { backend, weights, encodings: takeEvenly(encodings, rows) };
  const layers = await measureMerge(text, before.modules, after.modules);
  return layers.reduce((sum, { relativeError }) => sum + relativeError, 0) / layers.length;
}

/** Merges in every way, then runs all results over the labelled rows in one pass. */
async function measureAll(
  session: Session,
  adapter: Adapter,
  labelled: LabelledRows,
  text: TextSample,
  options: Options,
): Promise<Row[]> {
  const merged = [];
  for (const { title, method, heads, onText } of WAYS) {
    const started = performance.now();
    const count = method === "stack" ? {} : { heads };
    const sample = onText ? text : undefined;
    const merge = await planOnText(session, adapter, "unwritten", sample, { method, ...count });
    const seconds = (performance.now() - started) / 1000;
    console.error(`  ${title} to ${heads}: ${seconds.toFixed(1)} s`);
    const relativeError = await meanError(session, merge, labelled, options.errorRows);
    merged.push({ merge, seconds, relativeError });
  }
  const weights = merged.map(({ merge }) => placeAdapter(merge.after, session.backend));
  const run = { base: "", device: options.device };
  const logits = await runAdapters(session, weights, labelled, run, "Running");
  const comparisons = logits.map((each) => compareLogits(session, labelled, logits[0]!, each));
  const { drop, significance: { interval: [least] } } = comparisons[1]!;
  // A gap that may be none has no shares.
  const gap = least > 0 ? drop : NaN;
  return merged.map(({ merge, seconds, relativeError }, i) => ({
    way: WAYS[i]!,
    comparison: comparisons[i]!,
    closed: (gap - comparisons[i]!.drop) / gap,
    relativeError,
    parameters: parameterCount(merge),
    seconds,
  }));
}

async function measureTask({ name, task, data }: Golden, options: Options): Promise<Row[]> {
  using adapter = await openAdapter(`${SHARED}/goldens/${name}/multi_head`);
  using session = await openSession({
    base: `${SHARED}/models/all-minilm-l6-v2`,
    adapters: [adapter],
    device: options.device,
  });
  console.error(`${name} on ${session.backend.name} (${session.backend.description})`);
  const folder = `${SHARED}/data/glue/${data}`;
  const rows = { data: `${folder}/dev.tsv`, task, limit: options.limit };
  const labelled = await readLabelled(session, rows);
  const training = { data: `${folder}/train.tsv`, task };
  const text = await readText(session, training, options.calibrationRows);
  return await measureAll(session, adapter, labelled, text, options);
}

const points = (fraction: number, digits = 1): string => (100 * fraction).toFixed(digits);

/** What a way costs on one task, in the three lines of the legend. */
function cellOf({ comparison, closed, relativeError }: Row, judged: boolean): string {
  const { after, drop, metric, significance: { interval: [low, high] } } = comparison;
  const share = judged && Number.isFinite(closed) ? `${points(closed, 0)} %, ` : "";
  return [
    points(after[metric]!),
    `${points(drop)} (${points(low)} to ${points(high)})`,
    `${share}${relativeError.toFixed(2)}`,
  ].join("<br>");
}

/** A row for each way, a column for each task. */
function table(tasks: readonly (readonly [Golden, readonly Row[]])[]): string {
  const lines = WAYS.map(({ title, heads }, i) => {
    const rows = tasks.map(([, rows]) => rows[i]!);
    const seconds = rows.map(({ seconds }) => Math.round(seconds));
    const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
    const cells = [
      title,
      heads,
      rows[0]!.parameters.toLocaleString("en"),
      ...rows.map((row) => cellOf(row, i > 1)),
      most === 0 ? "< 0.5" : least === most ? most : `${least} to ${most}`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const titles = tasks.map(([{ title }, rows]) => `${title}, ${rows[0]!.comparison.metric}`);
  return [
    `| ${["method", "heads", "parameters", ...titles, "seconds"].join(" | ")} |`,
    `| --- | ${Array.from({ length: titles.length + 3 }, () => "--:").join(" | ")} |`,
    ...lines,
    "",
    "Each cell: the metric; points lost against stack with the 95 % interval; the share of the gap " +
    "between average and stack that is closed, and the mean relative error of the layers' outputs.",
  ].join("\n");
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, {
    string: ["task", "device", "limit", "calibration-rows", "error-rows"],
    default: { device: "auto", "calibration-rows": String(CALIBRATION_ROWS), "error-rows": "64" },
  }) as unknown as Record<string, string | undefined>;
  if (!exists(`${SHARED}/goldens`)) {
    console.error(`Cannot run the table: ${SHARED}/goldens is absent; it holds the adapters`);
    Deno.exit(1);
  }
  const names = flags.task?.split(",") ?? GOLDENS.map(({ name }) => name);
  const unknown = names.find((name) => GOLDENS.every((golden) => golden.name !== name));
  if (unknown !== undefined) {
    console.error(`Unknown task "${unknown}": ${GOLDENS.map(({ name }) => name).join(", ")}`);
    Deno.exit(2);
  }
  for (const [name, value] of Object.entries(runtimeFolderEnv())) Deno.env.set(name, value);
  const options: Options = {
    device: flags.device as DeviceName,
    limit: flags.limit === undefined ? undefined : Number(flags.limit),
    calibrationRows: Number(flags["calibration-rows"]),
    errorRows: Number(flags["error-rows"]),
  };
  const tasks: [Golden, readonly Row[]][] = [];
  for (const golden of GOLDENS.filter(({ name }) => names.includes(name))) {
    tasks.push([golden, await measureTask(golden, options)]);
  }
  console.log(table(tasks));
}
