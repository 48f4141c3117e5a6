/**
 * How fast and in how much memory the commands work on a large checkpoint, next to `cp`, Deno's own
 * start, and Python's safetensors where TINYGRAFT_PYTHON names an interpreter that has it.
 *
 * Run with `deno run -A bench/checkpoint_bench.ts [--mib 1024] [--rounds 3] [--json]`; it takes
 * three times as much room in the temporary folder.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { execute } from "../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../lib/checkpoint/open.ts";
import type { PlannedFile } from "../lib/checkpoint/plan.ts";
import { bertOf, writeBert, writeManyTensors } from "./_checkpoints.ts";
import { best, MAIN, measure, type Usage } from "./_processes.ts";

/** One row of the table. */
interface Figure extends Usage {
  readonly what: string;
  /** Speed relative to `cp` of the same bytes: 1 is as fast. */
  readonly ofCp?: number;
}

const LOAD_AND_SAVE = fromFileUrl(new URL("./load_and_save.py", import.meta.url));
const DENO = [Deno.execPath(), "run", "-A", "--no-check"];

function tinygraft(...args: string[]): string[] {
  return [...DENO, MAIN, ...args, "--quiet"];
}

/** How long a copy took in this process, in seconds. */
interface Copying {
  /** From start to end: flushed, read back and in its place. */
  readonly all: number;
  /** Reading and writing alone. */
  readonly copying: number;
}

/** Copies every tensor of a folder by a plan, as every writing command does. */
async function copyByPlan(from: string, to: string): Promise<Copying> {
  using checkpoint = await openCheckpoint(from);
  const files = checkpoint.files.map(({ path, header }): PlannedFile => ({
    kind: "safetensors",
    path: path.slice(path.lastIndexOf("/") + 1),
    metadata: header.metadata,
    tensors: [...header.tensors.keys()].map((name) => {
      const entry = checkpoint.tensors.get(name)!;
      return { kind: "copy", name, dtype: entry.dtype, shape: entry.shape, from: entry };
    }),
  }));
  const start = performance.now();
  let [copying, last, before] = [0, start, ""];
  await execute({ output: to, kind: "folder", inputs: [from], files }, {
    onProgress: (_done, _total, label) => {
      const now = performance.now();
      if (label === before && !label.startsWith("verifying")) copying += now - last;
      [before, last] = [label, now];
    },
  });
  return { all: (performance.now() - start) / 1000, copying: copying / 1000 };
}

class Bench {
  readonly figures: Figure[] = [];

  constructor(readonly folder: string, readonly rounds: number) {}

  at(name: string): string {
    return `${this.folder}/${name}`;
  }

  remove = async (name: string): Promise<void> => {
    await Deno.remove(this.at(name), { recursive: true }).catch(() => {});
  };

  async add(what: string, work: () => Promise<Usage>, cp?: Usage): Promise<Usage> {
    // Nothing that was written before shall be on its way to the disk meanwhile.
    await measure(["sync"]);
    const usage = await best(this.rounds, work, async () => {
      await this.remove("out");
      await measure(["sync"]);
    });
    const ofCp = cp === undefined ? {} : { ofCp: cp.seconds / usage.seconds };
    this.figures.push({ what, ...usage, ...ofCp });
    return usage;
  }
}

async function largeCheckpoint(bench: Bench, mebibytes: number): Promise<void> {
  const [base, out, half] = ["base", "out", "half"].map((name) => bench.at(name)) as [
    string,
    string,
    string,
  ];
  await writeBert(base, bertOf(mebibytes), 4);
  await bench.add("cp", () => measure(["cp", "-r", base, out]));
  const flushed = await bench.add(
    "cp, flushed",
    () => measure(["sh", "-c", `cp -r "$0" "$1" && sync "$1"/*`, base, out]),
  );
  await bench.add("copying by plan, flushed", async () => {
    return { seconds: (await copyByPlan(base, out)).all, peak: 0 };
  }, flushed);
  const inject = ["inject", base, out, "--num-labels", "2", "--as"];
  await bench.add(
    "inject --as checkpoint",
    () => measure(tinygraft(...inject, "checkpoint")),
    flushed,
  );
  await bench.add(
    "inject --as checkpoint --verify",
    () => measure(tinygraft(...inject, "checkpoint", "--verify")),
    flushed,
  );
  await bench.add("inject --as shard", () => measure(tinygraft(...inject, "shard")));
  const convert = ["--dtype", "BF16", "--max-shard-size", "1GB"];
  await bench.add(
    "convert --dtype BF16",
    () => measure(tinygraft("convert", base, out, ...convert)),
    flushed,
  );
  await measure(tinygraft("convert", base, half, ...convert));
  await bench.add(
    "diff --values, with a BF16 copy",
    () => measure(tinygraft("diff", base, half, "--values"), [1]),
  );
  await bench.remove("half");
  await bench.add("hash", () => measure(tinygraft("hash", base)));
  await bench.add("validate", () => measure(tinygraft("validate", base)));
  await bench.remove("base");
}

