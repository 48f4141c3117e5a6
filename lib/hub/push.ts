/**
 * A folder onto the Hub: one commit, checked afterwards.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { HubAddress } from "../remote/address.ts";
import type { RemoteClient } from "../remote/client.ts";
import { type HubListing, listHubFolder, resolveCommit } from "../remote/hub_listing.ts";
import { type Changes, commitFiles, type Committed } from "./push_commit.ts";
import { copyOnHub, planCopies } from "./push_copies.ts";
import {
  describeBytes,
  describeFile,
  isOnHub,
  isSame,
  listPushable,
  type LocalFile,
  totalBytes,
} from "./push_files.ts";
import { openSession, type PushOptions, type Session } from "./push_session.ts";
import { RefusedError } from "./requests.ts";

export type { PushOptions };

/** One file as pushed. */
export interface PushedFile {
  /** Its path in the repository. */
  readonly path: string;
  /** Its length. */
  readonly bytes: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
}

/** What a push did. */
export interface PushResult {
  /** The new commit, or the branch's head where nothing differed; `undefined` on a dry run. */
  readonly commit: string | undefined;
  /** Its page, or the repository's. */
  readonly url: string;
  /** The pull request's page, where one was opened. */
  readonly pullRequest?: string;
  /** The files in the commit; on a dry run those that would be. */
  readonly uploaded: readonly PushedFile[];
  /** Large files in the commit that the Hub takes from another of its files, without sending them. */
  readonly copied: readonly PushedFile[];
  /** Paths that the commit removes; on a dry run those that it would. */
  readonly removed: readonly string[];
  /** The files that the Hub has already, byte for byte. */
  readonly unchanged: readonly PushedFile[];
  /** Whether nothing was changed on purpose. */
  readonly dryRun: boolean;
}

const CARD = "README.md";

/**
 * Pushes a folder as one commit, with only those files that the Hub does not have yet, and compares
 * what the Hub lists afterwards with the folder. Where nothing differs there is no commit.
 *
 * @param folder The folder.
 * @param location `hf://org/name[@branch]`.
 * @param options How it is pushed.
 * @returns The commit and the files.
 * @throws {UsageError} for a malformed address, or one of a file or folder.
 * @throws {TinygraftError} with `offline`, `hub-unauthorized`, `hub-forbidden`, `repo-not-found`,
 * `card-invalid`, `visibility-differs`, `stale-parent`, `too-large`, `push-verify-failed`, or what
 * reading the folder and the Hub throws.
 *
 * @example Nothing is pushed without a token
 * ```ts
 * import { push, TinygraftError } from "tinygraft";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const options = { endpoint: "https://huggingface.co", create: true };
 * const pushing = () => push("fixtures/mini/adapter", "hf://org/name", options);
 * const error = await assertRejects(pushing, TinygraftError);
 * assertEquals(error.code, "hub-unauthorized");
 * ```
 */
export async function push(
  folder: string,
  location: string,
  options: PushOptions,
): Promise<PushResult> {
  const session = openSession(location, options);
  const { address, client, hub, location: shown } = session;
  const files = await localFiles(folder, options);
  const { whoAmI } = await npmClient();
  await whoAmI(hub);
  await checkCard(files, session);
  const head = await ready(session);
  const listing = head === undefined ? undefined : await list(client, address, head);
  const isUnchanged = (file: LocalFile) => isSame(file, listing?.files.get(file.path));
  const unchanged = files.filter(isUnchanged).map(describe);
  const changed = files.filter((file) => !isUnchanged(file));
  const removed = listing === undefined ? [] : options.remove?.(listing.files) ?? [];
  const onHub = changed.filter(({ content }) => isOnHub(content));
  const done = {
    uploaded: changed.filter((file) => !onHub.includes(file)).map(describe),
    copied: onHub.map(describe),
    ...{ removed, unchanged, dryRun: options.dryRun ?? false },
  };
  const copies = planCopies(session, onHub, listing?.files);
  const isSameAll = changed.length === 0 && removed.length === 0;
  if (options.dryRun || head === undefined || isSameAll) {
    const commit = options.dryRun ? undefined : head;
    return { commit, url: `${options.endpoint}/${address.id}`, ...done };
  }
  await copyOnHub(session, copies);
  const committed = await commitFiles(session, { files: changed, removed }, head);
  await verify(session, committed, { files, removed }, shown);
  const { commit, url, pullRequest } = committed;
  return { commit, url, ...(pullRequest === undefined ? {} : { pullRequest }), ...done };
}

/** The npm client, which is loaded only by what needs it: it is large. */
function npmClient() {
  return import("@huggingface/hub");
}

