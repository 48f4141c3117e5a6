/**
 * The cache of the Hub's tools, in the layout that Python's `huggingface_hub` reads and writes.
 *
 * @module
 */

import { dirname, join, relative } from "@std/path";
import { TinygraftError } from "../errors.ts";
import type { HubAddress } from "../remote/address.ts";
import { COMMIT } from "../remote/hub_listing.ts";
import { isSymlink, listFolder, realPath, statPath } from "../checkpoint/sources.ts";
import { stagingPath } from "../checkpoint/leftovers.ts";
import { type FileOptions, linkTo, makeParents } from "./files.ts";

/** A repository's part of the cache: content by checksum, and snapshots of links to it. */
export class RepositoryCache {
  /** The repository's own folder. */
  readonly folder: string;
  readonly #locks: string;

  /**
   * Names the places; nothing is made yet.
   *
   * @param cache The cache's folder, `$HF_HOME/hub` as a rule.
   * @param repository The repository.
   */
  constructor(cache: string, { id, repoType }: Pick<HubAddress, "id" | "repoType">) {
    const name = `${repoType ?? "model"}s--${id.replace("/", "--")}`;
    this.folder = join(cache, name);
    this.#locks = join(cache, ".locks", name);
  }

  /** The folder in which a commit's files stand under their names. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /**
   * Where content lies, grows, and is locked.
   *
   * @param name The content's SHA-256, or Git's SHA-1.
   */
  blob(name: string): { readonly path: string; readonly partial: string; readonly lock: string } {
    const path = join(this.folder, "blobs", name);
    const lock = join(this.#locks, `${name}.lock`);
    return { path, partial: `${path}.tinygraft.incomplete`, lock };
  }

  /** Makes the folders for content. */
  prepare(): void {
    Deno.mkdirSync(join(this.folder, "blobs"), { recursive: true });
  }

  /**
   * Gives content its name in a commit's snapshot.
   *
   * @param commit The commit.
   * @param path The file's path in the repository, which has been checked.
   * @param blob The content.
   * @param options How the work is stopped.
   */
  async link(commit: string, path: string, blob: string, options: FileOptions): Promise<void> {
    await linkTo(blob, makeParents(this.snapshot(commit), path), options);
  }

  /**
   * Notes which commit a branch or tag means; to be called last, when the snapshot is whole.
   *
   * @param revision The branch, tag or `refs/pr/N`; nothing is noted for a commit.
   * @param commit Its commit.
   */
  writeRef(revision: string, commit: string): void {
    if (COMMIT.test(revision)) return;
    const path = makeParents(join(this.folder, "refs"), revision);
    const staged = stagingPath(path);
    Deno.writeTextFileSync(staged, commit);
    Deno.renameSync(staged, path);
  }

  /**
   * Finds the commit that a revision meant when it was last asked for.
   *
   * @param revision Branch, tag, `refs/pr/N` or commit.
   * @returns The commit, if the cache has a snapshot of it.
   */
  commitOf(revision: string): string | undefined {
    const commit = COMMIT.test(revision) ? revision : this.#readRef(revision);
    const isThere = commit !== undefined && statPath(this.snapshot(commit))?.kind === "folder";
    return isThere ? commit : undefined;
  }

  #readRef(revision: string): string | undefined {
    const path = join(this.folder, "refs", ...revision.split("/"));
    if (statPath(path)?.kind !== "file") return undefined;
    const commit = Deno.readTextFileSync(path).trim();
    return COMMIT.test(commit) ? commit : undefined;
  }

  /**
   * Lists the files of a snapshot that are there and lead to content of this repository.
   *
   * @param commit The commit.
   * @returns Content by path, with slashes.
   */
  list(commit: string): Map<string, string> {
    const found = new Map<string, string>();
    const root = statPath(this.folder) === undefined ? this.folder : realPath(this.folder);
    const walk = (folder: string, prefix: string) => {
      for (const name of listFolder(folder)) {
        const path = join(folder, name);
        const status = statPath(path);
        if (status?.kind === "folder" && !isSymlink(path)) walk(path, `${prefix}${name}/`);
        if (status?.kind !== "file") continue;
        const content = realPath(path);
        if (!relative(root, content).startsWith("..")) found.set(`${prefix}${name}`, content);
      }
    };
    walk(this.snapshot(commit), "");
    return found;
  }
}

/**
 * Makes the error for what is not in the cache while requests are switched off.
 *
 * @param location The address, as it may be shown.
 * @param found What is missing.
 * @param cache The repository's part of the cache.
 */
export function notCached(
  location: string,
  found: string,
  { folder }: RepositoryCache,
): TinygraftError {
  return new TinygraftError(
    `Cannot pull "${location}": HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, and "` +
      `${dirname(folder)}" has ${found}: unset it, or pull once while it is not set`,
    { code: "offline", path: location },
  );
}
