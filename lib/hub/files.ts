/**
 * Files of the cache and of folders being filled: checking, locking, copying, linking.
 *
 * @module
 */

import { dirname, join, relative } from "@std/path";
import { InterruptedError } from "../errors.ts";
import { cloneFile, NewFile, syncPath } from "../checkpoint/save.ts";
import { isSymlink, statPath } from "../checkpoint/sources.ts";
import { type Expected, FileDigest } from "./digest.ts";

const READ_BYTES = 1 << 20;
const LOCK_INTERVAL_MS = 100;

/** How long work on files is followed or stopped. */
export interface FileOptions {
  /** Stops the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a file piece by piece.
 *
 * @param path The file.
 * @param signal Stops the reading.
 * @yields The bytes, in a buffer that the next piece reuses.
 */
export async function* readPieces(
  path: string,
  { signal }: FileOptions,
): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    if (signal?.aborted) throw new InterruptedError();
    const count = await file.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/**
 * Tells whether a file holds what the Hub lists.
 *
 * @param path The file.
 * @param expected Its length and checksum.
 * @param options How the work is stopped.
 * @returns Its SHA-256; `undefined` where it is absent or holds something else.
 */
export async function digestIfRight(
  path: string,
  expected: Expected,
  options: FileOptions,
): Promise<string | undefined> {
  const status = statPath(path);
  if (status?.kind !== "file" || status.byteLength !== expected.byteLength) return undefined;
  const digest = new FileDigest(expected);
  for await (const piece of readPieces(path, options)) digest.update(piece);
  const { sha256, isRight } = digest.finish();
  return isRight ? sha256 : undefined;
}

/**
 * Does something while no other process that asks for the same lock does. Python's library takes
 * the same locks in the cache.
 *
 * @param path The lock's file, which stays; its folder is made.
 * @param options How the waiting is stopped.
 * @param work The work.
 * @returns What it returned.
 */
export async function withLock<T>(
  path: string,
  { signal }: FileOptions,
  work: () => Promise<T>,
): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true });
  using file = await Deno.open(path, { write: true, create: true });
  while (!await file.tryLock(true)) {
    if (signal?.aborted) throw new InterruptedError();
    await new Promise((resolve) => setTimeout(resolve, LOCK_INTERVAL_MS));
  }
  try {
    return await work();
  } finally {
    await file.unlock();
  }
}

/**
 * Copies a file to a new name, sharing its blocks where the file system can.
 *
 * @param from The file.
 * @param to The new name, which must be free.
 * @param options How the work is stopped.
 */
export async function copyFile(from: string, to: string, options: FileOptions): Promise<void> {
  if (await cloneFile(from, to)) return;
  const file = new NewFile(to);
  try {
    for await (const piece of readPieces(from, options)) file.write(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Makes the folders of a path below a folder, never through a symlink.
 *
 * @param folder The folder, which is made too.
 * @param path A path below it, with slashes.
 * @returns The full path.
 */
export function makeParents(folder: string, path: string): string {
  Deno.mkdirSync(folder, { recursive: true });
  let at = folder;
  for (const part of path.split("/").slice(0, -1)) {
    at = join(at, part);
    if (isSymlink(at)) Deno.removeSync(at);
    Deno.mkdirSync(at, { recursive: true });
  }
  return join(folder, path);
}

/**
 * Lets a path of a snapshot lead to a blob: by a relative symlink, else by a copy.
 *
 * @param blob The blob.
 * @param link The path.
 * @param options How the work is stopped.
 */
export async function linkTo(blob: string, link: string, options: FileOptions): Promise<void> {
  const target = relative(dirname(link), blob);
  if (isSymlink(link) && await Deno.readLink(link) === target) return;
  if (isSymlink(link) || statPath(link) !== undefined) await Deno.remove(link);
  try {
    await Deno.symlink(target, link);
  } catch (error) {
    // Another process may have made it; Windows lets few users make any.
    if (isSymlink(link)) return;
    if (Deno.build.os !== "windows") throw error;
    await copyFile(blob, link, options);
  }
}

/**
 * Waits until a file's bytes are on the disk, then gives it its name.
 *
 * @param partial The finished file.
 * @param target Its name, on the same file system.
 */
export async function settle(partial: string, target: string): Promise<void> {
  await syncPath(partial);
  await Deno.rename(partial, target);
}
