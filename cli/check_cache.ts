/**
 * Where the command line keeps the runs of checks.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import type { CheckCache } from "../lib/eval/check_cache.ts";
import type { Io } from "./io.ts";

/** Bytes of all kept runs at most: about 2,000 of a thousand rows. The oldest go first. */
const MAX_CACHE_BYTES = 256 * 1024 * 1024;

/** One kept run as a file. */
interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly used: number;
}

/**
 * Opens the folder of kept runs: `$XDG_CACHE_HOME/tinygraft/checks`, else below `~/.cache` or, on
 * Windows, `%LOCALAPPDATA%`. What cannot be read counts as absent, and what cannot be written is
 * left: a run can be made again.
 *
 * @param io The environment.
 * @param maxBytes Bytes of all runs at most.
 * @returns The cache; `undefined` where there is no such folder.
 */
export function checkCacheFolder(
  { env }: Pick<Io, "env">,
  maxBytes: number = MAX_CACHE_BYTES,
): CheckCache | undefined {
  const home = env("HOME");
  const folder = env("XDG_CACHE_HOME") ?? env("LOCALAPPDATA") ?? (home && join(home, ".cache"));
  if (!folder) return undefined;
  const pathOf = (key: string) => join(folder, "tinygraft", "checks", `${key}.jsonl`);
  return {
    async get(key) {
      const path = pathOf(key);
      try {
        const text = await Deno.readTextFile(path);
        const now = new Date();
        await Deno.utime(path, now, now).catch(() => {}); // what is used stays longest
        return text;
      } catch {
        return undefined;
      }
    },
    async set(key, text) {
      const bytes = new TextEncoder().encode(text);
      if (bytes.byteLength > maxBytes) return; // it would only push the others out
      const path = pathOf(key);
      const partial = `${path}.partial-${crypto.randomUUID()}`;
      try {
        await Deno.mkdir(dirname(path), { recursive: true });
        await Deno.writeFile(partial, bytes);
        await Deno.rename(partial, path);
        await dropOldest(dirname(path), maxBytes);
      } catch {
        await Deno.remove(partial).catch(() => {});
      }
    },
  };
}

async function dropOldest(folder: string, maxBytes: number): Promise<void> {
  const entries: Entry[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const path = join(folder, name);
    const { size, mtime } = await Deno.stat(path);
    entries.push({ path, bytes: size, used: mtime?.getTime() ?? 0 });
  }
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of entries.sort((a, b) => a.used - b.used)) {
    if (bytes <= maxBytes) return;
    await Deno.remove(entry.path).catch(() => {}); // another process may have been quicker
    bytes -= entry.bytes;
  }
}
