/**
 * `tinygraft validate`: every fault and warning.
 *
 * @module
 */

import { ADAPTER_WEIGHTS, findAdapterFolder } from "../lib/adapter/open.ts";
import { validateAdapter } from "../lib/adapter/validate.ts";
import { checkOutput, execute } from "../lib/checkpoint/execute.ts";
import type { PlaceOptions } from "../lib/checkpoint/place.ts";
import { type FileFindings, validateFile, validateLocation } from "../lib/checkpoint/validate.ts";
import { planTextFile } from "../lib/gate/plan.ts";
import { renderSarif } from "../lib/gate/sarif.ts";
import { isRemote } from "../lib/remote/address.ts";
import type { Command, Invocation } from "./command.ts";
import { printable } from "./format.ts";
import { placeOptions } from "./remote.ts";

/** The command. */
export const validate: Command = {
  name: "validate",
  group: "Look",
  summary: "list every fault and warning of checkpoints and adapters",
  description: "Checks the file format, the shard index, config.json against the tensors, and\n" +
    "adapter_config.json. Lists all faults, not the first; exits 1 when there is one.\n\n" +
    "--sarif also writes them for code scanning; GitHub shows what is below its checkout.",
  positionals: [{
    name: "LOC",
    help: "a file, or a checkpoint or adapter folder, or hf:// or https://",
    many: true,
  }],
  flags: [
    {
      name: "sarif",
      kind: "string",
      value: "F.sarif",
      help: "also write the findings as SARIF 2.1.0, whether or not there are any",
    },
    { name: "force", kind: "boolean", help: "replace an existing --sarif file" },
  ],
  examples: [
    { does: "a checkpoint", line: "tinygraft validate all-MiniLM-L6-v2" },
    {
      does: "one on the Hub",
      line: "tinygraft validate hf://sentence-transformers/all-MiniLM-L6-v2",
    },
    { does: "several, for scripts", line: "tinygraft validate base adapter --json" },
    { does: "for code scanning", line: "tinygraft validate adapter --sarif validate.sarif" },
  ],
  async run(invocation: Invocation) {
    const { args, flags, io } = invocation;
    const sarif = flags.string("sarif");
    const force = flags.boolean("force");
    const planSarif = (output: string, text = "") =>
      planTextFile(text, output, {
        inputs: args.filter((arg) => !isRemote(arg)),
        origin: "findings",
      });
    // A file that cannot be written is found before servers are asked.
    if (sarif !== undefined) checkOutput(planSarif(sarif), { force });
    const all: FileFindings[] = [];
    for (const location of args) {
      all.push(...await findingsOf(location, placeOptions(invocation, location)));
    }
    const files = byPath(all);
    const ok = files.every((file) => file.faults.length === 0);
    if (sarif !== undefined) {
      await execute(planSarif(sarif, renderSarif(files)), { force, signal: io.signal });
    }
    invocation.print({ ok, files }, () => textOf(files));
    return ok ? 0 : 1;
  },
};

/**
 * Validates a file or folder.
 *
 * @param location A path or an address.
 * @param options How servers are reached.
 * @returns Findings; a file that carries an adapter may be named twice.
 */
export async function findingsOf(
  location: string,
  options: PlaceOptions,
): Promise<FileFindings[]> {
  const folder = await findAdapterFolder(location, options);
  const adapter = await validateAdapter(location, options);
  if (folder === undefined) {
    return [...(await validateLocation(location, options)).files, ...adapter];
  }
  // That the weights are missing is among the adapter's own faults.
  if (!await folder.has(ADAPTER_WEIGHTS)) return adapter;
  return [...adapter, await validateFile(folder, ADAPTER_WEIGHTS)];
}

/** A file that carries an adapter is looked at twice: as a checkpoint's and as an adapter's. */
function byPath(all: readonly FileFindings[]): FileFindings[] {
  const files = new Map<string, FileFindings>();
  for (const { path, faults, warnings } of all) {
    const known = files.get(path);
    files.set(path, {
      path,
      faults: [...known?.faults ?? [], ...faults],
      warnings: [...known?.warnings ?? [], ...warnings],
    });
  }
  return [...files.values()];
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
