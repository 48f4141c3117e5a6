/**
 * `tinygraft validate`: every fault and warning.
 *
 * @module
 */

import { join } from "@std/path";
import { ADAPTER_WEIGHTS, adapterFolder } from "../lib/adapter/open.ts";
import { validateAdapter } from "../lib/adapter/validate.ts";
import { statPath } from "../lib/checkpoint/sources.ts";
import { type FileFindings, validateLocation } from "../lib/checkpoint/validate.ts";
import type { Command, Invocation } from "./command.ts";
import { printable } from "./format.ts";

/** The command. */
export const validate: Command = {
  name: "validate",
  group: "Look",
  summary: "list every fault and warning of checkpoints and adapters",
  description: "Checks the file format, the shard index, config.json against the tensors, and\n" +
    "adapter_config.json. Lists all faults, not the first; exits 1 when there is one.",
  positionals: [{ name: "LOC", help: "a file, or a checkpoint or adapter folder", many: true }],
  flags: [],
  examples: [
    { does: "a checkpoint", line: "tinygraft validate all-MiniLM-L6-v2" },
    { does: "several, for scripts", line: "tinygraft validate base adapter --json" },
  ],
  async run(invocation: Invocation) {
    const files: FileFindings[] = [];
    for (const location of invocation.args) files.push(...await findingsOf(location));
    const ok = files.every((file) => file.faults.length === 0);
    invocation.print({ ok, files }, () => textOf(files));
    return ok ? 0 : 1;
  },
};

async function findingsOf(location: string): Promise<FileFindings[]> {
  const folder = adapterFolder(location);
  const adapter = await validateAdapter(location);
  if (folder === undefined) return [...(await validateLocation(location)).files, ...adapter];
  const weights = join(folder, ADAPTER_WEIGHTS);
  // That the weights are missing is among the adapter's own faults.
  if (statPath(weights) === undefined) return adapter;
  return [...adapter, ...(await validateLocation(weights)).files];
}

function textOf(files: readonly FileFindings[]): string {
  return files.flatMap(({ path, faults, warnings }) => [
    `${printable(path)}: ${faults.length === 0 ? "ok" : count(faults.length, "fault")}` +
    (warnings.length === 0 ? "" : `, ${count(warnings.length, "warning")}`),
    ...faults.map(({ code, message }) => `  fault ${code}: ${printable(message)}`),
    ...warnings.map(({ code, message }) => `  warning ${code}: ${printable(message)}`),
  ]).join("\n");
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