/** Where flushing costs nothing, what is left is the copying itself. */
async function copyingAlone(rounds: number): Promise<Figure[]> {
  const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "tinygraft-bench-" });
  try {
    const bench = new Bench(folder, rounds);
    const [base, out] = [bench.at("base"), bench.at("out")];
    await writeBert(base, bertOf(1024), 4);
    const cp = await bench.add("cp of 1 GiB in memory", () => measure(["cp", "-r", base, out]));
    await bench.add("copying of 1 GiB by plan in memory", async () => {
      return { seconds: (await copyByPlan(base, out)).copying, peak: 0 };
    }, cp);
    return bench.figures;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function startUp(bench: Bench): Promise<void> {
  const path = bench.at("many.safetensors");
  await writeManyTensors(path, 1000);
  const empty = bench.at("empty.ts");
  await Deno.writeTextFile(empty, "console.log(1);\n");
  for (
    const [what, command] of [
      ["Deno's start", [...DENO, empty]],
      ["inspect, 1,000 tensors", tinygraft("inspect", path)],
    ] as const
  ) {
    const usage = await best(4 * bench.rounds, () => measure(command));
    bench.figures.push({ what, ...usage });
  }
}

async function oneShard(bench: Bench): Promise<void> {
  const [shard, out] = [bench.at("shard"), bench.at("out")];
  await writeBert(shard, bertOf(512), 1);
  const weights = `${shard}/model.safetensors`;
  await bench.add("cp of 512 MiB", () => measure(["cp", weights, out]));
  const adapter = bench.at("adapter");
  await measure(tinygraft("init", shard, adapter, "--num-labels", "2"));
  const config = JSON.parse(await Deno.readTextFile(`${adapter}/adapter_config.json`));
  await bench.add(
    "inject into 512 MiB, base hashed",
    () => measure(tinygraft("inject", shard, out, "--adapter", adapter)),
  );
  // An adapter that fits any base of its shape: nothing has to be hashed first.
  const text = JSON.stringify({ ...config, base_model_sha256: null });
  await Deno.writeTextFile(`${adapter}/adapter_config.json`, text);
  await bench.add(
    "inject into 512 MiB",
    () => measure(tinygraft("inject", shard, out, "--adapter", adapter)),
  );
  await bench.add(
    "inject --as shard into 512 MiB",
    () => measure(tinygraft("inject", shard, out, "--adapter", adapter, "--as", "shard")),
  );
  for (const framework of ["numpy", "torch"]) {
    const python = Deno.env.get("TINYGRAFT_PYTHON");
    const what = `Python load_file, save_file of 512 MiB with ${framework}, not flushed`;
    try {
      if (python === undefined) throw new Error("TINYGRAFT_PYTHON is not set");
      const command = [python, LOAD_AND_SAVE, framework, weights, out];
      await bench.add(what, () => measure(command));
    } catch (error) {
      console.error(`${what}: not measured: ${error instanceof Error ? error.message : error}`);
    }
  }
}

function hasMemoryFolder(): boolean {
  try {
    return Deno.statSync("/dev/shm").isDirectory;
  } catch {
    return false;
  }
}

function table(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ what }) => what.length));
  const rows = figures.map(({ what, seconds, peak, ofCp }) => [
    what.padEnd(width),
    `${seconds.toFixed(3)} s`.padStart(10),
    (peak > 0 ? `${peak.toFixed(0)} MiB` : "").padStart(9),
    ofCp === undefined ? "" : `${ofCp.toFixed(2)} of the speed of cp`,
  ]);
  return rows.map((row) => row.join("  ").trimEnd()).join("\n");
}

if (import.meta.main) {
  const { mib, rounds, json } = parseArgs(Deno.args, {
    string: ["mib", "rounds"],
    boolean: ["json"],
    default: { mib: "1024", rounds: "3" },
  });
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-bench-" });
  try {
    const bench = new Bench(folder, Number(rounds));
    await largeCheckpoint(bench, Number(mib));
    if (hasMemoryFolder()) bench.figures.push(...await copyingAlone(bench.rounds));
    await startUp(bench);
    await oneShard(bench);
    if (json) console.log(JSON.stringify(bench.figures, null, 2));
    else console.log(`${mib} MiB in 4 shards, best of ${rounds}\n${table(bench.figures)}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
