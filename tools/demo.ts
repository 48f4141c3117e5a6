/**
 * The main job on what the repository ships: graft an adapter, merge its heads, check what that
 * cost. `deno task demo`.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { formatCount, formatShare, formatTable } from "../cli/format.ts";
import {
  compareOutputs,
  execute,
  inspectLocation,
  openAdapter,
  openModel,
  openSession,
  planInject,
  planMerge,
  runRows,
} from "../mod.ts";

const MINI = fromFileUrl(new URL("../fixtures/mini/", import.meta.url));
const BASE = join(MINI, "encoder");
const ADAPTER = join(MINI, "adapter");
const DATA = join(MINI, "data", "dev.tsv");

async function main(): Promise<void> {
  for (const [name, value] of Object.entries(runtimeFolderEnv())) Deno.env.set(name, value);
  const started = performance.now();
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-demo-" });
  try {
    await introduce();
    await graft(join(folder, "grafted"));
    const methods = ["stack", "average"] as const;
    for (const method of methods) await mergeHeads(method, join(folder, method));
    await compare(folder, methods);
    console.log(`\n${((performance.now() - started) / 1000).toFixed(1)} s in all`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function introduce(): Promise<void> {
  const base = await inspectLocation(BASE);
  const { adapter } = await inspectLocation(ADAPTER);
  const { numHiddenLayers, hiddenSize } = base.architecture!;
  console.log(
    `base     fixtures/mini/encoder: a BERT of ${numHiddenLayers} layers, hidden size ` +
      `${hiddenSize}, ${formatCount(base.parameters)} parameters\n` +
      `adapter  fixtures/mini/adapter: ${adapter!.numHeads} attention heads of width ` +
      `${adapter!.headDim} a layer, ${formatCount(adapter!.parameters)} parameters ` +
      `(${formatShare(adapter!.parameters / base.parameters)})\n` +
      `task     which of ${adapter!.task.labels!.length} things a customer wants\n`,
  );
}

async function graft(output: string): Promise<void> {
  using base = await openModel(BASE);
  using adapter = await openAdapter(ADAPTER);
  const { plan, added } = await planInject(base.checkpoint, base.model, adapter, output, {
    as: "checkpoint",
  });
  await execute(plan);
  console.log(`1. graft: ${added.length} tensors injected, every byte of the base kept`);
}

async function mergeHeads(method: "stack" | "average", output: string): Promise<void> {
  using adapter = await openAdapter(ADAPTER);
  const { plan, headsBefore, headsAfter, exact, layers } = await planMerge(adapter, output, {
    method,
  });
  await execute(plan);
  const worst = Math.max(...layers.map(({ relativeError }) => relativeError));
  const step = method === "stack" ? "2. merge:" : "         ";
  console.log(
    `${step} ${method.padEnd(8)} ${headsBefore} heads to ${headsAfter}, ` +
      (exact ? "exact" : `off by up to ${(100 * worst).toFixed(0)} % of a layer's output`),
  );
}

async function compare(folder: string, methods: readonly string[]): Promise<void> {
  const names = ["as trained (grafted)", ...methods];
  using session = await openSession({
    base: BASE,
    adapters: ["grafted", ...methods].map((name) => join(folder, name)),
    device: "auto",
    onWarning: (message) => console.error(message),
  });
  const { data, targets, variants } = await runRows(session, { data: DATA });
  console.log(
    `3. check: ${formatCount(data.rows.length)} sentences on ${session.backend.description}\n`,
  );
  const results = variants.map((variant) =>
    compareOutputs(variants[0]!, variant, targets, { kind: "classification", ...data })
  );
  const rows = results.map((result, index) => {
    const { config, tensors } = session.adapters[index]!;
    const [low, high] = result.significance.interval;
    const lost = [points(result.drop), `${points(low)} to ${points(high)}`];
    return [
      names[index]!,
      String(config.numHeads),
      formatCount(parameterCount(tensors.values())),
      `${points(result.after.accuracy!)} %`,
      ...(index === 0 ? ["", ""] : lost),
      `${points(result.agreement)} %`,
    ];
  });
  const header = ["adapter", "heads", "parameters", "accuracy", "points lost", "95 % interval"];
  header.push("same answers");
  console.log(formatTable(header, rows, ["left", ...header.slice(1).map(() => "right" as const)]));
  console.log(`\n${advice(results.at(-1)!.drop)}`);
}

function points(value: number): string {
  return (100 * value).toFixed(1);
}

function advice(lost: number): string {
  if (lost <= 0) return "Averaging these heads' weights into one loses nothing here.";
  return `Averaging these heads' weights into one loses ${
    points(lost)
  } points: they were trained ` +
    "from independent\nstarts and do different things. Stacked in one module they lose nothing: " +
    "ship stack.";
}

function parameterCount(tensors: Iterable<{ readonly shape: readonly number[] }>): number {
  let sum = 0;
  for (const { shape } of tensors) sum += shape.reduce((product, dim) => product * dim, 1);
  return sum;
}

if (import.meta.main) await main();
