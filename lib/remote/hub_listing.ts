/**
 * What a folder of a model's repository on the Hub holds, at one commit.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { type HubAddress, repositoryParts, showFolder, showUrl } from "./address.ts";
import type { RemoteClient } from "./client.ts";
import { fetchBytes } from "./text.ts";

/** A file as the Hub lists it. */
export interface HubFile {
  /** Length in bytes. */
  readonly byteLength: number;
  /** SHA-1 of the content as Git makes it; `undefined` for a large file, whose pointer Git has. */
  readonly gitSha1: string | undefined;
  /** SHA-256 of a large file's content; `undefined` for others. */
  readonly sha256: string | undefined;
  /** How Xet, the Hub's storage of large files, knows the content; `undefined` where it does not. */
  readonly xetHash?: string | undefined;
}

/** The files of a folder at one commit. */
export interface HubListing {
  /** The commit: 40 hexadecimal digits. */
  readonly commit: string;
  /** By path from the folder, with slashes; files of subfolders are among them. */
  readonly files: ReadonlyMap<string, HubFile>;
}

/** The branch that is meant where an address names none. */
export const DEFAULT_REVISION = "main";
/** A commit's name, which no branch may have. */
export const COMMIT: RegExp = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** A page of the listing holds at most 1,000 entries. */
const MAX_PAGES = 100;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/**
 * Lists a folder: the revision is resolved to a commit first, so that all that is read later is of
 * one state of the repository.
 *
 * @param client The way to the Hub.
 * @param address The folder.
 * @returns The commit and the folder's files.
 * @throws {TinygraftError} with `repo-not-found`, `revision-not-found`, `gated-repo`,
 * `hub-unauthorized`, `file-not-found` for a folder that is not there, `unexpected-answer` for
 * what is no listing, else as {@linkcode RemoteClient.get}.
 */
export async function listHubFolder(
  client: RemoteClient,
  address: HubAddress,
): Promise<HubListing> {
  const commit = await resolveCommit(client, address);
  const api = [...apiParts(address), "tree", commit];
  const folder = address.folder === "" ? [] : address.folder.split("/");
  const files = new Map<string, HubFile>();
  let url: URL | undefined = client.hubUrl([...api, ...folder], "recursive=true");
  for (let page = 0; url !== undefined; page++) {
    if (page === MAX_PAGES) throw unexpected(address, url, `over ${MAX_PAGES} pages of entries`);
    const { json, headers } = await getJson(client, address, url);
    if (!Array.isArray(json)) throw unexpected(address, url, "no list of files");
    for (const entry of json) addEntry(entry, address, files);
    url = nextPage(headers.get("link"), url, client, address);
  }
  return { commit, files };
}

/**
 * Finds the commit that an address means now.
 *
 * @param client The way to the Hub.
 * @param address A folder of the repository.
 * @returns The commit: 40 hexadecimal digits.
 * @throws {TinygraftError} as {@linkcode listHubFolder}.
 */
export async function resolveCommit(client: RemoteClient, address: HubAddress): Promise<string> {
  const revision = address.revision ?? DEFAULT_REVISION;
  if (COMMIT.test(revision)) return revision;
  const api = [...apiParts(address), "revision", revision];
  const url = client.hubUrl(api, "expand=sha");
  const { json } = await getJson(client, address, url).catch(asMissingRepository);
  const commit = (json as { sha?: unknown } | null)?.sha;
  if (typeof commit === "string" && COMMIT.test(commit)) return commit;
  throw unexpected(address, url, "no commit");
}

function apiParts(address: HubAddress): string[] {
  const type = address.repoType === undefined ? ["models"] : [];
  return ["api", ...type, ...repositoryParts(address)];
}

/** A plain 404 for the whole repository, as mirrors of the Hub send it. */
function asMissingRepository(error: unknown): never {
  if (error instanceof TinygraftError && error.code === "file-not-found") {
    throw new TinygraftError(error.message, { code: "repo-not-found", path: error.path });
  }
  throw error;
}

async function getJson(
  client: RemoteClient,
  address: HubAddress,
  url: URL,
): Promise<{ json: unknown; headers: Headers }> {
  const file = { url, path: showFolder(address) };
  const { bytes, headers } = await fetchBytes(client, file, MAX_PAGE_BYTES);
  try {
    return { json: JSON.parse(new TextDecoder().decode(bytes)), headers };
  } catch {
    throw unexpected(address, url, "no JSON");
  }
}

function addEntry(entry: unknown, address: HubAddress, files: Map<string, HubFile>): void {
  if (typeof entry !== "object" || entry === null) return;
  const { type, path, size, oid, lfs, xetHash } = entry as Record<string, unknown>;
  if (type !== "file" || typeof path !== "string" || typeof size !== "number") return;
  const prefix = address.folder === "" ? "" : `${address.folder}/`;
  const name = path.startsWith(prefix) ? path.slice(prefix.length) : "";
  if (name === "") return;
  const large = typeof lfs === "object" && lfs !== null
    ? lfs as Record<string, unknown>
    : undefined;
  files.set(name, {
    byteLength: size,
    gitSha1: large === undefined ? matching(oid, COMMIT) : undefined,
    sha256: matching(large?.["oid"], SHA256),
    xetHash: matching(xetHash, SHA256),
  });
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  return typeof value === "string" && pattern.test(value) ? value : undefined;
}

/** The next page is asked for with the token, so it must be the Hub's own. */
function nextPage(
  link: string | null,
  from: URL,
  client: RemoteClient,
  address: HubAddress,
): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next\b/.exec(link ?? "")?.[1];
  if (target === undefined) return undefined;
  const url = URL.parse(target, from);
  if (url?.origin === client.endpoint.origin) return url;
  throw unexpected(address, from, "a next page on another server");
}

function unexpected(address: HubAddress, url: URL, found: string): TinygraftError {
  const path = showFolder(address);
  return new TinygraftError(
    `Cannot list "${path}": ${showUrl(url)} sent ${found}, expected the Hub's answer: check ` +
      "HF_ENDPOINT",
    { code: "unexpected-answer", path },
  );
}
