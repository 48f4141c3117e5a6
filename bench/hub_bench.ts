/**
 * How fast and in how much memory a large file goes to the Hub and comes back, next to a program
 * that only fetches the same bytes, writes and flushes them. The Hub is the fake one of the tests, a
 * process of its own on this machine, so that no network stands in the way.
 *
 * Run with `deno run -A bench/hub_bench.ts [--mib 2048] [--rounds 3]`; it takes four times as much
 * room in the temporary folder.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { formatTable } from "../cli/format.ts";
import { layoutFile } from "../lib/safetensors/writer.ts";
import { WRITE_TOKEN } from "../tests/_fake_hub/accounts.ts";
import { best, measure, type Usage } from "./_processes.ts";

const MIB = 1 << 20;
const FAKE_HUB = fromFileUrl(new URL("../tools/fake_hub.ts", import.meta.url));
const MAIN = fromFileUrl(new URL("../cli/main.ts", import.meta.url));
const DENO = [Deno.execPath(), "run", "-A", "--no-check"];
const PLAIN_COPY = `
const [url, path] = Deno.args;
const response = await fetch(url, { headers: { authorization: "Bearer ${WRITE_TOKEN}" } });
using file = await Deno.open(path, { write: true, create: true, truncate: true });
for await (const piece of response.body) file.writeSync(piece);
await file.sync();
`;

/** Writes a checkpoint of one tensor whose bytes do not repeat. */
async function writeLarge(folder: string, mib: number): Promise<void> {
  const spec = { name: "w", dtype: "U8" as const, shape: [mib * MIB] };
  const { headerBytes } = layoutFile([spec]);
  using file = await Deno.open(`${folder}/model.safetensors`, { write: true, createNew: true });
  await file.write(headerBytes);
  const block = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65_536) crypto.getRandomValues(block.subarray(at, at + 65_536));
  for (let i = 0; i < mib; i++) {
    new DataView(block.buffer).setUint32(0, i);
    for (let at = 0; at < MIB;) at += await file.write(block.subarray(at));
  }
}

/** Starts the fake Hub and waits for its address. */
async function startHub(): Promise<{ url: string; child: Deno.ChildProcess }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...DENO.slice(1), FAKE_HUB],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return { url: value.trim(), child };
}

async function measureAll(folder: string, mib: number, rounds: number): Promise<void> {
  await Deno.mkdir(`${folder}/large`);
  await writeLarge(`${folder}/large`, mib);
  const { url, child } = await startHub();
  const env = { HF_ENDPOINT: url, HF_HOME: `${folder}/hf`, HF_TOKEN: WRITE_TOKEN };
  const remove = (name: string) => Deno.remove(`${folder}/${name}`, { recursive: true });
  try {
    const ours = (...args: string[]) => measure([...DENO, MAIN, ...args, "--quiet"], [0], env);
    const push = await ours("push", `${folder}/large`, "hf://org/large", "--create");
    const file = `${url}/org/large/resolve/main/model.safetensors`;
    await Deno.writeTextFile(`${folder}/copy.js`, PLAIN_COPY);
    const copying = () => measure([...DENO, `${folder}/copy.js`, file, `${folder}/copy`]);
    const pulling = () => ours("pull", "hf://org/large", `${folder}/out`);
    const copy = await best(rounds, copying, () => remove("copy"));
    const pull = await best(rounds, pulling, () => remove("out"));
    const row = (what: string, { seconds, peak }: Usage) => [
      what,
      `${seconds.toFixed(2)} s`,
      `${(mib / seconds).toFixed(0)} MiB/s`,
      `${peak.toFixed(0)} MiB`,
    ];
    const rows = [
      row("push: two times hashed, sent, checked", push),
      row("plain copy: fetched, written, flushed", copy),
      row("pull: the same, and hashed", pull),
    ];
    console.log(formatTable([`${mib} MiB`, "time", "speed", "most memory"], rows));
    console.log(`pull at ${(copy.seconds / pull.seconds).toFixed(2)} of the plain copy's speed`);
  } finally {
    child.kill("SIGINT");
    await child.status;
  }
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["mib", "rounds"] });
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-bench-" });
  try {
    await measureAll(folder, Number(flags["mib"] ?? 2048), Number(flags["rounds"] ?? 3));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