async function localFiles(folder: string, options: PushOptions): Promise<LocalFile[]> {
  const { extra = new Map(), onWarning = () => {} } = options;
  const { paths, leftOut } = listPushable(folder);
  for (const each of leftOut) onWarning(`${each} is not pushed`);
  const files: LocalFile[] = [];
  const { signal, onProgress = () => {} } = options;
  const total = totalBytes(folder, paths);
  let done = 0;
  const onBytes = (bytes: number) => onProgress(done += bytes, total, "Hashing");
  for (const path of paths) {
    if (!extra.has(path)) files.push(await describeFile(folder, path, { signal, onBytes }));
  }
  for (const [path, bytes] of extra) files.push(describeBytes(path, bytes));
  files.push(...options.onHub ?? []);
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

function describe({ path, byteLength, sha256 }: LocalFile): PushedFile {
  return { path, bytes: byteLength, sha256 };
}

/** Asks the Hub about the card before anything is changed. */
async function checkCard(files: readonly LocalFile[], session: Session): Promise<void> {
  const card = files.find(({ path }) => path === CARD);
  if (card === undefined || isOnHub(card.content)) return;
  const { options, hub, location } = session;
  const warn = options.onWarning ?? (() => {});
  const content = card.content instanceof Blob
    ? await card.content.text()
    : await Deno.readTextFile(card.content);
  try {
    const response = await hub.fetch(`${hub.hubUrl}/api/validate-yaml`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ content, repoType: "model" }),
    });
    const { warnings } = await response.json() as { warnings?: { message: string }[] };
    for (const { message } of warnings ?? []) warn(`the Hub says of ${CARD}: ${message}`);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    if (error.status === 404) return warn("this Hub does not check cards");
    if (error.status !== 400) throw error;
    throw new TinygraftError(
      `Cannot push to "${location}": the Hub refuses the front matter of ${CARD}: ${error.said}: ` +
        "mend it, or write it anew with tinygraft card",
      { code: "card-invalid", path: CARD },
    );
  }
}

/**
 * Makes what is missing and finds the commit to build on.
 *
 * @returns The branch's head; `undefined` on a dry run where there is no repository or branch yet.
 */
async function ready(session: Session): Promise<string | undefined> {
  const { options, hub, client, address, location } = session;
  const { dryRun = false } = options;
  const { createBranch, createRepo } = await npmClient();
  const isThere = await assertVisibility(session);
  if (!isThere) {
    if (dryRun) return undefined;
    await createRepo({ ...hub, private: options.isPrivate ?? false }).catch(allow(409));
    await assertVisibility(session);
  }
  try {
    return await resolveCommit(client, address);
  } catch (error) {
    const isMissing = error instanceof TinygraftError && error.code === "revision-not-found";
    if (!isMissing) throw error;
    if (options.createPullRequest) {
      throw new TinygraftError(
        `Cannot open a pull request to "${location}": it has no branch "${address.revision}": name ` +
          "one that is there",
        { code: "revision-not-found", path: location },
      );
    }
    if (dryRun) return undefined;
    const { startingPoint } = options;
    await createBranch({
      ...hub,
      branch: address.revision,
      ...(startingPoint === undefined ? {} : { revision: startingPoint }),
    }).catch(allow(409));
    return await resolveCommit(client, address);
  }
}

/** Takes one status for success: what was to be made is there. */
function allow(status: number) {
  return (error: unknown) => {
    if (!(error instanceof RefusedError && error.status === status)) throw error;
  };
}

/** Looks whether the repository is there; one that is must be as private as asked. */
async function assertVisibility({ options, hub, location }: Session): Promise<boolean> {
  const { modelInfo } = await npmClient();
  let isPrivate: boolean;
  try {
    isPrivate = (await modelInfo({ ...hub, name: hub.repo })).private;
  } catch (error) {
    const isMissing = error instanceof RefusedError && error.status === 404;
    if (isMissing && options.create) return false;
    if (!isMissing) throw error;
    throw new TinygraftError(
      `Cannot push to "${location}": there is no such repository, or none that the token's user may ` +
        "see: give --create to make it",
      { code: "repo-not-found", path: location },
    );
  }
  if (options.isPrivate === undefined || options.isPrivate === isPrivate) return true;
  throw new TinygraftError(
    `Cannot push to "${location}": it is ${isPrivate ? "private" : "public"}, expected ` +
      `${isPrivate ? "public" : "private"}: change that on the Hub, or leave --private out`,
    { code: "visibility-differs", path: location },
  );
}

function list(client: RemoteClient, address: HubAddress, commit: string): Promise<HubListing> {
  return listHubFolder(client, { ...address, revision: commit });
}

/** Compares what the Hub has now with the folder. */
async function verify(
  { client, address }: Session,
  { commit, url }: Committed,
  { files, removed }: Changes,
  location: string,
): Promise<void> {
  const { files: listed } = await list(client, address, commit);
  const wrong = [
    ...files.filter((file) => !isSame(file, listed.get(file.path))).map(({ path }) => path),
    ...removed.filter((path) => listed.has(path)),
  ];
  if (wrong.length === 0) return;
  throw new TinygraftError(
    `Cannot trust the push to "${location}": at commit ${commit} the Hub lists ` +
      `${wrong.slice(0, 5).join(", ")} with another length or checksum, not at all, or still: ` +
      `look at ${url} and push again`,
    { code: "push-verify-failed", path: location },
  );
}
