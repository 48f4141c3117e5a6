/**
 * `check` beside the ways in which others would do the same, as whole processes and warm: accuracy
 * of two adapters on a GLUE dev set. Needs ../shared beside the checkout, Python 3.11 and Node.
 *
 * Run with `deno task bench peers [--task sst2|mrpc] [--rounds 2] [--only "NAME;NAME"]`. Peers are
 * downloaded once, into .cache/. Each of them sorts rows by length and pads batches of 32. Those
 * that run ONNX need an export of each adapter first, which is timed by itself.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { formatTable } from "../cli/format.ts";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { measure, type Run } from "./_processes.ts";
import { installNodePeers, peersPython } from "./peers/_setup.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));
const SHARED = fromFileUrl(new URL("../../shared", import.meta.url));
const PEERS = `${ROOT}bench/peers`;
const BASE = `${SHARED}/models/all-minilm-l6-v2`;
const DATA = { sst2: "SST-2", mrpc: "MRPC" } as const;

type Task = keyof typeof DATA;

/** What every peer prints. */
interface Printed {
  readonly examples: number;
  /** Right predictions of each adapter. */
  readonly correct: readonly number[];
  /** Seconds of the quickest pass of one adapter. */
  readonly forward: number;
}

/** One way to do it. */
interface Peer {
  readonly name: string;
  /** The whole job from a cold start. */
  readonly cold: readonly string[];
  /** The same with more passes, where that is another program. */
  readonly warm: readonly string[];
  /** Whether its models are exports. */
  readonly onnx?: true;
}

interface Places {
  readonly python: string;
  readonly node: string;
  readonly exports: string;
}

function peersOf(task: Task, rounds: string, { python, node, exports }: Places): Peer[] {
  const data = `${SHARED}/data/glue/${DATA[task]}/dev.tsv`;
  const golden = `${SHARED}/goldens/${task}_h4`;
  const adapters = [`${golden}/multi_head`, `${golden}/average`];
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  const ours = (device: string): Peer => ({
    name: `tinygraft, ${device}`,
    cold: [
      ...[...deno, `${ROOT}cli/main.ts`, "check", BASE, "--data", data, "--task", task],
      ...["--before", adapters[0]!, "--after", adapters[1]!, "--max-drop", "1"],
      ...["--device", device, "--quiet", "--json", "--no-cache"],
    ],
    warm: [...deno, `${PEERS}/ours.ts`, BASE, data, task, rounds, device, ...adapters],
  });
  const peer = (name: string, program: readonly string[], models: readonly string[]): Peer => {
    const run = (passes: string) => [...program, BASE, data, task, passes, ...models];
    return { name, cold: run("1"), warm: run(rounds) };
  };
  const files = [0, 1].map((index) => `${exports}/${index}/onnx/model.onnx`);
  const folders = [0, 1].map((index) => `${exports}/${index}`);
  const onnx = (name: string, program: readonly string[], models: readonly string[]): Peer => ({
    ...peer(name, program, models),
    onnx: true,
  });
  const inNode = ["node", `${node}/onnxruntime_peer.mjs`];
  return [
    ours("wasm"),
    ours("webgpu"),
    peer("PyTorch", [python, `${PEERS}/pytorch_peer.py`], adapters),
    onnx("onnxruntime (Python)", [python, `${PEERS}/onnxruntime_peer.py`], files),
    onnx("onnxruntime-node", [...inNode, "onnxruntime-node"], files),
    onnx("transformers.js", ["node", `${node}/transformers_peer.mjs`], folders),
    onnx("onnxruntime-web, wasm", [...inNode, "onnxruntime-web"], files),
  ];
}

/** Writes both adapters as ONNX and gives the seconds of the slower export. */
async function exportModels(task: Task, { python, exports }: Places): Promise<number> {
  let slowest = 0;
  for (const [index, variant] of ["multi_head", "average"].entries()) {
    const folder = `${exports}/${index}`;
    await Deno.mkdir(`${folder}/onnx`, { recursive: true });
    await Deno.copyFile(`${BASE}/config.json`, `${folder}/config.json`);
    const adapter = `${SHARED}/goldens/${task}_h4/${variant}`;
    const script = [python, `${PEERS}/export_onnx.py`];
    const { seconds } = await measure([...script, BASE, `${folder}/onnx/model.onnx`, adapter]);
    slowest = Math.max(slowest, seconds);
  }
  return slowest;
}

function correctOf(output: string): { correct: readonly number[]; examples: number } {
  const printed = JSON.parse(output) as Printed & {
    readonly before?: { readonly metrics: { readonly accuracy: number } };
    readonly after?: { readonly metrics: { readonly accuracy: number } };
  };
  const { examples, before, after } = printed;
  if (before === undefined || after === undefined) return printed;
  const counts = [before, after].map(({ metrics }) => Math.round(metrics.accuracy * examples));
  return { correct: counts, examples };
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, {
    string: ["task", "rounds", "only"],
    default: { task: "sst2", rounds: "2" },
  }) as unknown as { task: Task; rounds: string; only?: string };
  const places = {
    python: await peersPython(Deno.readTextFileSync(`${PEERS}/requirements.txt`)),
    node: `${ROOT}.cache/peers-node`,
    exports: `${ROOT}.cache/peers-onnx/${options.task}`,
  };
  await installNodePeers(places.node, PEERS);
  const exporting = await exportModels(options.task, places);
  const rows = [];
  const peers = peersOf(options.task, options.rounds, places);
  const chosen = options.only?.split(";") ?? peers.map(({ name }) => name);
  const unknown = chosen.find((name) => peers.every((peer) => peer.name !== name));
  if (unknown !== undefined) {
    console.error(`Unknown peer "${unknown}": ${peers.map(({ name }) => name).join("; ")}`);
    Deno.exit(2);
  }
  for (const peer of peers.filter(({ name }) => chosen.includes(name))) {
    const run = (command: readonly string[]): Promise<Run> =>
      measure(command, [0], runtimeFolderEnv());
    const cold = await run(peer.cold);
    const warm = JSON.parse((await run(peer.warm)).output) as Printed;
    const { correct, examples } = correctOf(cold.output);
    rows.push([
      peer.name,
      correct.map((right) => `${right}/${examples}`).join(", "),
      cold.seconds.toFixed(1),
      peer.onnx ? (cold.seconds + 2 * exporting).toFixed(1) : cold.seconds.toFixed(1),
      (examples / warm.forward).toFixed(0),
      cold.peak.toFixed(0),
    ]);
  }
  const header = ["peer", "right before, after", "whole process, s", "with exports, s"];
  header.push("examples/s, warm", "peak RSS, MiB");
  console.log(
    `two adapters on ${DATA[options.task]} dev; an export takes ${exporting.toFixed(1)} s`,
  );
  console.log(
    formatTable(header, rows, ["left", "left", "right", "right", "right", "right"]),
  );
}
