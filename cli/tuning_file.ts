/**
 * Where the command line keeps which kernels are fastest on a GPU.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import type { TuningCache } from "../lib/compute/webgpu/tune.ts";
import type { Io } from "./io.ts";

/**
 * Opens the file of findings in the user's cache folder: `$XDG_CACHE_HOME/tinygraft/kernels.json`,
 * else below `~/.cache` or, on Windows, `%LOCALAPPDATA%`. A file that cannot be read counts as
 * empty, and one that cannot be written is left: a measurement takes a second.
 *
 * @param io The environment.
 * @returns The cache; `undefined` where there is no such folder.
 */
export function tuningFile({ env }: Pick<Io, "env">): TuningCache | undefined {
  const home = env("HOME");
  const folder = env("XDG_CACHE_HOME") ?? env("LOCALAPPDATA") ?? (home && join(home, ".cache"));
  if (!folder) return undefined;
  const path = join(folder, "tinygraft", "kernels.json");
  return {
    get: (key) => Promise.resolve(findings(path).get(key)),
    set: async (key, finding) => {
      const all = Object.fromEntries(findings(path).set(key, finding));
      const partial = `${path}.partial-${crypto.randomUUID()}`;
      try {
        await Deno.mkdir(dirname(path), { recursive: true });
        await Deno.writeTextFile(partial, `${JSON.stringify(all, undefined, 2)}\n`);
        await Deno.rename(partial, path);
      } catch {
        await Deno.remove(partial).catch(() => {});
      }
    },
  };
}

function findings(path: string): Map<string, string> {
  try {
    const entries = Object.entries(JSON.parse(Deno.readTextFileSync(path)));
    return new Map(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return new Map();
  }
}
