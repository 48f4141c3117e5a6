/**
 * `tinygraft pull`: files of a repository on the Hub, checked.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { PullResult } from "../lib/hub/pull.ts";
import type { Command, Invocation } from "./command.ts";
import { formatBytes, formatCount, formatTable, printable } from "./format.ts";
import { hubOptions } from "./remote.ts";

/** The command. */
export const pull: Command = {
  name: "pull",
  group: "Hub",
  summary: "fetch a model from the Hugging Face Hub, every file checked",
  description:
    "Fetches what loading takes (configuration, tokenizer, card, one set of weights), or what\n" +
    "--include names, at one commit, and compares length and checksum with what the Hub lists. An\n" +
    "interrupted pull goes on where it stopped. With --cache the files go where Python's\n" +
    "huggingface_hub looks for them. Token and folders are found as `hf` finds them.",
  positionals: [
    { name: "HF", help: "hf://org/name[@revision][/folder or file]" },
    { name: "OUT", help: "the folder to make; else --cache", optional: true },
  ],
  flags: [
    { name: "cache", kind: "boolean", help: "into the cache that the Hub's tools share" },
    {
      name: "include",
      kind: "strings",
      value: "GLOB",
      help: "take these paths instead of a model's files; * crosses slashes; repeatable",
    },
    { name: "exclude", kind: "strings", value: "GLOB", help: "leave these out; repeatable" },
    { name: "dry-run", kind: "boolean", help: "list the files, and fetch none" },
    { name: "force", kind: "boolean", help: "replace an existing folder" },
  ],
  examples: [
    {
      does: "a base into a folder",
      line: "tinygraft pull hf://sentence-transformers/all-MiniLM-L6-v2 all-MiniLM-L6-v2",
    },
    {
      does: "into the cache, for use without a network",
      line: "tinygraft pull hf://google-bert/bert-base-uncased@main --cache",
    },
  ],
  async run(invocation: Invocation) {
    const [location, output] = invocation.args as [string, string | undefined];
    const { flags, progress } = invocation;
    const dryRun = flags.boolean("dry-run");
    if (flags.boolean("cache") === (output !== undefined)) {
      throw new UsageError(
        "Cannot tell where the files are to go: give either OUT, a folder, or --cache",
      );
    }
    const { pull } = await import("../lib/hub/pull.ts");
    const result = await pull(location, {
      ...hubOptions(invocation),
      output,
      include: flags.strings("include"),
      exclude: flags.strings("exclude"),
      force: flags.boolean("force"),
      dryRun,
    });
    progress.end();
    invocation.print({ ...result, dryRun }, () => textOf(result, dryRun));
    return 0;
  },
};

function textOf({ commit, folder, files }: PullResult, dryRun: boolean): string {
  const rows = files.map(({ path, bytes, from, sha256 = "" }) => [
    `  ${printable(path)}`,
    formatBytes(bytes),
    from === "cache" ? "is here" : dryRun ? "to fetch" : "fetched",
    sha256.slice(0, 12),
  ]);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const fetched = files.filter(({ from }) => from === "hub").length;
  const amount = `${formatCount(files.length)} files (${formatBytes(total)})`;
  const done = dryRun ? "to fetch into" : "fetched, all checked, in";
  return [
    formatTable(["  file", "bytes", "", "sha256"], rows, ["left", "right"]),
    `${amount} of commit ${commit.slice(0, 12)}, ${formatCount(fetched)} ${done} ` +
    printable(folder),
  ].join("\n");
}
