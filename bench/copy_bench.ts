/**
 * How fast and in how much memory the executor copies a checkpoint, next to `cp` and `sync`.
 *
 * Run with `deno run -A bench/copy_bench.ts [MiB]`.
 *
 * @module
 */

import { execute } from "../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../lib/checkpoint/open.ts";
import { layoutFile } from "../lib/safetensors/writer.ts";

const MIB = 1024 * 1024;
const TENSOR_BYTES = 16 * MIB;
const ROUNDS = 3;

/** Writes a checkpoint of tensors of 16 MiB each. */
function generate(path: string, mebibytes: number): void {
  const count = Math.ceil((mebibytes * MIB) / TENSOR_BYTES);
  const layout = layoutFile(Array.from({ length: count }, (_, i) => ({
    name: `layer.${i}.weight`,
    dtype: "F32" as const,
    shape: [TENSOR_BYTES / 4],
  })));
  const block = new Uint8Array(TENSOR_BYTES);
  for (let i = 0; i < block.length; i += 65536) {
    crypto.getRandomValues(block.subarray(i, i + 65536));
  }
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  file.writeSync(layout.headerBytes);
  for (let i = 0; i < count; i++) {
    let written = 0;
    while (written < block.length) written += file.writeSync(block.subarray(written));
  }
  file.syncSync();
}

/** Copies every tensor through a plan, as every writing command does. */
async function copyByPlan(from: string, to: string): Promise<void> {
  using checkpoint = await openCheckpoint(from);
  const tensors = [...checkpoint.tensors].map(([name, entry]) => ({
    kind: "copy" as const,
    name,
    dtype: entry.dtype,
    shape: entry.shape,
    from: entry,
  }));
  const files = [{ kind: "safetensors" as const, path: "", tensors, metadata: new Map() }];
  await execute({ output: to, kind: "file", inputs: [from], files });
}

async function shell(script: string): Promise<void> {
  const { success } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  if (!success) throw new Error(`Cannot run "${script}"`);
}

/** The shortest of several rounds, in seconds; what is written is removed after each. */
async function time(work: () => Promise<void>, written: string): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    best = Math.min(best, (performance.now() - start) / 1000);
    await Deno.remove(written);
  }
  return best;
}

/** Peak resident memory of this process, in MiB; 0 where the system does not tell. */
function peakMemory(): number {
  try {
    const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status")) ??
      [];
    return Number(kibibytes ?? 0) / 1024;
  } catch {
    return 0;
  }
}

if (import.meta.main) {
  const mebibytes = Number(Deno.args[0] ?? 512);
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-bench-" });
  try {
    const from = `${folder}/in.safetensors`;
    const to = `${folder}/out.safetensors`;
    generate(from, mebibytes);
    const cp = await time(() => shell(`cp '${from}' '${to}'`), to);
    const cpSync = await time(() => shell(`cp '${from}' '${to}' && sync '${to}'`), to);
    const before = peakMemory();
    const ours = await time(() => copyByPlan(from, to), to);
    const after = peakMemory();
    const rate = (seconds: number) => `${(mebibytes / 1024 / seconds).toFixed(2)} GiB/s`;
    console.log(`${mebibytes} MiB, best of ${ROUNDS}`);
    console.log(`cp                ${cp.toFixed(2)} s  ${rate(cp)}`);
    console.log(`cp, flushed       ${cpSync.toFixed(2)} s  ${rate(cpSync)}`);
    console.log(`execute, flushed  ${ours.toFixed(2)} s  ${rate(ours)}, read back and hashed`);
    console.log(`execute / flushed cp: ${(ours / cpSync).toFixed(2)}`);
    console.log(`peak memory ${after.toFixed(0)} MiB, ${before.toFixed(0)} MiB before copying`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
