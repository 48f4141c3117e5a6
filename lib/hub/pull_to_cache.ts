/**
 * Pulling into the cache that the Hub's tools share.
 *
 * @module
 */

import { join } from "@std/path";
import type { RemoteClient } from "../remote/client.ts";
import { DEFAULT_REVISION } from "../remote/hub_listing.ts";
import { blobName } from "./digest.ts";
import { downloadFile } from "./download.ts";
import { withLock } from "./files.ts";
import {
  damaged,
  findRight,
  type PulledFile,
  type PulledSet,
  type PullResult,
  type TargetOptions,
  type WantedFile,
} from "./pulled_set.ts";

/**
 * Brings the files into the cache, and names them in the commit's snapshot.
 *
 * @param set The files.
 * @param client The way to the Hub.
 * @param options How the work goes on.
 * @returns The snapshot's folder and the files.
 */
export async function toCache(
  set: PulledSet,
  client: RemoteClient,
  options: TargetOptions,
): Promise<PullResult> {
  const { address, cache, commit } = set;
  if (set.files.some(({ remote }) => remote !== undefined)) cache.prepare();
  const files = await set.each(async (file, onBytes) => {
    const pulled = await intoCache(set, file, client, { ...options, onBytes });
    const { content, ...result } = pulled;
    if (file.remote !== undefined) {
      await cache.link(commit, set.inRepository(file.path), content, options);
    }
    return result;
  }, options.onProgress);
  const isListed = set.files.some(({ remote }) => remote !== undefined);
  if (isListed) cache.writeRef(address.revision ?? DEFAULT_REVISION, commit);
  return { commit, folder: join(cache.snapshot(commit), address.folder), files };
}

/** One file's content in the cache. */
async function intoCache(
  { cache }: PulledSet,
  { path, expected, remote, content }: WantedFile,
  client: RemoteClient,
  options: TargetOptions & { onBytes(bytes: number): void },
): Promise<PulledFile & { content: string }> {
  const { onBytes } = options;
  const bytes = expected.byteLength;
  const blob = cache.blob(blobName(expected) ?? "");
  const held = content ?? blob.path;
  const take = async (): Promise<PulledFile & { content: string } | undefined> => {
    const found = await findRight(held, expected, options);
    if (found === undefined) return undefined;
    onBytes(bytes);
    return { path, bytes, sha256: found.sha256, from: "cache", content: held };
  };
  const before = await take();
  if (before !== undefined) return before;
  if (remote === undefined) throw damaged(path, held);
  return await withLock(blob.lock, options, async () => {
    const meanwhile = await take();
    if (meanwhile !== undefined) return meanwhile;
    const sha256 = await downloadFile(client, {
      ...{ file: remote, expected, onBytes, signal: options.signal },
      partial: blob.partial,
      target: blob.path,
    });
    return { path, bytes, sha256, from: "hub", content: blob.path };
  });
}
