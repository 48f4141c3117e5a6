/**
 * Addresses of checkpoints on the Hub (`hf://…`) and on any web server (`https://…`).
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** A folder on a web server, or one file in it. */
export interface WebAddress {
  /** Tells web addresses from Hub addresses. */
  readonly kind: "web";
  /** The address as given, without its fragment. */
  readonly url: URL;
  /** The folder; its path ends with a slash, and its query stands in every request. */
  readonly folder: URL;
  /** The file's name, decoded; `undefined` when the folder is meant. */
  readonly file: string | undefined;
}

/** A folder of a repository on the Hub, a model's unless it says otherwise, or one file in it. */
export interface HubAddress {
  /** Tells Hub addresses from web addresses. */
  readonly kind: "hub";
  /** What the repository is of, where it is not a model. */
  readonly repoType?: "dataset";
  /** The repository: `org/name`. */
  readonly id: string;
  /** Branch, tag, commit or `refs/pr/N`; `undefined` for the default branch. */
  readonly revision: string | undefined;
  /** Path of the folder in the repository, without slashes around it; "" for the root. */
  readonly folder: string;
  /** The file's name; `undefined` when the folder is meant. */
  readonly file: string | undefined;
}

/** Where something remote is. */
export type RemoteAddress = WebAddress | HubAddress;

const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i;
const WEIGHTS_FILE = /\.safetensors(\.index\.json)?$/;
/** First parts of the Hub's web pages that name no organisation. */
const NO_MODELS = new Set(["api", "collections", "datasets", "docs", "papers", "spaces"]);

/**
 * Whether a location is an address, rather than a path on this machine.
 *
 * @param location What the user gave.
 *
 * @example Paths and addresses
 * ```ts
 * import { isRemote } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isRemote("hf://sentence-transformers/all-MiniLM-L6-v2"), true);
 * assertEquals(isRemote("models/all-MiniLM-L6-v2"), false);
 * ```
 */
export function isRemote(location: string): boolean {
  return SCHEME.test(location);
}

/**
 * Takes an address apart; nothing is asked of any server.
 *
 * A name that ends in `.safetensors` or `.safetensors.index.json` is a file, and so is whatever
 * has a query and no final slash, as signed addresses do; all else is a folder. A page of the Hub,
 * such as `https://huggingface.co/org/name/tree/main`, stands for its `hf://` address.
 *
 * @param location `hf://[models/]org/name[@revision][/path]`, or an `http(s)://` address.
 * @param endpoint The Hub's own address.
 * @returns The parts.
 * @throws {UsageError} when it is malformed, of another scheme, or holds a password.
 */
export function parseAddress(location: string, endpoint: URL): RemoteAddress {
  const scheme = SCHEME.exec(location)?.[1]?.toLowerCase();
  if (scheme === "hf") return parseHub(location);
  if (scheme !== "https" && scheme !== "http") {
    const found = scheme === undefined ? "it has no scheme" : `the scheme is ${quote(scheme)}`;
    throw malformed(location, found, "hf://org/name or https://…");
  }
  const url = URL.parse(location);
  if (url === null) throw malformed(location, "it is no valid URL", "https://host/path");
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      `Cannot use an address on "${url.host}": it holds a user name or password, expected none: ` +
        "download the files with a tool that can log in",
    );
  }
  return hubPage(url, endpoint) ?? parseWeb(url);
}

