/**
 * Where the time of an encoder goes on WebAssembly: each operation's speed against what the machine
 * reaches at best, on the lengths of a real dev set; and WebGPU on a software driver next to it.
 * Needs ../shared beside the checkout, but for `--only linears`.
 *
 * Run with `deno task bench roofline [--only machine,operations,linears] [--rows N]`. Operations are
 * those of all-MiniLM-L6-v2 with a four-head adapter, recorded from its own forward pass over the
 * SST-2 dev set and timed batch by batch, all of a kind together. Exits 1 when the 36 linear layers
 * take more than three times as long on a software driver as on WebAssembly.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { formatCount, formatTable } from "../cli/format.ts";
import { openAdapter } from "../lib/adapter/open.ts";
import { openModel } from "../lib/checkpoint/open_model.ts";
import type { Backend } from "../lib/compute/backend.ts";
import { WasmBackend } from "../lib/compute/wasm/backend.ts";
import { WebGpuBackend } from "../lib/compute/webgpu/backend.ts";
import { GpuDevice } from "../lib/compute/webgpu/device.ts";
import { openSession } from "../lib/eval/session.ts";
import { encodeRows } from "../lib/eval/run.ts";
import { readRows } from "../lib/eval/rows.ts";
import { packBatches } from "../lib/runtime/batch.ts";
import { classifyRows } from "../lib/runtime/classify.ts";
import { Encoder } from "../lib/runtime/encoder.ts";
import { loadAdapter, loadEncoder } from "../lib/runtime/load.ts";
import type { Encoding } from "../lib/text/tokenizer.ts";
import { MINILM, SHARED } from "./_check_command.ts";
import { type Machine, measureMachine } from "./_machine.ts";
import { type Cost, costOf, type EncoderOp, linearsOf, nameOf, timeOps } from "./_operations.ts";

const ADAPTER = `${SHARED}/goldens/sst2_h4/multi_head`;
const DEV = `${SHARED}/data/glue/SST-2/dev.tsv`;
/** How long the operations of one kind are repeated on one batch, in milliseconds. */
const LASTING_MS = 20;
const LAYERS = 6;
const LINEAR_TOKENS = 128;
const LINEAR_ROUNDS = 10;
/** How many times as long a software driver may take. */
const MOST_TIMES = 3;

const options = parseArgs(Deno.args, {
  string: ["only", "rows"],
  default: { only: "machine,operations,linears" },
}) as unknown as { only: string; rows?: string };

/** What operations of one kind cost on all batches. */
interface Total extends Cost {
  readonly count: number;
  readonly seconds: number;
}

const NOTHING: Total = { count: 0, flops: 0, bytes: 0, seconds: 0 };

function add(a: Total, b: Total): Total {
  return {
    count: a.count + b.count,
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
    seconds: a.seconds + b.seconds,
  };
}

/** A backend whose operations are written down and not run; all else is the backend's own. */
function recorder(backend: Backend, ops: EncoderOp[]): Backend {
  return {
    name: backend.name,
    software: backend.software,
    description: backend.description,
    maxTokens: backend.maxTokens,
    waited: backend.waited,
    weight: (...args) => backend.weight(...args),
    value: (...args) => backend.value(...args),
    begin: (batch) => backend.begin(batch),
    write: (value, data) => backend.write(value, data),
    // Nothing is trained here.
    run: (op) => void ops.push(op as EncoderOp),
    read: (values) => backend.read(values),
    free: (resource) => backend.free(resource),
    destroy: () => backend.destroy(),
  };
}

/** Operations of a kind are timed together; rows of selected tokens are few, and a kind of their own. */
function kindOf(op: EncoderOp): string {
  const output = op.op === "linear" || op.op === "layerNorm" ? op.x : op.y;
  return output?.rowsFollow === "sequences" ? "the last layer's selected rows" : nameOf(op);
}

