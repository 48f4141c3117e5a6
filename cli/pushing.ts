/**
 * What commands share that push to the Hub: flags, the card of an adapter, a plan's output.
 *
 * @module
 */

import { findAdapterFolder } from "../lib/adapter/open.ts";
import { describePlan, type Plan } from "../lib/checkpoint/plan.ts";
import { permissionsOf } from "../lib/checkpoint/save.ts";
import { statPath } from "../lib/checkpoint/sources.ts";
import { UsageError } from "../lib/errors.ts";
import { hubEnvironment } from "../lib/hub/environment.ts";
import type { PushOptions } from "../lib/hub/push.ts";
import type { HubOrigin } from "../lib/hub/push_plan.ts";
import { isRemote } from "../lib/remote/address.ts";
import { renderCard } from "./card.ts";
import type { Invocation } from "./command.ts";
import type { Flag } from "./flags.ts";
import { readIfThere, remoteOptions, repositoryName } from "./remote.ts";
import type { Outcome } from "./writing.ts";

/** How a repository is pushed to. */
export const PUSH_FLAGS: readonly Flag[] = [
  { name: "create", kind: "boolean", help: "make the repository if it is not there" },
  { name: "private", kind: "boolean", help: "make it private; refuse one that is public" },
  { name: "branch", kind: "string", value: "B", help: "the branch, made if needed (main)" },
  { name: "create-pr", kind: "boolean", help: "open a pull request instead" },
  { name: "message", short: "m", kind: "string", value: "TEXT", help: "the commit's title" },
];

/** The same, for commands whose output may also be a folder of this machine. */
export const OUTPUT_PUSH_FLAGS: readonly Flag[] = PUSH_FLAGS.map((flag) => {
  return { ...flag, help: `OUT on the Hub: ${flag.help}` };
});

/**
 * Refuses flags of a push where the output is a folder of this machine.
 *
 * @param invocation The call.
 * @param output What the user gave as the output.
 * @throws {UsageError} when such a flag is given.
 */
export function refusePushFlags({ flags }: Invocation, output: string): void {
  const given = PUSH_FLAGS.find(({ name }) => flags.given(name));
  if (isRemote(output) || given === undefined) return;
  throw new UsageError(
    `Cannot use --${given.name} here: the output is a folder of this machine, expected hf://org/name`,
  );
}

/**
 * Reads {@linkcode PUSH_FLAGS} and readies the way to the Hub; warns of a token that others can read.
 *
 * @param invocation The call.
 * @returns Options for pushing.
 */
export function pushOptions(invocation: Invocation): PushOptions {
  const { flags, progress, warn } = invocation;
  warnOfOpenToken(invocation);
  return {
    ...remoteOptions(invocation),
    create: flags.boolean("create"),
    ...(flags.boolean("private") ? { isPrivate: true } : {}),
    branch: flags.string("branch"),
    createPullRequest: flags.boolean("create-pr"),
    message: flags.string("message"),
    dryRun: flags.boolean("dry-run"),
    onWarning: warn,
    onProgress: (done, total, label) => progress.update(done, total, label, "bytes"),
  };
}

/** A token that others can read is theirs, too. */
function warnOfOpenToken({ io, warn }: Invocation): void {
  const { tokenSource } = hubEnvironment(io.env, readIfThere);
  const mode = tokenSource === undefined ? undefined : permissionsOf(tokenSource)?.mode;
  if (mode === undefined || (mode & 0o077) === 0) return;
  warn(`others can read the token in "${tokenSource}": run chmod 600 on it`);
}

/**
 * Makes a card for an adapter that has none; it is pushed and not written here.
 *
 * @param folder What is pushed.
 * @param location Where to.
 * @param invocation The call.
 * @param hasPython Whether code for Python goes with it.
 * @returns The card by its name; nothing for a folder that has one or is no adapter's.
 */
export async function generatedCard(
  folder: string,
  location: string,
  invocation: Invocation,
  hasPython = false,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const isAdapter = await findAdapterFolder(folder) !== undefined;
  if (!isAdapter || statPath(`${folder}/README.md`) !== undefined) return new Map();
  const repository = repositoryName(invocation, location);
  const { text } = await renderCard(folder, {
    repository,
    name: repository?.split("/")[1],
    ...(hasPython ? { hasPython } : {}),
  });
  return new Map([["README.md", new TextEncoder().encode(text)]]);
}

/**
 * Pushes what a plan writes, or on `--dry-run` only tells what would be pushed.
 *
 * @param plan What to write; its output is the address.
 * @param invocation The call, with {@linkcode PUSH_FLAGS}.
 * @param options How the push differs from what the flags say, and where large files come from.
 * @returns The plan, and what was pushed.
 * @throws {TinygraftError} as `pushPlan` does.
 */
export async function publish(
  plan: Plan,
  invocation: Invocation,
  options: Partial<PushOptions> & { readonly origin?: HubOrigin | undefined } = {},
): Promise<Outcome> {
  // Imported late, with all that pushing takes.
  const { pushPlan } = await import("../lib/hub/push_plan.ts");
  const { flags, progress } = invocation;
  const { output } = plan;
  const pushed = await pushPlan(plan, output, {
    ...pushOptions(invocation),
    ...options,
    verify: flags.boolean("verify"),
    extra: (folder) => generatedCard(folder, output, invocation),
  });
  progress.end();
  return { plan: describePlan(plan), written: [], dryRun: flags.boolean("dry-run"), pushed };
}