function malformed(location: string, found: string, expected: string): UsageError {
  const address = quote(location.replace(/[?#].*$/s, ""));
  return new UsageError(`Cannot use the address ${address}: ${found}, expected ${expected}`);
}

function parseWeb(url: URL): WebAddress {
  const given = new URL(url);
  given.hash = "";
  const folder = new URL(given);
  const { pathname } = folder;
  const last = pathname.slice(pathname.lastIndexOf("/") + 1);
  const isFile = last !== "" && (WEIGHTS_FILE.test(last) || folder.search !== "");
  if (isFile) folder.pathname = pathname.slice(0, pathname.length - last.length);
  else if (last !== "") folder.pathname = `${pathname}/`;
  return { kind: "web", url: given, folder, file: isFile ? decode(last) : undefined };
}

/** Decodes percent escapes; text with broken ones stands as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseHub(location: string): HubAddress {
  const rest = location.replace(/^hf:\/\//i, "").replace(/^models\//, "");
  const [, id = "", revision, path = ""] =
    /^([^/@]*\/[^/@]*)(?:@(refs\/(?:pr|convert)\/[^/]+|[^/]+))?(\/.*)?$/s.exec(rest) ?? [];
  const expected = "hf://org/name[@revision][/path]";
  const fault = id === "" ? "it names no repository" : faultOfId(id);
  if (fault !== undefined) throw malformed(location, fault, expected);
  const parts = path.split("/").filter((part, i, all) =>
    i > 0 && (part !== "" || i + 1 < all.length)
  );
  if (parts.some((part) => !isSafePart(part)) || decode(revision ?? "x") === "") {
    throw malformed(location, "it has an unusable path", expected);
  }
  return hubAddress(id, revision === undefined ? undefined : decode(revision), parts);
}

function hubAddress(id: string, revision: string | undefined, parts: string[]): HubAddress {
  const last = parts.at(-1);
  const isFile = last !== undefined && WEIGHTS_FILE.test(last);
  const folder = (isFile ? parts.slice(0, -1) : parts).join("/");
  return { kind: "hub", id, revision, folder, file: isFile ? last : undefined };
}

function isSafePart(part: string): boolean {
  return part !== "" && part !== "." && part !== ".." && !/[\\\p{Cc}]/u.test(part);
}

/** The Hub's own rules for names. */
function faultOfId(id: string): string | undefined {
  for (const part of id.split("/")) {
    const ok = /^[A-Za-z0-9._-]{1,96}$/.test(part) && !/--|\.\.|\.git$|^[-.]|[-.]$/.test(part);
    if (!ok) return `${quote(part)} is no name of the Hub`;
  }
  return id.startsWith("datasets/") || id.startsWith("spaces/")
    ? "it is the address of a data set or space"
    : undefined;
}

/** A web page of the Hub itself, as copied from a browser. */
function hubPage(url: URL, endpoint: URL): HubAddress | undefined {
  const root = endpoint.pathname.replace(/\/$/, "");
  if (url.origin !== endpoint.origin || !url.pathname.startsWith(`${root}/`)) return undefined;
  const parts = url.pathname.slice(root.length + 1).split("/").filter((part) => part !== "")
    .map(decode);
  const [org = "", name = "", view, revision, ...path] = parts;
  const id = `${org}/${name}`;
  if (NO_MODELS.has(org) || faultOfId(id) !== undefined) return undefined;
  if (view === undefined) return hubAddress(id, undefined, []);
  if (!/^(?:resolve|blob|tree|raw)$/.test(view) || revision === undefined) return undefined;
  return path.every(isSafePart) ? hubAddress(id, revision, path) : undefined;
}

/**
 * The folder of an address as people write it, without its query: signatures are secrets.
 *
 * @param address The address.
 * @returns The folder's address, without a final slash.
 */
export function showFolder(address: RemoteAddress): string {
  if (address.kind === "web") {
    return `${address.folder.origin}${address.folder.pathname}`.replace(/\/$/, "");
  }
  const { id, revision, folder, repoType } = address;
  const type = repoType === undefined ? "" : "datasets/";
  const at = revision === undefined ? "" : `@${revision}`;
  return `hf://${type}${id}${at}${folder === "" ? "" : `/${folder}`}`;
}

/**
 * Where a repository's files are below the Hub's address.
 *
 * @param address A folder of the repository.
 * @returns Parts of the path, not encoded.
 */
export function repositoryParts({ id, repoType }: HubAddress): string[] {
  return [...repoType === undefined ? [] : ["datasets"], ...id.split("/")];
}

/**
 * The address of a request as it may be shown: without its query, which can hold a signature.
 *
 * @param url The request's address.
 */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
