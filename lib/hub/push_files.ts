/**
 * Which files of a folder are pushed, and what their checksums are.
 *
 * @module
 */

import { createHash } from "node:crypto"; // streams, which crypto.subtle cannot
import { join, resolve, toFileUrl } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { isSymlink, listFolder, realPath, statPath } from "../checkpoint/sources.ts";
import type { HubFile } from "../remote/hub_listing.ts";
import { type FileOptions, readPieces } from "./files.ts";

/** A file to push, of this machine unless its content says otherwise. */
export interface LocalFile {
  /** Its path in the repository, with slashes. */
  readonly path: string;
  /** Its length in bytes. */
  readonly byteLength: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
  /** Its content's SHA-1 as Git makes it; "" for a large file of the Hub's, which Git never saw. */
  readonly gitSha1: string;
  /** Where the content is: a file of this machine, in memory, or on the Hub already. */
  readonly content: URL | Blob | HubContent;
}

/** Content that the Hub has in one of its repositories, and that need not come to this machine. */
export interface HubContent {
  /** The repository: `org/name`. */
  readonly repository: string;
  /** The file's path there. */
  readonly path: string;
  /** How Xet knows it; `undefined` where it does not. */
  readonly xetHash: string | undefined;
}

/**
 * Tells whether content is on the Hub already.
 *
 * @param content Where a file's content is.
 */
export function isOnHub(content: LocalFile["content"]): content is HubContent {
  return !(content instanceof URL || content instanceof Blob);
}

/** What is found in a folder. */
export interface FolderFiles {
  /** Paths to push, sorted. */
  readonly paths: readonly string[];
  /** What is left out, with the reason. */
  readonly leftOut: readonly string[];
}

const PARTIAL = /\.(?:incomplete|partial|part|tmp|crdownload)(?:-[\w-]+)?$|~$/i;
/** Rows of data sets with what a model made of them: they may be anybody's texts. */
const PREDICTIONS = /predictions?[^/]*\.(?:jsonl|json|csv|tsv)$/i;

/**
 * Lists what of a folder is to be pushed: not dotfiles, symlinks, unfinished files, predictions.
 *
 * @param folder The folder.
 * @returns Paths with slashes, and what is left out.
 * @throws {TinygraftError} with `not-found` when it is no folder, or has nothing to push.
 */
export function listPushable(folder: string): FolderFiles {
  const paths: string[] = [];
  const leftOut: string[] = [];
  if (statPath(folder)?.kind !== "folder") {
    throw new TinygraftError(`Cannot push "${folder}": it is no folder: check the path`, {
      code: "not-found",
      path: folder,
    });
  }
  const walk = (inner: string, prefix: string) => {
    for (const name of listFolder(inner)) {
      const path = join(inner, name);
      const shown = `${prefix}${name}`;
      const reason = reasonAgainst(name, path);
      if (reason !== undefined) leftOut.push(`${shown} (${reason})`);
      else if (statPath(path)?.kind === "folder") walk(path, `${shown}/`);
      else paths.push(shown);
    }
  };
  walk(realPath(folder), "");
  if (paths.length > 0) return { paths: paths.sort(), leftOut };
  throw new TinygraftError(`Cannot push "${folder}": it holds nothing to push`, {
    code: "not-found",
    path: folder,
  });
}

function reasonAgainst(name: string, path: string): string | undefined {
  if (name.startsWith(".")) return "hidden";
  if (isSymlink(path)) return "a symlink";
  if (statPath(path)?.kind === "other") return "no file";
  if (PARTIAL.test(name)) return "unfinished";
  return PREDICTIONS.test(name) ? "predictions" : undefined;
}

/**
 * Adds up the lengths of files.
 *
 * @param folder The folder to push.
 * @param paths Their paths in it.
 * @returns The sum, in bytes.
 */
export function totalBytes(folder: string, paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + (statPath(join(folder, path))?.byteLength ?? 0), 0);
}

/**
 * Reads a file once for its checksums.
 *
 * @param folder The folder to push.
 * @param path The file's path in it.
 * @param options How the work is stopped, and where the bytes read are told.
 * @returns The file; its content stays on the disk.
 */
export async function describeFile(
  folder: string,
  path: string,
  options: FileOptions & { readonly onBytes?: (bytes: number) => void },
): Promise<LocalFile> {
  const full = resolve(folder, path);
  const byteLength = statPath(full)?.byteLength ?? 0;
  const sums = new Sums(byteLength);
  for await (const piece of readPieces(full, options)) {
    sums.update(piece);
    options.onBytes?.(piece.byteLength);
  }
  return { path, byteLength, ...sums.finish(), content: toFileUrl(full) };
}

/**
 * Describes content in memory.
 *
 * @param path Its path in the repository.
 * @param bytes The content.
 * @returns The file.
 */
export function describeBytes(path: string, bytes: Uint8Array<ArrayBuffer>): LocalFile {
  const sums = new Sums(bytes.byteLength);
  sums.update(bytes);
  const { byteLength } = bytes;
  return { path, byteLength, ...sums.finish(), content: new Blob([bytes]) };
}

/** Both checksums, as it is the Hub that decides which one it lists. */
class Sums {
  readonly #sha256 = createHash("sha256");
  readonly #sha1;

  constructor(byteLength: number) {
    this.#sha1 = createHash("sha1").update(`blob ${byteLength}\0`);
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#sha1.update(bytes);
  }

  finish(): { readonly sha256: string; readonly gitSha1: string } {
    return { sha256: this.#sha256.digest("hex"), gitSha1: this.#sha1.digest("hex") };
  }
}

/**
 * Tells whether the Hub has exactly this content.
 *
 * @param file The file of this machine.
 * @param listed The Hub's entry of the same path, if it has one.
 */
export function isSame(file: LocalFile, listed: HubFile | undefined): boolean {
  if (listed?.byteLength !== file.byteLength) return false;
  return listed.sha256 === undefined
    ? listed.gitSha1 === file.gitSha1
    : listed.sha256 === file.sha256;
}
