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
  type WantedFile,
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

/** Chooses among paths; it is handed what reads a text file of them. */
export type ChooseFiles = (
  paths: readonly string[],
  readText: (path: string) => Promise<string>,
) => Promise<readonly string[]>;

/** How files are pulled that a function chooses. */
export interface PullAddressOptions extends PullOptions {
  /** Chooses among all files of the address's folder, and may read some; it throws where none will do. */
  readonly choose?: ChooseFiles | undefined;
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
  const found = options.offline ? findInCache(address, cache) : await findOnHub(address, client);
  const set = await wantedSet(address, cache, options, found);
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
async function choose(
  address: HubAddress,
  { paths, readText }: Found,
  options: PullAddressOptions,
): Promise<string[]> {
  const { file } = address;
  if (options.choose !== undefined) return [...await options.choose(paths, readText)].sort();
  const { withCompanions = false } = options;
  if (file !== undefined && !withCompanions) return [file];
  return await selectFiles(paths, { ...options, weights: file }, readText, showFolder(address));
}

/** A repository's files at one commit, on the Hub or in the cache. */
interface Found {
  readonly commit: string;
  readonly paths: readonly string[];
  /** Reads a text file of them. */
  readText(path: string): Promise<string>;
  /** Describes one that was chosen; it throws where there is none. */
  want(path: string): WantedFile;
}

/** The files that are wanted of those that were found. */
async function wantedSet(
  address: HubAddress,
  cache: RepositoryCache,
  options: PullAddressOptions,
  found: Found,
): Promise<PulledSet> {
  const chosen = await choose(address, found, options);
  assertSafePaths(chosen, showFolder(address));
  const files = chosen.map((path) => found.want(path));
  return new PulledSet(address, found.commit, cache, new Limiter(FILES_AT_ONCE), files);
}

/** What the Hub lists now. */
async function findOnHub(address: HubAddress, client: RemoteClient): Promise<Found> {
  const { commit, files } = await listHubFolder(client, address);
  const remote = (path: string) => {
    const inside = [address.folder, path].filter((part) => part !== "").join("/").split("/");
    const url = client.hubUrl([...repositoryParts(address), "resolve", commit, ...inside]);
    return { url, path: `${showFolder(address)}/${path}` };
  };
  return {
    ...{ commit, paths: [...files.keys()] },
    readText: (path) => fetchText(client, remote(path), MAX_INDEX_BYTES),
    want: (path) => {
      const from = remote(path);
      const expected = files.get(path) ?? missing(from.path, commit);
      assertChecksum(expected, from.path);
      return { path, expected, remote: from, content: undefined };
    },
  };
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
function findInCache(address: HubAddress, cache: RepositoryCache): Found {
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
  const contentOf = (path: string) => {
    const content = contents.get(path);
    if (content === undefined) throw notCached(location, `no ${path}`, cache);
    return content;
  };
  return {
    ...{ commit, paths },
    readText: (path) => readTextFile(contentOf(path)),
    want: (path) => {
      const content = contentOf(path);
      return { path, expected: expectedOf(content), remote: undefined, content };
    },
  };
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