/** The best of two measurements: what else the machine did cannot have made it faster. */
function better(a: Machine, b: Machine): Machine {
  return {
    threads: a.threads,
    gflops: Math.max(a.gflops, b.gflops),
    cachedBandwidth: Math.max(a.cachedBandwidth, b.cachedBandwidth),
    memoryBandwidth: Math.max(a.memoryBandwidth, b.memoryBandwidth),
  };
}

async function devSet(): Promise<Encoding[]> {
  using session = await openSession({ base: MINILM, adapters: [ADAPTER], device: "reference" });
  const limit = options.rows === undefined ? undefined : Number(options.rows);
  const source = { data: DEV, task: "sst2", limit };
  const { rows } = await readRows(source, session.adapters[0]!.config.task, false);
  return encodeRows(session, rows);
}

/** Times every kind of operation on every batch, and the whole forward pass. */
async function measureOperations(): Promise<void> {
  const before = await measureMachine(navigator.hardwareConcurrency);
  const encodings = await devSet();
  const backend = new WasmBackend();
  using base = await openModel(MINILM);
  using adapter = await openAdapter(ADAPTER);
  const weights = await loadEncoder(base.checkpoint, base.model, backend);
  const variants = [await loadAdapter(adapter, backend)];
  const ops: EncoderOp[] = [];
  const recording = new Encoder(recorder(backend, ops), weights, variants);
  const totals = new Map<string, Total>();
  const limits = { maxTokens: backend.maxTokens, maxSequences: Infinity };
  for (const batch of packBatches(encodings, limits)) {
    ops.length = 0;
    await recording.record(batch);
    for (const [kind, alike] of Map.groupBy(ops, kindOf)) {
      const seconds = await timeOps(backend, alike, LASTING_MS);
      const costs = alike.map((op) => ({ count: 1, seconds: 0, ...costOf(op, batch) }));
      const total = costs.reduce(add, { ...NOTHING, seconds });
      totals.set(kind, add(totals.get(kind) ?? NOTHING, total));
    }
  }
  const encoder = new Encoder(backend, weights, variants);
  const passes: { seconds: number; upload: number }[] = [];
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    const { timings } = await classifyRows(encoder, encodings);
    passes.push({ seconds: (performance.now() - started) / 1000, upload: timings.upload });
  }
  backend.destroy();
  const machine = better(before, await measureMachine(before.threads));
  const pass = passes.reduce((a, b) => a.seconds <= b.seconds ? a : b);
  const tokens = encodings.reduce((sum, { ids }) => sum + ids.length, 0);
  console.log(
    `${formatCount(encodings.length)} rows, ${formatCount(tokens)} tokens, ${backend.description}`,
  );
  console.log(`at best ${machine.gflops.toFixed(1)} GFLOP/s on ${machine.threads} threads`);
  console.log(tableOf(totals, machine));
  const sum = [...totals.values()].reduce(add, NOTHING);
  console.log(
    `the whole pass takes ${pass.seconds.toFixed(2)} s, of which packing and uploading ` +
      `${pass.upload.toFixed(2)} s: ${(sum.flops / pass.seconds / 1e9).toFixed(1)} GFLOP/s, ` +
      `${(100 * sum.flops / pass.seconds / 1e9 / machine.gflops).toFixed(0)} % of the peak`,
  );
}

function tableOf(totals: ReadonlyMap<string, Total>, machine: Machine): string {
  const all = [...totals.values()].reduce(add, NOTHING);
  const row = (name: string, { count, flops, bytes, seconds }: Total) => {
    const speed = flops / seconds / 1e9;
    const roof = Math.min(machine.gflops, flops / bytes * machine.cachedBandwidth);
    const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
    return [
      name,
      formatCount(count),
      (flops / 1e9).toFixed(2),
      seconds.toFixed(3),
      `${(100 * seconds / all.seconds).toFixed(1)} %`,
      speed.toFixed(1),
      percent(speed / machine.gflops),
      (bytes / seconds / 1e9).toFixed(1),
      percent(flops === 0 ? bytes / seconds / 1e9 / machine.cachedBandwidth : speed / roof),
    ];
  };
  const kinds = [...totals].sort(([, a], [, b]) => b.seconds - a.seconds);
  const header = ["operation", "times", "GFLOP", "seconds", "share", "GFLOP/s", "of peak", "GB/s"];
  const rows = [...kinds.map(([name, total]) => row(name, total)), row("all", all)];
  return formatTable([...header, "of the roof"], rows, [
    "left",
    ...header.map(() => "right" as const),
  ]);
}

