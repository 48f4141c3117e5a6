/**
 * `tinygraft doctor`: versions, devices and their speed, cache folder, token.
 *
 * @module
 */

import type { DeviceName } from "../lib/compute/open.ts";
import { InterruptedError, TinygraftError } from "../lib/errors.ts";
import { hubEnvironment } from "../lib/hub/environment.ts";
import { VERSION } from "../lib/version.ts";
import type { Command, Invocation } from "./command.ts";
import { formatTable, printable } from "./format.ts";
import type { Io } from "./io.ts";
import { readIfThere } from "./remote.ts";
import { threadsOf } from "./run_flags.ts";

/** One finding of the doctor. */
interface Finding {
  /** What was looked at. */
  readonly name: string;
  /** Whether it is as it should be. */
  readonly ok: boolean;
  /** What was found, and what to do where it is not as it should be. */
  readonly detail: string;
}

const NO_ADAPTER = "no adapter: checks run on wasm; for a GPU install your graphics card's driver";

/** The command. */
export const doctor: Command = {
  name: "doctor",
  group: "Tool",
  summary: "versions, devices and their speed, cache folder, token",
  description:
    "Looks at what tinygraft would use on this machine. Never prints the token. Exits 1" +
    "\nwhen no device works.",
  positionals: [],
  flags: [],
  examples: [
    { does: "what does this machine offer", line: "tinygraft doctor" },
    { does: "the same for a bug report", line: "tinygraft doctor --json" },
  ],
  async run(invocation: Invocation) {
    const { io } = invocation;
    io.prepareDevice();
    const checks = versions();
    const devices = [
      () => device("webgpu", 8),
      () => device("wasm", 64, threadsOf(io)),
      () => device("reference", 2),
    ];
    for (const measure of devices) {
      if (io.signal.aborted) throw new InterruptedError();
      checks.push(await measure());
    }
    checks.push(...hub(io));
    invocation.print({ checks }, () => textOf(checks));
    return checks.some(({ name, ok }) => name === "reference" && !ok) ? 1 : 0;
  },
};

function versions(): Finding[] {
  const { deno, v8, typescript } = Deno.version;
  const { os, arch } = Deno.build;
  return [
    { name: "tinygraft", ok: true, detail: VERSION },
    { name: "deno", ok: true, detail: `${deno} (V8 ${v8}, TypeScript ${typescript})` },
    { name: "system", ok: true, detail: `${os} ${arch}, ${navigator.hardwareConcurrency} cores` },
  ];
}

async function device(
  name: Exclude<DeviceName, "auto">,
  repeats: number,
  threads?: number,
): Promise<Finding> {
  // Imported late, as in every command that runs on a device: most commands need none.
  const { openBackend } = await import("../lib/compute/open.ts");
  const { measureLinear } = await import("../lib/compute/measure.ts");
  try {
    const backend = await openBackend(name, threads === undefined ? {} : { threads });
    try {
      const speed = await measureLinear(backend, repeats);
      const kind = backend.software ? "software" : "hardware";
      const detail = `${backend.description} (${kind}), ${speed.toFixed(1)} GFLOP/s at 128x384x384`;
      return { name, ok: true, detail };
    } finally {
      backend.destroy();
    }
  } catch (error) {
    if (!(error instanceof TinygraftError)) throw error;
    const absent = error.code === "no-adapter-device";
    return { name, ok: false, detail: absent ? NO_ADAPTER : error.message };
  }
}

function hub(io: Io): Finding[] {
  const { cache, endpoint, tokenSource } = hubEnvironment(io.env, readIfThere);
  return [
    URL.canParse(endpoint)
      ? { name: "hub", ok: true, detail: endpoint }
      : { name: "hub", ok: false, detail: `HF_ENDPOINT is no address: ${endpoint}` },
    { name: "cache", ok: true, detail: cache },
    { name: "token", ok: true, detail: tokenSource ? `present (from ${tokenSource})` : "none" },
  ];
}

function textOf(checks: readonly Finding[]): string {
  const rows = checks.map(({ name, ok, detail }) => [ok ? "✓" : "✗", name, printable(detail)]);
  return formatTable(["", "", ""], rows).split("\n").slice(1).join("\n");
}
