/**
 * `tinygraft push`: a folder to a repository on the Hub.
 *
 * @module
 */

import { join } from "@std/path";
import { openAdapter } from "../lib/adapter/open.ts";
import { readTextFile, statPath } from "../lib/checkpoint/sources.ts";
import { ERROR_CODES, type ErrorCode, TinygraftError } from "../lib/errors.ts";
import type { Command, Invocation } from "./command.ts";
import { pushText } from "./push_text.ts";
import { generatedCard, PUSH_FLAGS, pushOptions } from "./pushing.ts";
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
    ...PUSH_FLAGS,
    {
      name: "with-python",
      kind: "boolean",
      help: "add the code with which Python's transformers runs the adapter",
    },
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
    const { flags, progress } = invocation;
    await assertValid(folder);
    const { push } = await import("../lib/hub/push.ts");
    const result = await push(folder, location, {
      ...pushOptions(invocation),
      extra: new Map([
        ...await generatedCard(folder, location, invocation, flags.boolean("with-python")),
        ...flags.boolean("with-python") ? await generatedCode(folder, invocation) : [],
      ]),
    });
    progress.end();
    invocation.print(result, () => pushText(result, location));
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