/** MiniLM's linear layers on a backend; gives what runs them and reads the result, in seconds. */
function linearChain(backend: Backend): () => Promise<number> {
  backend.begin({ tokens: LINEAR_TOKENS, starts: Uint32Array.of(0, LINEAR_TOKENS) });
  const layers = Array.from(
    { length: LAYERS },
    () => linearsOf(backend, LINEAR_TOKENS, 384).map(({ op }) => op),
  );
  const last = layers.at(-1)!.at(-1)!.y;
  return async () => {
    const started = performance.now();
    for (const op of layers.flat()) backend.run(op);
    await backend.read([last]);
    return (performance.now() - started) / 1000;
  };
}

/** WebGPU next to WebAssembly; tells whether a software driver keeps the limit. */
async function measureLinears(): Promise<boolean> {
  const flops = LAYERS * LINEAR_TOKENS * 24 * 384 ** 2;
  const wasm = new WasmBackend({ maxTokens: LINEAR_TOKENS });
  const gpu = await GpuDevice.open();
  if (gpu === undefined) throw new Error("Cannot compare: there is no WebGPU adapter");
  const backends = [wasm, new WebGpuBackend(gpu, { maxTokens: LINEAR_TOKENS })];
  const chains = backends.map(linearChain);
  const seconds = backends.map(() => Infinity);
  for (const chain of chains) await chain(); // compiles
  // In turns, so that what else the machine does falls on both.
  for (let round = 0; round < LINEAR_ROUNDS; round++) {
    for (const [i, chain] of chains.entries()) seconds[i] = Math.min(seconds[i]!, await chain());
  }
  for (const backend of backends) backend.destroy();
  console.log(
    `36 linear layers at ${LINEAR_TOKENS} tokens, query, key and value as one: ` +
      `${(flops / 1e9).toFixed(2)} GFLOP`,
  );
  const rows = backends.map(({ name, description }, i) => [
    name,
    description,
    (1000 * seconds[i]!).toFixed(0),
    (flops / seconds[i]! / 1e9).toFixed(1),
  ]);
  const header = ["device", "adapter", "ms", "GFLOP/s"];
  console.log(formatTable(header, rows, ["left", "left", "right", "right"]));
  const ratio = seconds[1]! / seconds[0]!;
  const kept = !gpu.software || ratio <= MOST_TIMES;
  const limit = gpu.software ? `: the limit is ${MOST_TIMES}` : "";
  console.log(
    `${kept ? "✓" : "✗"} WebGPU takes ${ratio.toFixed(2)} times as long${limit}`,
  );
  return kept;
}

async function printMachine(): Promise<void> {
  const rows: string[][] = [];
  for (const threads of new Set([1, navigator.hardwareConcurrency])) {
    const { gflops, cachedBandwidth, memoryBandwidth } = await measureMachine(threads);
    rows.push(
      [threads, gflops, cachedBandwidth, memoryBandwidth].map((value, i) =>
        value.toFixed(i === 0 ? 0 : 1)
      ),
    );
  }
  const header = ["threads", "peak GFLOP/s", "GB/s in caches", "GB/s in memory"];
  console.log(formatTable(header, rows, header.map(() => "right" as const)));
}

if (import.meta.main) {
  const only = options.only.split(",");
  if (only.includes("machine")) await printMachine();
  if (only.includes("operations")) await measureOperations();
  const kept = only.includes("linears") ? await measureLinears() : true;
  Deno.exit(kept ? 0 : 1);
}
