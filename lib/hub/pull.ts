/**
 * Files of a repository on the Hub onto this machine, every one checked.
 *
 * @module
 */

import { basename, join } from "@std/path";
import { TinygraftError, UsageError } from "../errors.ts";
import { type HubAddress, parseAddress, repositoryParts, showFolder } from "../remote/address.ts";
import { RemoteClient, type RemoteOptions } from "../remote/client.ts";
import { DEFAULT_REVISION, type HubFile, listHubFolder } from "../remote/hub_listing.ts";
import { fetchText } from "../remote/text.ts";
import { Limiter } from "../remote/retry.ts";
import { writeError } from "../checkpoint/save.ts";
import { readTextFile, statPath } from "../checkpoint/sources.ts";
import { MAX_INDEX_BYTES } from "../safetensors/shard_index.ts";
import { notCached, RepositoryCache } from "./cache.ts";
import { blobName, type Expected } from "./digest.ts";
import { assertSafePaths } from "./file_names.ts";
import {
  type PulledFile,
  PulledSet,
  type PullResult,
  type TransferProgress,
} from "./pulled_set.ts";
import { toCache } from "./pull_to_cache.ts";
import { toFolder } from "./pull_to_folder.ts";
import { selectFiles, type Selection } from "./select.ts";

export type { PulledFile, PullResult };

/** How files are pulled. */
export interface PullOptions extends RemoteOptions, Selection {
  /** Folder of the cache that the Hub's tools share. */
  readonly cache: string;
  /** A folder to make of the files; into the cache unless given. */
  readonly output?: string | undefined;
  /** Fetches nothing; tells what would be pulled, and what of it is in the cache. */
  readonly dryRun?: boolean | undefined;
  /** Whether an existing output folder is replaced. */
  readonly force?: boolean | undefined;
  /** Whether an address of a file brings configuration and tokenizer beside it. */
  readonly withCompanions?: boolean | undefined;
  /** Takes what the cache holds at its length, without hashing it again. */
  readonly trustCache?: boolean | undefined;
  /** Told how far the work has come, in bytes. */
  readonly onProgress?: TransferProgress | undefined;
}

/** Files of the Hub worked on at once. */
const FILES_AT_ONCE = 4;

/**
 * Pulls the files of a model, or others, from the Hub.
 *
 * The address is resolved to one commit first. Files are fetched by fours, continued where an
 * earlier run stopped, and compared in length and checksum with what the Hub lists. Where `offline`
 * is set, no request is made and the cache alone answers.
 *
 * @param location `hf://org/name[@revision][/folder or file]`.
 * @param options Where the files go, which ones, and how the Hub is reached.
 * @returns Commit, folder and files.
 * @throws {UsageError} for a malformed address, or one that is not the Hub's.
 * @throws {TinygraftError} with `unsafe-file-name`, `checksum-mismatch`, `size-mismatch`,
 * `no-match`, `output-exists`, `offline` for what the cache lacks, or the code of the Hub's refusal.
 * The output is there whole or not at all.
 *
 * @example What is not in the cache cannot be had without requests
 * ```ts
 * import { pull, TinygraftError } from "tinygraft";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const cache = await Deno.makeTempDir();
 * const pulling = () => pull("hf://org/name", { cache, offline: true });
 * const error = await assertRejects(pulling, TinygraftError);
 * assertEquals(error.code, "offline");
 * await Deno.remove(cache);
 * ```
 */
export async function pull(location: string, options: PullOptions): Promise<PullResult> {
  const client = new RemoteClient(options);
  return await pullAddress(hubAddress(location, client), client, options);
}

/** How files are pulled that a function chooses. */
export interface PullAddressOptions extends PullOptions {
  /** Chooses among all files of the address's folder; it throws where none will do. */
  readonly choose?: ((paths: readonly string[]) => readonly string[]) | undefined;
}

/**
 * Pulls files as {@linkcode pull} does, from an address that was taken apart.
 *
 * @param address The folder.
 * @param client The way to the Hub.
 * @param options Where the files go, and which ones.
 * @returns Commit, folder and files.
 * @throws {TinygraftError} as {@linkcode pull} does, and what `choose` throws.
 */
export async function pullAddress(
  address: HubAddress,
  client: RemoteClient,
  options: PullAddressOptions,
): Promise<PullResult> {
  const cache = new RepositoryCache(options.cache, address);
  const set = options.offline
    ? await cachedSet(address, cache, options)
    : await listedSet(address, cache, client, options);
  const { output } = options;
  if (options.dryRun) return planned(set, output);
  try {
    return output === undefined
      ? await toCache(set, client, options)
      : await toFolder(set, client, { ...options, output });
  } catch (error) {
    throw writeError(output ?? cache.folder, error);
  }
}

