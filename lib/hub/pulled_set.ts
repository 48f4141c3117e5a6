/**
 * The files of one pull, and what became of them.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { HubAddress } from "../remote/address.ts";
import type { RemoteFile } from "../remote/client.ts";
import type { Limiter } from "../remote/retry.ts";
import { statPath } from "../checkpoint/sources.ts";
import type { RepositoryCache } from "./cache.ts";
import type { Expected } from "./digest.ts";
import { digestIfRight } from "./files.ts";

/** One file that was pulled. */
export interface PulledFile {
  /** Its path from the folder that the address names, with slashes. */
  readonly path: string;
  /** Its length. */
  readonly bytes: number;
  /** SHA-256 of its content; `undefined` where it was not read, as on a dry run. */
  readonly sha256: string | undefined;
  /** Whether it came from the Hub or was on this machine already. */
  readonly from: "hub" | "cache";
}

/** What was pulled. */
export interface PullResult {
  /** The commit that all files are of. */
  readonly commit: string;
  /** Where they stand: the output, or a folder of the cache. */
  readonly folder: string;
  /** The files, sorted by path. */
  readonly files: readonly PulledFile[];
}

/** Is told how far work has come: bytes done, bytes in all, and what is being done. */
export type TransferProgress = (done: number, total: number, label: string) => void;

/** A file to pull. */
export interface WantedFile {
  /** Its path from the folder that the address names. */
  readonly path: string;
  /** What its content must be. */
  readonly expected: Expected;
  /** Where it is on the Hub; `undefined` while no request may be made. */
  readonly remote: RemoteFile | undefined;
  /** Content on this machine that is to be it; `undefined` where none is known. */
  readonly content: string | undefined;
}

/** The files to pull, all of one commit. */
export class PulledSet {
  /**
   * Holds what is to be pulled.
   *
   * @param address The folder.
   * @param commit Its commit.
   * @param cache The repository's part of the cache.
   * @param limiter How many files are worked on at once.
   * @param files The files, sorted by path.
   */
  constructor(
    readonly address: HubAddress,
    readonly commit: string,
    readonly cache: RepositoryCache,
    readonly limiter: Limiter,
    readonly files: readonly WantedFile[],
  ) {}

  /** A file's path in the repository. */
  inRepository(path: string): string {
    const { folder } = this.address;
    return folder === "" ? path : `${folder}/${path}`;
  }

  /**
   * Does something with every file, some at once; after a failure no further one is begun.
   *
   * @param work What to do; it is handed where to report bytes.
   * @param onProgress Told the sum of what was reported.
   * @returns What `work` returned, in the order of the files.
   */
  async each<T>(
    work: (file: WantedFile, onBytes: (bytes: number) => void) => Promise<T>,
    onProgress: TransferProgress = () => {},
  ): Promise<T[]> {
    const total = this.files.reduce((sum, { expected }) => sum + expected.byteLength, 0);
    let done = 0;
    let failed = false;
    const results = await Promise.allSettled(this.files.map((file) =>
      this.limiter.run(async () => {
        if (failed) return undefined;
        try {
          return await work(file, (bytes) => onProgress(done += bytes, total, "Pulling"));
        } catch (error) {
          failed = true;
          throw error;
        }
      })
    ));
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value as T;
    });
  }
}

/** How the work goes on. */
export interface TargetOptions {
  /** Stops the work. */
  readonly signal?: AbortSignal;
  /** Takes what the cache holds at its length. */
  readonly trustCache?: boolean | undefined;
  /** Told how far the work has come. */
  readonly onProgress?: TransferProgress | undefined;
}

/**
 * Looks whether content is there and right; where the cache is trusted its length suffices.
 *
 * @param path The content.
 * @param expected What it must be.
 * @param options Whether the cache is trusted, and how the work is stopped.
 * @returns Its SHA-256, if known; `undefined` where it is absent or wrong.
 */
export async function findRight(
  path: string,
  expected: Expected,
  { trustCache = false, signal }: TargetOptions,
): Promise<{ sha256: string | undefined } | undefined> {
  const status = statPath(path);
  if (status?.kind !== "file" || status.byteLength !== expected.byteLength) return undefined;
  if (trustCache) return { sha256: expected.sha256 };
  const sha256 = await digestIfRight(path, expected, { signal });
  return sha256 === undefined ? undefined : { sha256 };
}

/**
 * Makes the error for content of the cache that nothing can replace.
 *
 * @param path The file that it was to be.
 * @param content Where it lies.
 */
export function damaged(path: string, content: string): TinygraftError {
  return new TinygraftError(
    `Cannot use "${content}" of the cache as ${path}: its content has another checksum than its ` +
      "name says: delete it and pull again",
    { code: "checksum-mismatch", path: content },
  );
}
