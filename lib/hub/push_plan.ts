/**
 * What a plan writes, onto the Hub rather than onto this machine's disk.
 *
 * @module
 */

import { join } from "@std/path";
import { TinygraftError, UsageError } from "../errors.ts";
import { execute } from "../checkpoint/execute.ts";
import { indexName, isShardName, MODEL_WEIGHTS } from "../checkpoint/names.ts";
import type { Plan, PlannedFile } from "../checkpoint/plan.ts";
import { type HubAddress, parseAddress, showFolder } from "../remote/address.ts";
import { RemoteClient, type RemoteOptions } from "../remote/client.ts";
import { type HubListing, listHubFolder } from "../remote/hub_listing.ts";
import { push, type PushOptions, type PushResult } from "./push.ts";
import type { LocalFile } from "./push_files.ts";
import { openSession } from "./push_session.ts";

/** One state of a folder on the Hub, from which a plan copies files. */
export interface HubOrigin {
  /** The folder, with the commit as its revision. */
  readonly address: HubAddress & { readonly revision: string };
  /** The address of the same state, for whatever opens it. */
  readonly location: string;
  /** What the folder holds. */
  readonly files: HubListing["files"];
}

/** How the files of a plan are pushed. */
export interface PushPlanOptions extends Omit<PushOptions, "extra" | "onHub" | "remove"> {
  /** Where the plan copies files from: the Hub itself puts the large ones into the commit. */
  readonly origin?: HubOrigin | undefined;
  /** Makes content to push beside the plan's, by path, of the folder that was written. */
  readonly extra?: ((folder: string) => Promise<PushOptions["extra"]>) | undefined;
  /** Whether what is written is compared by SHA-256. */
  readonly verify?: boolean | undefined;
}

/**
 * Finds the state of a folder on the Hub, so that all that is read and copied is of one commit.
 *
 * @param location `hf://org/name[@revision][/folder or file]`.
 * @param options How the Hub is reached.
 * @returns The folder at its commit.
 * @throws {UsageError} for an address that is not the Hub's.
 * @throws {TinygraftError} as listing the folder does.
 */
export async function hubOrigin(location: string, options: RemoteOptions): Promise<HubOrigin> {
  const client = new RemoteClient(options);
  const given = parseAddress(location, client.endpoint);
  if (given.kind !== "hub") {
    throw new UsageError(
      `Cannot use "${showFolder(given)}" for the Hub: it is elsewhere, expected hf://org/name`,
    );
  }
  const { commit, files } = await listHubFolder(client, given);
  const address = { ...given, revision: commit };
  const { file } = address;
  const folder = showFolder(address);
  return { address, files, location: file === undefined ? folder : `${folder}/${file}` };
}

/**
 * Pushes what a plan writes, as one commit. It is written and checked in a temporary folder first,
 * but for large files of the plan's origin: these stay on the Hub, which puts them into the commit
 * itself. In the repository that they are of that needs nothing; into another it copies what lies in
 * Xet storage, within one region.
 *
 * Weights of the origin that have another name in the plan are removed from the branch where it has
 * them under their old one: libraries would go on loading those.
 *
 * @param plan What to write; its output is the address, and is not looked at.
 * @param location `hf://org/name[@branch]`.
 * @param options How it is pushed.
 * @returns The commit and the files.
 * @throws {TinygraftError} with `not-copied` where the Hub does not put a large file into the commit,
 * before anything is changed but that the repository may be there; `foreign-files` where the branch has
 * other weights that libraries would load in place of the plan's; else as `push` and `execute` do.
 *
 * @example Nothing is written or pushed without a token
 * ```ts
 * import { pushPlan, TinygraftError } from "tinygraft";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const plan = { output: "hf://org/name", kind: "folder", inputs: [], files: [] } as const;
 * const pushing = () => pushPlan(plan, plan.output, { endpoint: "https://huggingface.co" });
 * const error = await assertRejects(pushing, TinygraftError);
 * assertEquals(error.code, "hub-unauthorized");
 * ```
 */
export async function pushPlan(
  plan: Plan,
  location: string,
  options: PushPlanOptions,
): Promise<PushResult> {
  const { origin, extra, verify = false, signal, ...rest } = options;
  const { address } = openSession(location, rest); // what is missing is said before the work
  const onHub = origin === undefined ? [] : plan.files.flatMap((file) => copyOf(file, origin));
  const left = new Set(onHub.map(({ path }) => path));
  const files = plan.files.filter(({ path }) => !left.has(path));
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-push-" });
  try {
    const output = join(folder, "files");
    const stop = signal === undefined ? {} : { signal };
    await execute({ ...plan, output, files }, { verify, ...stop });
    return await push(output, location, {
      ...{ ...rest, ...stop, onHub },
      startingPoint: origin?.address.id === address.id ? origin.address.revision : undefined,
      extra: await extra?.(output),
      remove: (listed) => origin === undefined ? [] : supersededOf(plan, origin, listed, location),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A planned copy of a large file that the Hub can make; none where its bytes must be fetched. */
function copyOf(file: PlannedFile, { address, files }: HubOrigin): LocalFile[] {
  const prefix = `${showFolder(address)}/`;
  if (file.kind !== "copy" || !file.from.startsWith(prefix)) return [];
  const name = file.from.slice(prefix.length);
  const listed = files.get(name);
  if (listed?.sha256 === undefined) return [];
  const { byteLength, sha256, xetHash } = listed;
  const path = [address.folder, name].filter((part) => part !== "").join("/");
  const content = { repository: address.id, path, xetHash };
  return [{ path: file.path, byteLength, sha256, gitSha1: "", content }];
}

/** What the branch has of the origin's weights, under names that the plan gives up. */
function supersededOf(
  plan: Plan,
  origin: HubOrigin,
  listed: HubListing["files"],
  location: string,
): string[] {
  const planned = new Set(plan.files.map(({ path }) => path));
  if (!planned.has(indexName(MODEL_WEIGHTS))) return [];
  const superseded = [...listed].filter(([path, { sha256 }]) =>
    isModelWeights(path) && !planned.has(path) &&
    [...origin.files].some(([name, file]) =>
      isModelWeights(name) && sha256 !== undefined && file.sha256 === sha256
    )
  ).map(([path]) => path);
  const isShadowed = listed.has(MODEL_WEIGHTS) && !planned.has(MODEL_WEIGHTS) &&
    !superseded.includes(MODEL_WEIGHTS);
  if (!isShadowed) return superseded;
  throw new TinygraftError(
    `Cannot push to "${location}": it has a ${MODEL_WEIGHTS} of its own, which libraries would load ` +
      "in place of the shards: choose another repository or branch",
    { code: "foreign-files", path: location },
  );
}

function isModelWeights(path: string): boolean {
  return path === MODEL_WEIGHTS || isShardName(path, MODEL_WEIGHTS);
}