/** What a pull would do; content of the cache counts by its length. */
function planned({ commit, cache, files, address }: PulledSet, output: string | undefined) {
  return {
    commit,
    folder: output ?? join(cache.snapshot(commit), address.folder),
    files: files.map(({ path, expected, content }): PulledFile => {
      const held = content ?? cache.blob(blobName(expected) ?? "").path;
      const isHeld = statPath(held)?.byteLength === expected.byteLength;
      const { byteLength: bytes, sha256 } = expected;
      return { path, bytes, sha256, from: isHeld ? "cache" : "hub" };
    }),
  };
}

function hubAddress(location: string, { endpoint }: RemoteClient): HubAddress {
  const address = parseAddress(location, endpoint);
  if (address.kind === "hub") return address;
  throw new UsageError(
    `Cannot pull "${
      showFolder(address)
    }": it is not on the Hub, expected hf://org/name: download ` +
      "it with another tool",
  );
}

/** The files that the address means: one, one with what loading it takes, or a selection. */
function choose(
  address: HubAddress,
  paths: readonly string[],
  options: PullAddressOptions,
  readText: (path: string) => Promise<string>,
): Promise<string[]> {
  const { file } = address;
  if (options.choose !== undefined) return Promise.resolve([...options.choose(paths)].sort());
  const { withCompanions = false } = options;
  if (file !== undefined && !withCompanions) return Promise.resolve([file]);
  return selectFiles(paths, { ...options, weights: file }, readText, showFolder(address));
}

/** What the Hub lists now, chosen and checked. */
async function listedSet(
  address: HubAddress,
  cache: RepositoryCache,
  client: RemoteClient,
  options: PullAddressOptions,
): Promise<PulledSet> {
  const { commit, files } = await listHubFolder(client, address);
  const url = (path: string) => {
    const inside = [address.folder, path].filter((part) => part !== "").join("/").split("/");
    return client.hubUrl([...repositoryParts(address), "resolve", commit, ...inside]);
  };
  const show = (path: string) => `${showFolder(address)}/${path}`;
  const readText = (path: string) => {
    const file = { url: url(path), path: show(path) };
    return fetchText(client, file, MAX_INDEX_BYTES);
  };
  const chosen = await choose(address, [...files.keys()], options, readText);
  assertSafePaths(chosen, showFolder(address));
  return new PulledSet(
    address,
    commit,
    cache,
    new Limiter(FILES_AT_ONCE),
    chosen.map((path) => {
      const expected = files.get(path) ?? missing(show(path), commit);
      assertChecksum(expected, show(path));
      return { path, expected, remote: { url: url(path), path: show(path) }, content: undefined };
    }),
  );
}

function missing(path: string, commit: string): never {
  throw new TinygraftError(
    `Cannot pull "${path}": the repository has no such file at commit ${commit}: it is incomplete`,
    { code: "file-not-found", path },
  );
}

function assertChecksum(file: HubFile, path: string): void {
  if (blobName(file) !== undefined) return;
  throw new TinygraftError(
    `Cannot pull "${path}": the Hub lists no checksum, so it cannot be checked: check HF_ENDPOINT`,
    { code: "unexpected-answer", path },
  );
}

/** What the cache holds of the revision, while no request may be made. */
async function cachedSet(
  address: HubAddress,
  cache: RepositoryCache,
  options: PullAddressOptions,
): Promise<PulledSet> {
  const revision = address.revision ?? DEFAULT_REVISION;
  const location = showFolder(address);
  const commit = cache.commitOf(revision);
  if (commit === undefined) throw notCached(location, `no snapshot of ${revision}`, cache);
  const prefix = address.folder === "" ? "" : `${address.folder}/`;
  const contents = new Map<string, string>();
  for (const [path, content] of cache.list(commit)) {
    if (path.startsWith(prefix)) contents.set(path.slice(prefix.length), content);
  }
  const paths = [...contents.keys()];
  if (paths.length === 0) throw notCached(location, "none of its files", cache);
  const readText = (path: string) => {
    const content = contents.get(path);
    if (content === undefined) throw notCached(location, `no ${path}`, cache);
    return readTextFile(content);
  };
  const chosen = await choose(address, paths, options, readText);
  assertSafePaths(chosen, location);
  return new PulledSet(
    address,
    commit,
    cache,
    new Limiter(FILES_AT_ONCE),
    chosen.map((path) => {
      const content = contents.get(path);
      if (content === undefined) throw notCached(location, `no ${path}`, cache);
      return { path, expected: expectedOf(content), remote: undefined, content };
    }),
  );
}

/** Content of the cache is named by its checksum. */
function expectedOf(content: string): Expected {
  const name = basename(content);
  return {
    byteLength: statPath(content)?.byteLength ?? 0,
    sha256: /^[0-9a-f]{64}$/.test(name) ? name : undefined,
    gitSha1: /^[0-9a-f]{40}$/.test(name) ? name : undefined,
  };
}
