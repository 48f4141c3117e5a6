/**
 * `tinygraft push`: a folder to a repository on the Hub.
 *
 * @module
 */

import { join } from "@std/path";
import { findAdapterFolder, openAdapter } from "../lib/adapter/open.ts";
import { permissionsOf } from "../lib/checkpoint/save.ts";
import { readTextFile, statPath } from "../lib/checkpoint/sources.ts";
import { ERROR_CODES, type ErrorCode, TinygraftError } from "../lib/errors.ts";
import { hubEnvironment } from "../lib/hub/environment.ts";
import type { PushedFile, PushResult } from "../lib/hub/push.ts";
import { renderCard } from "./card.ts";
import type { Command, Invocation } from "./command.ts";
import { formatBytes, formatCount, formatTable, printable } from "./format.ts";
import { readIfThere, remoteOptions, repositoryName } from "./remote.ts";
import { findingsOf } from "./validate.ts";

/** The command. */
export const push: Command = {
  name: "push",
  group: "Hub",
  summary: "publish a folder on the Hugging Face Hub, checked afterwards",
  description:
    "Validates DIR, makes one commit of what the Hub does not have yet, and compares what it then\n" +
    "lists with DIR. Pushing the same again makes no commit. Hidden and unfinished files, symlinks\n" +
    "and predictions stay here; an adapter without README.md gets a card. The token is found as\n" +
    "`hf` finds it: HF_TOKEN, or a login.",
  positionals: [
    { name: "DIR", help: "an adapter or checkpoint folder" },
    { name: "HF", help: "hf://org/name[@branch]" },
  ],
  flags: [
    { name: "create", kind: "boolean", help: "make the repository if it is not there" },
    { name: "private", kind: "boolean", help: "make it private; refuse one that is public" },
    { name: "branch", kind: "string", value: "B", help: "the branch, made if needed (main)" },
    { name: "create-pr", kind: "boolean", help: "open a pull request instead" },
    {
      name: "with-python",
      kind: "boolean",
      help: "add the code with which Python's transformers runs the adapter",
    },
    { name: "message", short: "m", kind: "string", value: "TEXT", help: "the commit's title" },
    { name: "dry-run", kind: "boolean", help: "tell what would be pushed, and change nothing" },
  ],
  examples: [
    {
      does: "a new private repository",
      line: "tinygraft push merged hf://org/my-adapter --create --private",
    },
    {
      does: "what would go up",
      line: "tinygraft push merged hf://org/my-adapter --dry-run --json",
    },
  ],
  async run(invocation: Invocation) {
    const [folder, location] = invocation.args as [string, string];
    const { flags, progress, warn } = invocation;
    await assertValid(folder);
    warnOfOpenToken(invocation);
    const { push } = await import("../lib/hub/push.ts");
    const result = await push(folder, location, {
      ...remoteOptions(invocation),
      create: flags.boolean("create"),
      ...(flags.boolean("private") ? { isPrivate: true } : {}),
      branch: flags.string("branch"),
      createPullRequest: flags.boolean("create-pr"),
      message: flags.string("message"),
      extra: new Map([
        ...await generatedCard(folder, location, invocation),
        ...flags.boolean("with-python") ? await generatedCode(folder, invocation) : [],
      ]),
      dryRun: flags.boolean("dry-run"),
      onWarning: warn,
      onProgress: (done, total, label) => progress.update(done, total, label, "bytes"),
    });
    progress.end();
    invocation.print(result, () => textOf(result, location));
    return 0;
  },
};

/** Refuses a folder that nobody could load. */
async function assertValid(folder: string): Promise<void> {
  const found = await findingsOf(folder, {});
  const fault = found.flatMap(({ faults }) => faults)[0];
  if (fault === undefined) return;
  throw new TinygraftError(
    `Cannot push "${folder}": ${fault.message}: see tinygraft validate for all faults`,
    {
      code: fault.code in ERROR_CODES ? fault.code as ErrorCode : "not-a-checkpoint",
      path: folder,
      tensor: fault.tensor,
    },
  );
}

/** A token that others can read is theirs, too. */
function warnOfOpenToken({ io, warn }: Invocation): void {
  const { tokenSource } = hubEnvironment(io.env, readIfThere);
  const mode = tokenSource === undefined ? undefined : permissionsOf(tokenSource)?.mode;
  if (mode === undefined || (mode & 0o077) === 0) return;
  warn(`others can read the token in "${tokenSource}": run chmod 600 on it`);
}

/** A card for an adapter that has none; it is pushed and not written here. */
async function generatedCard(
  folder: string,
  location: string,
  invocation: Invocation,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const isAdapter = await findAdapterFolder(folder) !== undefined;
  if (!isAdapter || statPath(`${folder}/README.md`) !== undefined) return new Map();
  const repository = repositoryName(invocation, location);
  const { text } = await renderCard(folder, {
    repository,
    name: repository?.split("/")[1],
    ...(invocation.flags.boolean("with-python") ? { hasPython: true } : {}),
  });
  return new Map([["README.md", new TextEncoder().encode(text)]]);
}

/** What makes the pushed folder load in Python; config.json is changed there and not here. */
async function generatedCode(
  folder: string,
  { warn }: Invocation,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { pythonFiles } = await import("../lib/layouts/python/export.ts");
  using adapter = await openAdapter(folder);
  const path = join(folder, "config.json");
  const isCheckpoint = adapter.embedded && statPath(path) !== undefined;
  const base = adapter.config.baseModelNameOrPath;
  if (!adapter.embedded) {
    warn(
      "with the library PEFT installed, transformers takes a folder with adapter_config.json for " +
        "one of PEFT's: tinygraft export --layout python makes one without",
    );
    if (base !== null && statPath(base) !== undefined) {
      warn(`the base "${base}" is on this machine only: others cannot load it`);
    }
  }
  return pythonFiles(adapter, isCheckpoint ? await readTextFile(path) : undefined);
}

function textOf(result: PushResult, location: string): string {
  const { commit, url, pullRequest, uploaded, unchanged, dryRun } = result;
  const same = `${formatCount(unchanged.length)} files are on the Hub already`;
  if (uploaded.length === 0) {
    return `Nothing to push to ${printable(location)}: ${same}; no commit was made`;
  }
  const verb = dryRun ? "Would push" : "Pushed";
  const lines = [`${verb} to ${printable(location)}:`, tableOf(uploaded), `${same}`];
  if (dryRun) return lines.join("\n");
  return [...lines, `Commit ${commit}, checked: ${pullRequest ?? url}`].join("\n");
}

function tableOf(files: readonly PushedFile[]): string {
  const rows = files.map(({ path, bytes, sha256 }) => [
    `  ${printable(path)}`,
    formatBytes(bytes),
    sha256.slice(0, 12),
  ]);
  return formatTable(["  file", "bytes", "sha256"], rows, ["left", "right"]);
}
