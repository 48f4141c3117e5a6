/**
 * Walks over the checkout's files, for the checks.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

/** The checkout's root folder, without a final slash. */
export const ROOT: string = fromFileUrl(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/**
 * Lists the files under a folder, in name order; folders whose names start with a dot are left out.
 *
 * @param folder Folder relative to `root`; one that does not exist has no files.
 * @param extension What the names end with, such as `.ts`; empty for every file.
 * @param root Where `folder` is, the checkout unless told otherwise.
 * @returns Paths relative to `root`, with forward slashes.
 */
export function listFiles(folder: string, extension: string, root: string = ROOT): string[] {
  const found: string[] = [];
  const walk = (path: string) => {
    for (const entry of Deno.readDirSync(`${root}/${path}`)) {
      const inner = `${path}/${entry.name}`;
      if (entry.isDirectory && !entry.name.startsWith(".")) walk(inner);
      if (entry.isFile && entry.name.endsWith(extension)) found.push(inner);
    }
  };
  if (exists(`${root}/${folder}`)) walk(folder);
  return found.sort();
}

/**
 * Tells whether a path is there.
 *
 * @param path Any path.
 * @returns True when a file or folder of that name exists.
 */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/**
 * Reads text files into memory.
 *
 * @param paths Paths relative to the checkout's root.
 * @returns Path to content, in the order given.
 */
export function readFiles(paths: readonly string[]): Map<string, string> {
  return new Map(paths.map((path) => [path, Deno.readTextFileSync(`${ROOT}/${path}`)]));
}
